"""A verification is shown as it is: every step, what is proven and what is not, and hostile text as text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from tests.unit.present.samples import language

from hisn.errors import VerificationError
from hisn.present.proof import SCHEMA, render_proof, render_proof_ending, render_proof_json
from hisn.unit.quorum import Cosigner, Witnessed
from hisn.verify.check import verify_pack
from hisn.verify.steps import Flag, FlagName, Report, Result, Said, Shown, ShownAct, ShownEvent, Status, Step
from hisn.verify.texts import FLAGS, NOT_PROVEN, RESULTS, SAID

FOLDER = Path(__file__).resolve().parents[3] / "vectors" / "evpack"
PACKS = sorted(path.stem for path in FOLDER.glob("*.evpack") if not path.stem.startswith("container-"))
HOSTILE = "\x1b[2Jevil\u202egpj.exe\n{name} \udc80 VALID"


@dataclass(frozen=True)
class Stamp:
    act: int
    time: str | None
    problem: str = ""


@cache
def report_of(name: str) -> Report | None:
    said = json.loads((FOLDER / "expected" / f"{name}.json").read_text("utf-8"))
    genesis = bytes.fromhex(said["genesis"]) if said["genesis"] else None
    try:
        return verify_pack((FOLDER / f"{name}.evpack").read_bytes(), genesis=genesis)
    except VerificationError:
        return None


def good(name: str) -> Report:
    found = report_of(name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("spoken", ["en", "ar"])
def test_every_published_pack_can_be_shown(name: str, spoken: str) -> None:
    found = report_of(name)
    if found is None:
        return
    with language(spoken):
        text = render_proof(found)
    lines = text.split("\n")
    assert [line.split()[0] for line in lines if re.match(r" {1,2}\d+  ", line)] == [
        str(step.number) for step in found.steps
    ]
    assert len(found.not_proven) >= len(NOT_PROVEN)
    assert "\x1b" not in text
    assert text.encode()
    document = json.loads(render_proof_json(found))
    assert (document["schema"], document["result"]) == (SCHEMA, found.result.value)
    assert document["exit_code"] == found.exit_code


@pytest.mark.parametrize(
    ("name", "result", "flag"),
    [
        ("good-witnessed", "VALID", "ALLEGED"),
        ("good-unwitnessed", "VALID, UNWITNESSED", "ALLEGED"),
        ("good-rechecked", "VALID", "RECHECKED"),
        ("good-dissented", "VALID", "DISSENTED"),
        ("good-overdue", "VALID", "OVERDUE"),
        ("bad-act-changed", "INVALID", None),
        ("fork-acts", "FORK PROVEN", None),
    ],
)
def test_the_result_ends_the_report(name: str, result: str, flag: str | None) -> None:
    found = good(name)
    *_, flags, last, end = render_proof(found).split("\n")
    assert end == ""
    assert last == f" {result}  {RESULTS[result]}"
    assert (flags.partition(":")[0] if flag else None) == flag
    assert render_proof(found).endswith(render_proof_ending(found))


def test_proven_and_not_proven_stand_apart() -> None:
    text = render_proof(good("good-witnessed"))
    proven, _, rest = text.partition("\nProven\n")[2].partition("\nNot proven\n")
    assert len([line for line in proven.split("\n") if line.startswith("  • ")]) == len(
        good("good-witnessed").proven
    )
    assert "That the source told the truth" in rest
    assert "That the source told the truth" not in proven


def test_a_failed_step_is_loud_and_nothing_is_proven() -> None:
    found = good("bad-act-changed")
    text = render_proof(found, colour=True)
    assert found.failed is not None
    assert "FAILED" in text
    assert "\nProven" not in text
    assert "\nThe finding\n" not in text
    assert found.failed.number < len(found.steps)
    assert "–" in text  # steps that were not reached


def test_fields_and_hidden_names_are_shown() -> None:
    found = good("good-witnessed")
    assert found.shown is not None
    text = render_proof(found)
    for event in found.shown.events:
        for name in (*event.fields, *event.hidden):
            assert name in text
    assert "\nThe finding\n" in text
    assert "record: " in render_proof(good("good-whole-records"))


def report_with(text: str) -> Report:
    """Return a report in which everything that comes from outside is `text`."""
    said = [Said(code, dict.fromkeys(re.findall(r"\{(\w+)\}", SAID[code]), text)) for code in SAID]
    act = ShownAct(
        number=0, kind=text, actor=text, side=text, index=1, leaf_hash=bytes(32), claimed_time=text, size=2,
        witnessed=Witnessed(0, True, (Cosigner(text, text, 2**62),), (text,)),
        after=((text, 3, 2**60), (text, 3, None)),
    )  # fmt: skip
    shown = Shown(
        unit=text, genesis=bytes(32), is_pinned=True, epoch=0, acts=(act,),
        finding={text: text, "n": None, "l": (1, text, (None,))}, hidden=(text,),
        events=(ShownEvent(1, 2, {text: text}, (text,), text.encode("utf-8", "replace")),),
    )  # fmt: skip
    return Report(
        result=Result.VALID,
        steps=tuple(Step(number, "container", Status.OK, each) for number, each in enumerate(said, 1)),
        proven=tuple(said),
        not_proven=tuple(said),
        flags=tuple(Flag(name, (text,)) for name in FlagName),
        shown=shown,
    )


@pytest.mark.parametrize("spoken", ["en", "ar"])
def test_hostile_text_is_shown_as_text(spoken: str) -> None:
    """A member's name that clears the screen, turns the line round, or writes a result of its own."""
    with language(spoken):
        text = render_proof(report_with(HOSTILE), [Stamp(0, None, HOSTILE), Stamp(1, HOSTILE)])
        plain = render_proof(report_with("plain"), [Stamp(0, None, "plain"), Stamp(1, "plain")])
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count("\n") == plain.count("\n")
    text.encode()
    document = json.loads(render_proof_json(report_with(HOSTILE), [Stamp(0, None, HOSTILE)]))
    assert document["shown"]["acts"][0]["actor"] == HOSTILE
    assert "\u202e" not in json.dumps(document["proven"], ensure_ascii=False)
    assert render_proof_json(report_with(HOSTILE)).isascii()


