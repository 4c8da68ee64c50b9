"""Keep the ledger of one source: records, holes, span, gaps, steps back in time."""

from __future__ import annotations

import heapq
import itertools
import operator
from typing import Any

import msgspec
import numpy as np

from hisn.core import limits
from hisn.core.instant import format_instant
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.core.spans import SpanSet
from hisn.engine.coverage import Gap, SourceCoverage
from hisn.events.batch import NO_TIME, Chunk, Int64s
from hisn.events.schema import Unparsed
from hisn.events.source import SourceNote

_US = 1_000_000
_STATUSES = ("read", "partial", "skipped")


class Stretch(msgspec.Struct, frozen=True, array_like=True, order=True):
    """Hold the first and the last timed record of a chunk: steps back may lie between chunks."""

    first_number: int
    first_time: int
    last_number: int
    last_time: int


class SourceLedger:
    """Collect what was read of one source, in any order."""

    def __init__(self) -> None:
        self.outside_window = 0
        self._kinds: set[str] = set()
        self._status = 0
        self._reasons: list[str] = []
        self._size_bytes = 0
        self._noted_size_bytes = 0
        self._records = 0
        self._unparsed_total = 0
        self._unparsed: list[Unparsed] = []
        self._without_time = 0
        self._backward = 0
        self._stretches: list[Stretch] = []
        self._spans: SpanSet[int] = SpanSet(
            limits.COVERAGE_GAP_S * _US, operator.add, limits.MAX_COVERAGE_CELLS
        )

    def add_chunk(self, chunk: Chunk) -> None:
        """Enter one stretch of the source."""
        self._kinds.add(chunk.kind)
        self._size_bytes += chunk.size_bytes
        self._records += chunk.records
        if chunk.unparsed:
            # A hole that hides an unknown number of records is at least one.
            self._unparsed_total += sum(max(hole.count, 1) for hole in chunk.unparsed)
            self._list_unparsed(chunk.unparsed)
        self._add_times(*_in_order(chunk))

    def add_note(self, note: SourceNote) -> None:
        """Enter what was said of the source as a whole; the worst status stands."""
        self._kinds.add(note.kind)
        self._status = max(self._status, _STATUSES.index(note.status))
        self._noted_size_bytes = max(self._noted_size_bytes, note.size_bytes)
        if note.reason:
            self._add_reasons([f"{note.code}: {note.reason}" if note.code else note.reason])

    def merge(self, other: SourceLedger) -> None:
        """Enter everything of another ledger of the same source."""
        self.outside_window += other.outside_window
        self._kinds |= other._kinds
        self._status = max(self._status, other._status)
        self._add_reasons(other._reasons)
        self._size_bytes += other._size_bytes
        self._noted_size_bytes = max(self._noted_size_bytes, other._noted_size_bytes)
        self._records += other._records
        self._unparsed_total += other._unparsed_total
        self._list_unparsed(other._unparsed)
        self._without_time += other._without_time
        self._backward += other._backward
        self._stretches += other._stretches
        self._spans.merge(other._spans)

    def newest(self) -> int | None:
        """Return the greatest time of the source's records."""
        return max((last for _first, last, _count in self._spans), default=None)

    def settle(self) -> None:
        """Hold no more than needed of what was read: whatever comes is behind it in the source.

        A live source is read in order, and for ever.
        """
        if self._stretches:
            self._backward += self._steps_between_stretches()
            self._stretches = [max(self._stretches)]

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        return [
            self.outside_window,
            [packed_text(kind) for kind in sorted(self._kinds)],
            self._status,
            [packed_text(reason) for reason in self._reasons],
            [self._size_bytes, self._noted_size_bytes, self._records, self._unparsed_total],
            [[packed_text(hole.reason), hole.number, hole.offset, hole.count] for hole in self._unparsed],
            [self._without_time, self._backward],
            [list(msgspec.structs.astuple(each)) for each in sorted(self._stretches)],
            [self._spans.grade, [[first, last, count] for first, last, count in self._spans]],
        ]

    @classmethod
    def load(cls, plain: Any) -> SourceLedger:
        """Return what was dumped."""
        self = cls()
        self.outside_window, kinds, self._status, reasons, sizes, holes, steps, stretches, spans = plain
        self._kinds = {unpacked_text(kind) for kind in kinds}
        self._reasons = [unpacked_text(reason) for reason in reasons]
        self._size_bytes, self._noted_size_bytes, self._records, self._unparsed_total = sizes
        self._unparsed = [Unparsed(unpacked_text(reason), *rest) for reason, *rest in holes]
        self._without_time, self._backward = steps
        self._stretches = [Stretch(*each) for each in stretches]
        self._spans.load(*spans)
        return self

    def build(self, name: str) -> SourceCoverage:
        """Return the coverage of the source."""
        spans = [(first, last) for first, last, _count in self._spans]
        has_hole = self._unparsed_total > 0
        return SourceCoverage(
            name=name,
            kind=min((kind for kind in self._kinds if kind), default=""),
            status=_STATUSES[max(self._status, int(has_hole))],
            reason="; ".join(self._reasons),
            size_bytes=self._size_bytes or self._noted_size_bytes,
            records=self._records,
            unparsed_total=self._unparsed_total,
            unparsed=tuple(self._unparsed),
            first=format_instant(spans[0][0]) if spans else None,
            last=format_instant(spans[-1][1]) if spans else None,
            gaps=gaps_between(spans),
            without_time=self._without_time,
            backward=self._backward + self._steps_between_stretches(),
            outside_window=self.outside_window,
        )

    def _add_times(self, numbers: Int64s, times: Int64s) -> None:
        timed = times != NO_TIME
        self._without_time += len(times) - int(np.count_nonzero(timed))
        if not timed.all():
            numbers, times = numbers[timed], times[timed]
        if not len(times):
            return
        steps = np.diff(times)
        self._backward += int(np.count_nonzero(steps < -limits.BACKWARD_TOLERANCE_S * _US))
        self._stretches.append(Stretch(int(numbers[0]), int(times[0]), int(numbers[-1]), int(times[-1])))
        if len(steps) and int(steps.min()) < 0:
            times = np.sort(times)
        for first, last, count in runs(times, limits.COVERAGE_GAP_S):
            self._spans.add(first, last, count)

    def _steps_between_stretches(self) -> int:
        ordered = sorted(self._stretches)
        tolerance = limits.BACKWARD_TOLERANCE_S * _US
        return sum(
            after.first_time - before.last_time < -tolerance for before, after in itertools.pairwise(ordered)
        )

    def _list_unparsed(self, holes: list[Unparsed] | tuple[Unparsed, ...]) -> None:
        """Keep the first holes by place: the same ones in whatever order they came."""
        self._unparsed = heapq.nsmallest(limits.MAX_UNPARSED_LISTED, (*self._unparsed, *holes), key=_place)

    def _add_reasons(self, reasons: list[str]) -> None:
        self._reasons = sorted({*self._reasons, *reasons})[: limits.MAX_REASONS_LISTED]


