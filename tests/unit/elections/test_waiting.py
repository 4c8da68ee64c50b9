from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.elections.shaped import minute

from hisn.core import limits
from hisn.elections.minutes import GRADES, Minute
from hisn.elections.waiting import WaitingMinutes


def put_all(minutes: list[tuple[int, Minute]]) -> WaitingMinutes:
    waiting = WaitingMinutes()
    for number, made in minutes:
        waiting.put(number, made)
    return waiting


def test_minutes_are_taken_in_the_order_of_time() -> None:
    waiting = put_all([(number, minute(number, 10 + number)) for number in (5, 3, 9)])
    assert (waiting.last(), waiting.requests()) == (9, 47)
    assert [number for number, _ in waiting.take_before(9)] == [3, 5]
    assert [number for number, _ in waiting.take_before(10)] == [9]
    assert (waiting.last(), waiting.cells, waiting.requests()) == (None, 0, 0)


MINUTES = st.tuples(st.integers(0, 9), st.integers(1, 400), st.integers(0, 20))


@given(st.lists(MINUTES, max_size=25), st.sampled_from([20, 60, 10_000]), st.randoms(use_true_random=False))
def test_more_than_fit_are_narrowed_in_whatever_order_they_come(
    drawn: list[tuple[int, int, int]], most: int, random: Random
) -> None:
    minutes = [
        (number, minute(number, requests, pages=tuple((f"/{n}", 4) for n in range(pages))))
        for number, requests, pages in drawn
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "MAX_MINUTE_CELLS", most)
        first = put_all(minutes)
        random.shuffle(minutes)
        assert put_all(minutes) == first
        assert first.cells <= most or first.bounds == GRADES[-1]
        assert first.cells == sum(cells for _, cells in first.minutes.values())