def test_a_time_that_is_none_is_shown_as_what_was_signed() -> None:
    """A witness can sign any number; it must not end the program that shows it."""
    document = json.loads(render_proof_json(report_with("x")))
    (act,) = document["shown"]["acts"]
    assert act["cosigners"][0]["time"] == f"{2**62} s after 1970"
    assert [each["until"] for each in act["after"]] == [f"{2**60} s after 1970", None]
    assert render_proof_json(good("good-strange-witnesses"))


def test_tokens_are_shown_as_what_they_are() -> None:
    found = good("good-token")
    text = render_proof(found, [Stamp(0, "2026-11-04T00:00:00.000000Z"), Stamp(1, None, "wrong root")])
    assert "Act 0 existed before 2026-11-04T00:00:00.000000Z" in text
    assert "The token of act 1 does not hold: wrong root" in text
    assert "Time-stamp tokens" not in render_proof(found)
    document = json.loads(render_proof_json(found, [Stamp(0, None, "wrong root")]))
    assert document["timestamps"] == [{"act": 0, "time": None, "problem": "wrong root"}]


def test_the_json_form_is_the_same_in_every_language() -> None:
    found = good("good-rechecked")
    with language("ar"):
        arabic = render_proof_json(found)
    assert arabic == render_proof_json(found)


def test_the_json_form_carries_everything_that_is_shown() -> None:
    found = good("good-seen")
    document = json.loads(render_proof_json(found))
    assert found.shown is not None
    assert [each["code"] for each in document["steps"]] == [step.code for step in found.steps]
    assert document["shown"]["genesis"] == found.shown.genesis.hex()
    assert [act["kind"] for act in document["shown"]["acts"]] == [act.kind for act in found.shown.acts]
    assert any(act["after"] for act in document["shown"]["acts"])
    assert [batch["count"] for batch in document["shown"]["batches"]] == [
        b.count for b in found.shown.batches
    ]
    whole = json.loads(render_proof_json(good("good-whole-records")))
    assert any(event["record"] for event in whole["shown"]["events"])
    failed = json.loads(render_proof_json(good("bad-act-changed")))
    assert failed["shown"] is None


def test_colour_marks_the_result_and_changes_no_word() -> None:
    for name in ("good-witnessed", "good-unwitnessed", "bad-act-changed", "fork-acts"):
        coloured = render_proof(good(name), colour=True)
        assert "\x1b[" in coloured
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_proof(good(name))


def test_a_report_without_flags_or_hidden_fields_has_no_empty_lines_of_them() -> None:
    found = good("good-witnessed")
    assert found.shown is not None
    bare = replace(found, flags=(), shown=replace(found.shown, finding={}, hidden=(), events=()))
    text = render_proof(bare)
    assert "\nThe finding\n" not in text
    assert all(each.partition("{")[0] not in text for each in FLAGS.values())