def runs(times: Int64s, gap_s: int) -> list[tuple[int, int, int]]:
    """Cut sorted times into (first, last, count) where the silence is longer than the gap."""
    cuts = (np.flatnonzero(np.diff(times) > gap_s * _US) + 1).tolist()
    edges = [0, *cuts, len(times)]
    return [(int(times[low]), int(times[high - 1]), high - low) for low, high in itertools.pairwise(edges)]


def gaps_between(spans: list[tuple[int, int]]) -> tuple[Gap, ...]:
    """Return the longest silences between spans, in order of time."""
    silences = [(after - before, before, after) for (_f, before), (after, _l) in itertools.pairwise(spans)]
    longest = heapq.nlargest(limits.MAX_GAPS_LISTED, silences, key=lambda gap: (gap[0], -gap[1]))
    return tuple(gap_of(before, after) for _length, before, after in sorted(longest, key=lambda gap: gap[1]))


def gap_of(before: int, after: int) -> Gap:
    """Return the silence after one instant and before another."""
    return Gap(after=format_instant(before), before=format_instant(after), seconds=(after - before) // _US)


def _in_order(chunk: Chunk) -> tuple[Int64s, Int64s]:
    """Return the numbers and times of all records of a chunk in their order in the source."""
    blocks = [block for block in chunk.blocks if len(block.numbers)]
    if not blocks:
        empty = np.empty(0, np.int64)
        return empty, empty
    if len(blocks) == 1:
        return blocks[0].numbers, blocks[0].times
    numbers = np.concatenate([block.numbers for block in blocks])
    times = np.concatenate([block.times for block in blocks])
    order = np.argsort(numbers, kind="stable")
    return numbers[order], times[order]


def _place(hole: Unparsed) -> tuple[int, int, str, int]:
    largest = np.iinfo(np.int64).max
    return (
        hole.number if hole.number is not None else int(largest),
        hole.offset if hole.offset is not None else int(largest),
        hole.reason,
        hole.count,
    )
