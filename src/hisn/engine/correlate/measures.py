"""Measure the windows of all groups at once, and ask the condition."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import assert_never

import numpy as np

from hisn.engine.correlate.block import Block
from hisn.engine.correlate.cells import SCALE
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.order import Ordered
from hisn.engine.correlate.plan import Judged
from hisn.engine.correlate.ranks import Percentiles
from hisn.engine.correlate.rows import Array, Bools
from hisn.engine.correlate.totals import Distinct, Totals
from hisn.events.batch import Int64s
from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Presence, Seen
from hisn.rules.correlation_shape import Test


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
        self._events = self._sums = None
        self._others: Distinct | Percentiles | Ordered | None = None
        match judged.kind:
            case "event_count":
                self._events = Totals(None)
            case "value_count":
                self._others = Distinct(1)
            case "value_sum":
                self._sums = Totals(1)
            case "value_avg":
                self._events, self._sums = Totals(None), Totals(1)
            case "value_percentile" | "value_median":
                self._others = Percentiles(1, judged.percentile)
            case "temporal":
                self._others = Distinct(None, [feed.reference for feed in judged.feeds])
            case "temporal_ordered":
                self._others = Ordered(judged)
            case _:
                assert_never(judged.kind)
        self._kept = [each for each in (self._events, self._sums, self._others) if each is not None]

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
        holds = block.is_end.copy()
        if judged.presence is not None and isinstance(self._others, Distinct):
            holds &= _present(judged, judged.presence, block, self._others)
        above, below = self._fractions(block, slots)
        if judged.presence is not None and isinstance(self._others, Ordered):
            # Where anything is in order, one of the ways in which the words can be met is.
            holds &= above > 0
        for test in judged.tests:
            holds &= _meets(above, below, test)
        return Measure(above, below, holds)

    def _fractions(self, block: Block, slots: int) -> tuple[Array, int | Array]:
        if self._others is not None:
            is_percentile = isinstance(self._others, Percentiles)
            return self._others.windows(block, slots), 100 * SCALE if is_percentile else 1
        counts = self._events.windows(block, slots) if self._events is not None else None
        if self._sums is None:
            return np.zeros(0, np.int64) if counts is None else counts, 1
        return self._sums.windows(block, slots), SCALE if counts is None else counts.astype(object) * SCALE


def _present(judged: Judged, presence: Presence, block: Block, references: Distinct) -> Bools:
    """Tell in which windows of a block a condition of words holds."""
    match presence:
        case Seen():
            begins = block.begins[block.instants]
            held = np.ones(len(begins), np.bool_)
            for place in judged.positions[presence.name]:
                held &= references.newest(block, place) >= begins
        case NotSeen():
            held = ~_present(judged, presence.item, block, references)
        case AllSeen():
            held = np.ones(len(block.places), np.bool_)
            for item in presence.items:
                held &= _present(judged, item, block, references)
        case AnySeen():
            held = np.zeros(len(block.places), np.bool_)
            for item in presence.items:
                held |= _present(judged, item, block, references)
        case _:
            assert_never(presence)
    return held


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
