from __future__ import annotations

import pytest

from hisn.engine.correlate.terms import Term, parts_of, terms_of
from hisn.errors import InputError
from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Presence, Seen

A, B, C = Seen("a"), Seen("b"), Seen("c")
POSITIONS = {"a": (0,), "b": (1,), "c": (2,)}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (A, [((0,), ())]),
        (AllSeen((B, A)), [((0, 1), ())]),
        (AnySeen((A, B)), [((0,), ()), ((1,), ())]),
        (AllSeen((A, NotSeen(B))), [((0,), (1,))]),
        (AllSeen((A, AnySeen((B, C)))), [((0, 1), ()), ((0, 2), ())]),
        (NotSeen(NotSeen(A)), [((0,), ())]),
        (AllSeen((A, NotSeen(AnySeen((B, C))))), [((0,), (1, 2))]),
        (AllSeen((A, NotSeen(AllSeen((B, C))))), [((0,), (1,)), ((0,), (2,))]),
        (AnySeen((A, AllSeen((A, B)))), [((0,), ())]),
        (AllSeen((A, NotSeen(A))), []),
    ],
)
def test_a_condition_is_taken_apart(expression: Presence, expected: list[tuple[object, object]]) -> None:
    terms = terms_of(expression, POSITIONS)
    assert [(term.ordered, tuple(sorted(term.absent))) for term in terms] == expected


def test_a_reference_that_stands_twice_must_occur_twice() -> None:
    assert terms_of(AllSeen((A, B)), {"a": (0, 2), "b": (1,)}) == (Term((0, 1, 2), frozenset()),)


def test_conditions_with_too_many_ways_are_refused_before_they_are_made() -> None:
    pairs = tuple(AnySeen((Seen(f"a{index}"), Seen(f"b{index}"))) for index in range(64))
    positions = {f"{letter}{index}": (2 * index + (letter == "b"),) for letter in "ab" for index in range(64)}
    with pytest.raises(InputError, match="too many ways"):
        terms_of(AllSeen(pairs), positions)


def test_parts_of_a_sequence() -> None:
    assert [term.ordered for term in parts_of(3)] == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    with pytest.raises(InputError, match="too many ways"):
        parts_of(1_000)
