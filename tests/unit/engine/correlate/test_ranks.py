from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.engine.correlate.plain import correlation_of, found, mark, rules_of, with_correlations

from hisn.engine.correlate.ranks import Counts
from hisn.engine.correlate.reference import correlate

RULES = rules_of(1)


@given(st.integers(1, 20), st.lists(st.tuples(st.integers(0, 19), st.booleans()), max_size=60))
def test_the_number_at_a_rank_is_that_of_a_sorted_list(size: int, changes: list[tuple[int, bool]]) -> None:
    counts, plain = Counts(size), list[int]()
    for number, is_more in changes:
        place = number % size
        if is_more:
            counts.add(place, 1)
            plain.append(place)
        elif place in plain:
            counts.add(place, -1)
            plain.remove(place)
        assert counts.total == len(plain)
        assert [counts.at(rank) for rank in range(len(plain))] == sorted(plain)


@pytest.mark.parametrize("percentile", [0, 1, 37, 50, 99, 100])
def test_percentiles_of_moving_windows(percentile: int) -> None:
    rule = correlation_of(
        RULES, "value_percentile", [0], group_by=["U"], span_s=20, condition={"gte": 0}, fields=("N",),
        percentile=percentile,
    )  # fmt: skip
    pack = with_correlations(RULES, rule)
    marks = [mark(0, number / 2, number, U=number % 3, N=number * 7919 % 101) for number in range(150)]
    assert list(found(pack, marks)) == correlate(pack, marks)
