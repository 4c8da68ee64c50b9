"""Compare the joining of points in time with the naive way, in any order and division."""

from __future__ import annotations

import operator
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.histogram import Histogram
from hisn.core.spans import SpanSet

GAP = 10
points = st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=60)
limits = st.sampled_from((4, 16, None))


def naive(times: list[int], gap: int) -> list[tuple[int, int, int]]:
    ordered = sorted(times)
    cuts = [0, *(at + 1 for at, (a, b) in enumerate(pairwise(ordered)) if b - a > gap), len(ordered)]
    return [(ordered[low], ordered[high - 1], high - low) for low, high in pairwise(cuts)]


def spans_of(times: list[int], limit: int | None) -> SpanSet[int]:
    spans: SpanSet[int] = SpanSet(GAP, operator.add, limit)
    for time in times:
        spans.add(time, time, 1)
    return spans


@given(points)
def test_spans_are_the_connected_points(times: list[int]) -> None:
    assert list(spans_of(times, None)) == naive(times, GAP)


@given(points, limits)
def test_cells_are_counted_from_spans_alone(times: list[int], limit: int | None) -> None:
    spans = spans_of(times, limit)
    assert spans.cells == len({time // spans.gap for time in times})
    assert limit is None or spans.cells <= limit


@given(st.data(), points, limits)
def test_no_order_and_no_division_changes_spans(
    data: st.DataObject, times: list[int], limit: int | None
) -> None:
    expected = spans_of(times, limit)
    shuffled = data.draw(st.permutations(times))
    cut = data.draw(st.integers(0, len(times)))
    left, right = spans_of(shuffled[:cut], limit), spans_of(shuffled[cut:], limit)
    left.merge(right)
    assert (list(left), left.gap, left.cells) == (list(expected), expected.gap, expected.cells)


@given(st.data(), points, st.sampled_from((2, 5, 1_000)))
def test_no_order_and_no_division_changes_a_histogram(
    data: st.DataObject, times: list[int], limit: int
) -> None:
    def counted(some: list[int]) -> Histogram:
        histogram = Histogram(GAP, limit)
        for time in some:
            histogram.add(np.array([time]))
        return histogram

    shuffled = data.draw(st.permutations(times))
    cut = data.draw(st.integers(0, len(times)))
    merged = counted(shuffled[:cut])
    merged.merge(counted(shuffled[cut:]))
    expected = counted(times)
    assert (merged.starts(), merged.width) == (expected.starts(), expected.width)
    assert sum(count for _start, count in merged.starts()) == len(times)
