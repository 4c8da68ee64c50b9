from __future__ import annotations

import pytest

from hisn.findings.model import Reason
from hisn.findings.sentence import clause_of, english


def reason(test: str, value: str | None = "value", pattern: str = "pattern") -> Reason:
    return Reason(field="Field", test=test, pattern=pattern, value=value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (reason("Field"), "{field} is {value}"),
        (reason("Field", pattern="a*"), "{field} matches {pattern}: {value}"),
        (reason("Field|contains|cased"), "{field} contains {pattern}: {value}"),
        (reason("Field|re|i"), "{field} matches {pattern}: {value}"),
        (reason("Field|cidr"), "{field} {value} lies in {pattern}"),
        (reason("Field", value=None), "{field} has no value"),
        (reason("keywords|re"), "the record contains {pattern}: {value}"),
        (reason("Field|hour|gte"), "{field} passes {test} {pattern}: {value}"),
    ],
)
def test_each_test_is_said_in_words(given: Reason, expected: str) -> None:
    assert clause_of(given).key == expected


def test_the_sentence_names_the_decisive_values() -> None:
    said = english(
        "EMS-01",
        ("2026-11-03T18:20:00.000000Z", "2026-11-03T19:20:05.000000Z"),
        12,
        (reason("Field|contains"),),
    )
    assert said == (
        "Seen 12 times on EMS-01 from 2026-11-03 18:20:00 UTC to 2026-11-03 19:20:05 UTC: "
        "Field contains “pattern”: “value”."
    )


def test_a_value_cannot_leave_the_sentence() -> None:
    said = english("a\nb", (None, None), 1, (reason("Field", value="\x1b[2J\u202e{asset}{0}"),))
    assert said == "Seen 1 time on a\\nb, at an unknown time: Field is “\\x1b[2J\\u202e{asset}{0}”."


def test_more_tests_than_a_sentence_can_hold_are_counted() -> None:
    said = english("", (None, None), 2, tuple(reason("Field") for _ in range(5)))
    assert said.endswith("; and 2 more.")
    assert "an unnamed asset" in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("countries", "7 countries that hardly ever asked before make 9 % of it: it"),
        ("requests", "up to 7 requests a minute, where 9 % is usual (phase: it)"),
        ("endpoint", "7 go to one endpoint, where 9 % is usual: it"),
        ("waves", "it came in 7 waves"),
        ("night", "load as on any election night; nothing distinguishes it"),
    ],
)
def test_what_a_surge_is_like_is_said_without_quotes(name: str, said: str) -> None:
    why = Reason(field="it", test=f"surge {name}", pattern="9 %", value="7")
    assert english("a", (None, None), 2, (why,)) == f"Seen 2 times on a, at unknown times: {said}."


def test_a_sentence_can_hold_all_its_reasons() -> None:
    said = english("", (None, None), 2, tuple(reason("Field") for _ in range(5)), most=5)
    assert said.count("Field is") == 5
