"""Results, exit codes and sayings."""

from __future__ import annotations

import string

from hisn.verify.check import FINDING_STEPS, FORK_STEPS
from hisn.verify.steps import FlagName, Report, Result, Said, Status, Step
from hisn.verify.texts import FLAGS, NOT_PROVEN, RESULTS, SAID, STEPS


def exit_code(result: Result) -> int:
    return Report(result=result, steps=(), proven=(), not_proven=()).exit_code


def test_the_exit_codes_are_those_of_the_design() -> None:
    assert {result.value: exit_code(result) for result in Result} == {
        "VALID": 0,
        "VALID, UNWITNESSED": 5,
        "INVALID": 4,
        "FORK PROVEN": 4,
    }


def test_every_step_result_and_flag_has_its_text() -> None:
    assert set(STEPS) == {*FINDING_STEPS, *FORK_STEPS}
    assert set(RESULTS) == {result.value for result in Result}
    assert set(FLAGS) == {flag.value for flag in FlagName}
    assert set(NOT_PROVEN) <= set(SAID)


def test_a_saying_shows_hostile_values_safely() -> None:
    said = Said("unit-known", {"unit": "\x1b[2J{genesis}\u202e"})
    assert str(said) == "The unit is \\x1b[2J{genesis}\\u202e, the one whose genesis digest you gave."


def test_texts_name_their_values_and_never_reach_into_them() -> None:
    for text in SAID.values():
        for _, name, spec, conversion in string.Formatter().parse(text):
            assert name is None or name.isidentifier()
            assert not spec
            assert not conversion


def test_a_step_says_what_it_checks() -> None:
    step = Step(1, "container", Status.OK, Said("files", {"count": 1, "bytes": 2}))
    assert step.text == STEPS["container"]
    assert str(step.detail) == "1 files; the pack written again is the same 2 bytes"
