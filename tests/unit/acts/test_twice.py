"""One log is looked through for an author who says two things under one number."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.acts.samples import digest, signer, statement

from hisn.acts import twice
from hisn.acts.twice import Lookout
from hisn.acts.write import sign_statement
from hisn.errors import VerificationError

KEYS = signer("north act")
LEAVES = {
    seq: sign_statement(
        statement("key-event", seq=seq, prev=digest("before") if seq else None, seen=()), KEYS
    )
    for seq in range(12)
}


def pairs(numbers: Sequence[int]) -> set[tuple[int, int]]:
    """Return the pairs of places that are suspected, those beyond the end left out."""
    lookout = Lookout()
    found = set()
    for index, seq in enumerate(numbers):
        for other in lookout.add(LEAVES[seq]):
            if other < len(numbers):
                found.add((min(other, index), max(other, index)))
    assert lookout.entries == len(numbers)
    assert lookout.misplaced == sum(index != seq for index, seq in enumerate(numbers))
    return found


def test_a_log_in_which_every_act_stands_in_its_place_needs_no_memory() -> None:
    assert pairs(range(12)) == set()


@pytest.mark.parametrize(
    ("numbers", "pair"),
    [
        ((0, 1, 1), (1, 2)),  # behind the one that stands in its place
        ((0, 2, 2), (1, 2)),  # before it
        ((0, 9, 9), (1, 2)),  # both stand elsewhere
        ((5, 1, 2, 5, 4), (0, 3)),
    ],
)
def test_two_acts_with_one_number_are_suspected(numbers: tuple[int, ...], pair: tuple[int, int]) -> None:
    assert pair in pairs(numbers)


@given(st.lists(st.integers(0, 11), max_size=12))
def test_no_two_acts_with_one_number_are_overlooked(numbers: list[int]) -> None:
    expected = {
        (one, other)
        for other, seq in enumerate(numbers)
        for one in range(other)
        if numbers[one] == seq  # the plain reference: every pair is compared
    }
    assert expected <= pairs(numbers)


def test_entries_that_are_no_acts_are_counted() -> None:
    lookout = Lookout()
    assert lookout.add(b"another program's") == ()
    assert lookout.add(LEAVES[1]) == ()
    assert (lookout.entries, lookout.unread, lookout.misplaced) == (2, 1, 0)


def test_a_log_in_which_nothing_stands_in_its_place_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A liar signs a log of a million misplaced acts: it must cost him and not us."""
    monkeypatch.setattr(twice, "MAX_MISPLACED_ACTS", 2)
    lookout = Lookout()
    lookout.add(LEAVES[5])
    lookout.add(LEAVES[6])
    with pytest.raises(VerificationError) as caught:
        lookout.add(LEAVES[7])
    assert caught.value.code == "E3327"


def test_many_acts_of_one_number_cost_no_square() -> None:
    lookout = Lookout()
    found = [len(lookout.add(LEAVES[0])) for _ in range(100)]
    assert max(found) == 17
