"""Measure the windows of a frame: counts and sums for all groups at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

import numpy as np

from hisn.engine.correlate.cells import SCALE
from hisn.engine.correlate.frame import Frame
from hisn.engine.correlate.order import in_order
from hisn.engine.correlate.plan import Judged, Test
from hisn.engine.correlate.ranks import at_rank
from hisn.engine.correlate.rows import Array, Bools
from hisn.events.batch import Int64s
from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Presence, Seen


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold the measure of each window as an exact fraction, and whether the condition holds.

    `numerators` are int64, or Python numbers; `denominators` one number for all, or one each.
    """

    numerators: Array
    denominators: int | Array
    holds: Bools

    def at(self, window: int) -> Fraction:
        """Return the measure of one window."""
        below = self.denominators if isinstance(self.denominators, int) else self.denominators[window]
        return Fraction(int(self.numerators[window]), int(below))

    def largest(self, windows: Int64s) -> Fraction:
        """Return the largest measure of some windows."""
        if isinstance(self.denominators, int):
            return Fraction(int(self.numerators[windows].max()), self.denominators)
        return max(self.at(window) for window in windows.tolist())


def measure(judged: Judged, frame: Frame) -> Measure:
    """Measure the windows of all new rows; only those at the end of an instant are whole."""
    below: int | Array = 1
    holds: Bools | None = None
    match judged.kind:
        case "event_count":
            above: Array = _events(frame)
        case "value_count":
            above = _distinct(frame, frame.column(1))
        case "value_sum" | "value_avg":
            above, below = _sums(frame), SCALE
            if judged.kind == "value_avg":
                below = _events(frame).astype(object) * SCALE
        case "value_percentile" | "value_median":
            above, below = at_rank(frame, judged.percentile), 100 * SCALE
        case "temporal":
            places = _places(judged, frame)
            above = _distinct(frame, places)
            if judged.presence is not None:
                holds = _present(judged, judged.presence, frame, places)
        case "temporal_ordered":
            places = _places(judged, frame)
            above, met = in_order(judged, frame, places, _distinct(frame, places))
            holds = met if judged.presence is not None else None
        case _:
            assert_never(judged.kind)
    met_all = np.ones(len(frame.new), np.bool_) if holds is None else holds
    for test in judged.tests:
        met_all &= _meets(above, below, test)
    return Measure(above, below, met_all)


def _places(judged: Judged, frame: Frame) -> Int64s:
    """Return the reference by which each row came."""
    references = np.array([feed.reference for feed in judged.feeds], np.int64)
    return references[frame.rows.feeds[frame.order]]


def _events(frame: Frame) -> Int64s:
    counts = np.cumsum(frame.first, dtype=np.int64)
    return counts[frame.new] - counts[frame.low] + frame.first[frame.low].astype(np.int64)


def _sums(frame: Frame) -> Array:
    numbers = np.where(frame.first, frame.column(1), 0)
    sums: Array = np.cumsum(numbers)
    return sums[frame.new] - sums[frame.low] + numbers[frame.low]


def _distinct(frame: Frame, values: Int64s) -> Int64s:
    """Count the different values in each window.

    Of equal values, the newest up to a row stands for all: a value counts from its row on, up to
    the row of the same value that comes next, or to the end of the windows that hold it.
    """
    size, windows = len(values), len(frame.new)
    order = np.lexsort((values, frame.groups))
    following = np.full(size, size, np.int64)
    same = (values[order[1:]] == values[order[:-1]]) & (frame.groups[order[1:]] == frame.groups[order[:-1]])
    following[order[:-1][same]] = order[1:][same]
    # How many new rows stand before each position: the window of a position, counted from 0.
    before = np.zeros(size + 1, np.int64)
    before[frame.new + 1] = 1
    np.cumsum(before, out=before)
    begin = before[:-1]
    end = np.minimum(before[following], np.searchsorted(frame.low, np.arange(size), side="right"))
    counted = end > begin
    changes = np.bincount(begin[counted], minlength=windows + 1)
    changes -= np.bincount(end[counted], minlength=windows + 1)
    return np.cumsum(changes)[:windows]


def _seen(frame: Frame, places: Int64s, wanted: Sequence[int]) -> Bools:
    """Tell which windows hold events of all these references."""
    held = np.ones(len(frame.new), np.bool_)
    positions = np.arange(len(places))
    for place in wanted:
        newest = np.maximum.accumulate(np.where(places == place, positions, -1))
        held &= newest[frame.new] >= frame.low
    return held


def _present(judged: Judged, presence: Presence, frame: Frame, places: Int64s) -> Bools:
    match presence:
        case Seen():
            return _seen(frame, places, judged.positions[presence.name])
        case NotSeen():
            return ~_present(judged, presence.item, frame, places)
        case AllSeen():
            held = np.ones(len(frame.new), np.bool_)
            for item in presence.items:
                held &= _present(judged, item, frame, places)
            return held
        case AnySeen():
            held = np.zeros(len(frame.new), np.bool_)
            for item in presence.items:
                held |= _present(judged, item, frame, places)
            return held
        case _:
            assert_never(presence)


def _meets(above: Array, below: int | Array, test: Test) -> Bools:
    """Compare exactly: above / below with wanted, multiplied out."""
    op, wanted = test
    left: Array = above
    right: int | Array = wanted.numerator * below
    if above.dtype == np.int64 and below == 1 and wanted.denominator == 1 and abs(wanted) < 2**62:
        right = int(wanted)
    else:
        left = above.astype(object) * wanted.denominator
    match op:
        case "eq":
            held = left == right
        case "neq":
            held = left != right
        case "lt":
            held = left < right
        case "lte":
            held = left <= right
        case "gt":
            held = left > right
        case "gte":
            held = left >= right
        case _:
            assert_never(op)
    return np.asarray(held, np.bool_)
