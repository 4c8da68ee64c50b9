from __future__ import annotations

from fractions import Fraction
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.elections.spread import Band, Spread, band_of, quantised

VALUES = st.lists(st.integers(0, 400) | st.integers(0, 1 << 40), max_size=40)


def plain(values: list[int]) -> tuple[Fraction, Fraction]:
    exact = [Fraction(quantised(value)) for value in values]
    middle = median(exact)
    return middle, median(abs(value - middle) for value in exact)


@given(VALUES, st.integers(0, 9))
def test_median_and_deviation_are_those_of_the_list(values: list[int], zeros: int) -> None:
    spread = Spread()
    for value in values:
        spread.add(value)
    everything = values + [0] * zeros
    if not everything:
        with pytest.raises(ValueError, match="no value"):
            spread.band(zeros)
        return
    band = spread.band(zeros)
    assert (band.median, band.mad) == plain(everything)


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_spreads_together_are_the_spread_of_all(parts: list[list[int]]) -> None:
    spreads = [Spread() for _ in parts]
    for spread, values in zip(spreads, parts, strict=True):
        for value in values:
            spread.add(value)
    everything = [value for values in parts for value in values]
    if everything:
        band = band_of(spreads)
        assert (band.median, band.mad) == plain(everything)


@given(st.integers(0, 1 << 62))
def test_a_value_is_kept_to_less_than_one_in_128(value: int) -> None:
    assert 0 <= value - quantised(value) <= value // 128
    assert quantised(quantised(value)) == quantised(value)


def test_small_values_are_exact_and_values_are_few() -> None:
    assert [quantised(value) for value in range(256)] == list(range(256))
    assert len({quantised(value) for value in range(1 << 16)}) < 256 + 8 * 128 + 1


@given(
    st.builds(Band, st.integers(0, 999), st.integers(0, 999)),
    st.integers(0, 2_000),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 99),
)
def test_a_value_exceeds_a_band_by_deviations_by_a_factor_and_by_the_floor(
    band: Band, value: int, deviations: int, factor: int, floor: int
) -> None:
    highest = max(band.median + deviations * band.mad, factor * band.median, Fraction(floor))
    assert band.exceeds(value, deviations, factor, floor) is (value > highest)
    off = abs(value - band.median)
    assert band.differs(value, deviations, floor) is (off > deviations * band.mad and off >= floor)
