from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.engine.correlate.plain import correlation_of, found, mark, rules_of, with_correlations

from hisn.engine.correlate import ranks
from hisn.engine.correlate.ranks import Numbers
from hisn.engine.correlate.reference import correlate

RULES = rules_of(1)


@given(
    st.lists(st.integers(-9, 9), max_size=30),
    st.lists(st.tuples(st.integers(-9, 9), st.booleans()), max_size=99),
)
def test_the_number_at_a_rank_is_that_of_a_sorted_list(
    begin: list[int], changes: list[tuple[int, bool]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "_CHUNK", 4)
        numbers, plain = Numbers(begin), list(begin)
        for number, is_more in changes:
            if is_more:
                numbers.add(number)
                plain.append(number)
            elif number in plain:
                numbers.remove(number)
                plain.remove(number)
            assert len(numbers) == len(plain)
            assert [numbers.at(rank) for rank in range(len(plain))] == sorted(plain)
        with pytest.raises(IndexError):
            numbers.at(len(plain))


@pytest.mark.parametrize("percentile", [0, 1, 37, 50, 99, 100])
def test_percentiles_of_moving_windows(percentile: int) -> None:
    rule = correlation_of(
        RULES, "value_percentile", [0], group_by=["U"], span_s=20, condition={"gte": 0}, fields=("N",),
        percentile=percentile,
    )  # fmt: skip
    pack = with_correlations(RULES, rule)
    marks = [mark(0, number / 2, number, U=number % 3, N=number * 7919 % 101) for number in range(150)]
    assert list(found(pack, marks)) == correlate(pack, marks)
