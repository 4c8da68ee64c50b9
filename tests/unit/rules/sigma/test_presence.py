from __future__ import annotations

import pytest

from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Seen
from hisn.rules.sigma.presence import parse_presence
from hisn.rules.sigma.refusal import RefusedError

A, B, C = Seen("a"), Seen("b"), Seen("c")


def test_not_binds_closer_than_and_closer_than_or() -> None:
    assert parse_presence("a or not b and c", 1) == AnySeen((A, AllSeen((NotSeen(B), C))))
    assert parse_presence("(a or b) and c", 1) == AllSeen((AnySeen((A, B)), C))
    assert parse_presence("not not a", 1) == A


def test_ids_may_stand_in_a_condition() -> None:
    text = "63BA33FD-3a50-4468-a5ef-c583635cfa92"
    assert parse_presence(text, 1) == Seen(text.lower())


@pytest.mark.parametrize(
    "text",
    ["", "and", "a b", "a and", "(a", "a)", "not", "()", "a or or b", "x" * 300, "a\u00a0" + "b" * 300],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_presence(text, 7)
    assert (caught.value.code, caught.value.line) == ("E2215", 7)


@pytest.mark.parametrize("text", ["(" * 5 + "a" + ")" * 5, " and ".join("a" * 1001), "a or " * 4000 + "a"])
def test_what_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse_presence(text, 7)
    assert caught.value.code == "E2217"


def test_a_thousand_nots_are_no_recursion() -> None:
    assert parse_presence("not " * 1001 + "a", 1) == NotSeen(A)
