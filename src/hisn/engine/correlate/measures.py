"""Measure the windows of all groups at once, and ask the condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

import numpy as np

from hisn.engine.correlate.block import Block
from hisn.engine.correlate.cells import SCALE
from hisn.engine.correlate.frame import Frame, frame_of
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.order import in_order
from hisn.engine.correlate.plan import Judged, Test
from hisn.engine.correlate.ranks import at_rank
from hisn.engine.correlate.rows import Array, Bools
from hisn.engine.correlate.totals import Distinct, Totals
from hisn.events.batch import Int64s
from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Presence, Seen


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold the measure of each window as an exact fraction, and whether the condition holds there.

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


class Meter:
    """Measure the windows of one correlation, block by block."""

    def __init__(self, judged: Judged) -> None:
        """Begin without events."""
        self._judged = judged
        self._events: Totals | None = None
        self._sums: Totals | None = None
        self._distinct: Distinct | None = None
        references = [feed.reference for feed in judged.feeds]
        match judged.kind:
            case "event_count":
                self._events = Totals(None)
            case "value_count":
                self._distinct = Distinct(1)
            case "value_sum":
                self._sums = Totals(1)
            case "value_avg":
                self._events, self._sums = Totals(None), Totals(1)
            case "temporal" | "temporal_ordered":
                self._distinct = Distinct(None, references)
            case "value_percentile" | "value_median":
                pass
            case _:
                assert_never(judged.kind)
        self._kept = [each for each in (self._events, self._sums, self._distinct) if each is not None]

    def rebuild(self, log: Log, slots: int) -> None:
        """Work everything out from the held rows, of so many slots."""
        for each in self._kept:
            each.rebuild(log, slots)

    def drop(self, log: Log, start: int, end: int) -> None:
        """Take rows out that no later window holds; those before have been taken out already."""
        for each in self._kept:
            each.drop(log, start, end)

    def measure(self, block: Block, slots: int) -> Measure:
        """Measure the windows of the rows of a block; they are whole at the ends of instants."""
        judged = self._judged
        below: int | Array = 1
        holds = np.ones(len(block.places), np.bool_)
        if judged.kind in ("value_percentile", "value_median"):
            above, below = at_rank(frame_of(block, slots), judged.percentile), 100 * SCALE
        elif self._sums is not None:
            above, below = self._sums.windows(block, slots), SCALE
            if self._events is not None:
                below = self._events.windows(block, slots).astype(object) * SCALE
        elif self._events is not None:
            above = self._events.windows(block, slots)
        elif self._distinct is not None:
            above = self._distinct.windows(block, slots)
            if judged.kind == "temporal_ordered" or judged.presence is not None:
                frame = frame_of(block, slots)
                places = _places(judged, frame)
                if judged.kind == "temporal_ordered":
                    above, holds = in_order(judged, frame, places, above)
                    holds |= judged.presence is None
                elif judged.presence is not None:
                    holds = _present(judged, judged.presence, frame, places)
        for test in judged.tests:
            holds &= _meets(above, below, test)
        return Measure(above, below, holds & block.is_end)


def _places(judged: Judged, frame: Frame) -> Int64s:
    """Return the reference by which each row came."""
    references = np.array([feed.reference for feed in judged.feeds], np.int64)
    return references[frame.rows.feeds[frame.order]]


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
