"""Join the hits of one rule in one source to spans, in bounded memory and in any order.

An attacker can cause millions of hits, with times and host names of his choosing.  Everything
that is given up under such a flood is given up by measures that only grow with more hits, so that
the result is a function of the set of hits: neither order nor division into parts changes it.

* Time and assets: a `Strand` counts cells (hours times assets).  Beyond its limit hits further apart
  are joined, and if assets alone are too many, they become one: `MANY_ASSETS`.
* Record numbers: of each rule and source the K smallest are kept, and of each span at least the
  smallest `MIN_RECORDS_PER_FINDING`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hisn.core import limits
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.core.spans import MAX_GRADE, SpanSet
from hisn.engine.hits import Decisive
from hisn.events.batch import NO_TIME, Int64s
from hisn.events.schema import Cell

MANY_ASSETS = "*"
"""Stands for all assets of a rule in a source, where they are too many to be told apart."""

_US = 1_000_000
_FOLDED = MAX_GRADE + 1
_MANY_ARRAYS = 64


@dataclass(frozen=True, slots=True)
class Opening:
    """Hold the first hit of a span: smallest time, then smallest number, and why it is a hit."""

    time: int
    number: int
    why: tuple[Decisive, ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """Sum up the hits of one span. `numbers` are the smallest record numbers, unordered, in parts."""

    count: int
    held: int
    numbers: tuple[Int64s, ...]
    opening: Opening

    def smallest(self, keep: int, threshold: int) -> Hits:
        """Keep the numbers up to `threshold`, and at least the `keep` smallest."""
        numbers = np.sort(np.concatenate(self.numbers))
        size = max(int(np.searchsorted(numbers, threshold, side="right")), min(keep, len(numbers)))
        # A copy, because a slice would keep the whole array alive.
        return Hits(self.count, size, (numbers[:size].copy(),), self.opening)


def join_hits(left: Hits, right: Hits) -> Hits:
    """Sum up two runs of hits."""
    numbers = left.numbers + right.numbers
    if len(numbers) > _MANY_ARRAYS:
        numbers = (np.concatenate(numbers),)
    first, second = left.opening, right.opening
    opening = first if (first.time, first.number) <= (second.time, second.number) else second
    return Hits(left.count + right.count, left.held + right.held, numbers, opening)


def dump_hits(hits: Hits) -> Plain:
    """Return a sum of hits as plain values; the order in which its numbers came does not show."""
    numbers = np.sort(np.concatenate(hits.numbers))
    opening = hits.opening
    why: list[Plain] = [
        [packed_text(each.field), packed_text(each.test), packed_text(each.pattern), _dump_cell(each.value)]
        for each in opening.why
    ]
    return [hits.count, numbers.astype("<i8").tobytes(), opening.time, opening.number, why]


def load_hits(plain: Any) -> Hits:
    """Return what was dumped."""
    count, data, time, number, why = plain
    numbers = np.frombuffer(data, "<i8").astype(np.int64)
    reasons = tuple(
        Decisive(unpacked_text(field), unpacked_text(test), unpacked_text(pattern), _load_cell(value))
        for field, test, pattern, value in why
    )
    return Hits(count, len(numbers), (numbers,), Opening(time, number, reasons))


def _dump_cell(cell: Cell) -> Plain:
    match cell:
        case None:
            return None
        case str():
            return packed_text(cell)
        case int():
            return str(cell)  # any number of digits
        case _:
            return [_dump_cell(item) for item in cell]


def _load_cell(plain: Any) -> Cell:
    match plain:
        case None:
            return None
        case bytes():
            return unpacked_text(plain)
        case str():
            return int(plain)
        case _:
            return tuple(None if item is None else _load_scalar(item) for item in plain)


def _load_scalar(plain: Any) -> int | str:
    return unpacked_text(plain) if isinstance(plain, bytes) else int(plain)


class Strand:
    """Hold the hits of one rule in one source, by asset and span of time."""

    def __init__(self) -> None:
        self.count = 0
        self.cells = 0
        self.grade = 0
        self._assets: dict[str, SpanSet[Hits]] = {}
        self.held = 0
        self._trim_at = 2 * limits.MAX_RECORDS_PER_FINDING

    def __iter__(self) -> Iterator[tuple[str, int, int, Hits]]:
        """Yield (asset, first, last, hits) of each span."""
        for asset, spans in self._assets.items():
            for first, last, hits in spans:
                yield asset, first, last, hits

    def add(self, asset: str, first: int, last: int, hits: Hits) -> None:
        """Put in a run of hits on one asset that has no gap too long inside."""
        self.count += hits.count
        self._put(asset, first, last, hits)

    def merge(self, other: Strand) -> None:
        """Put in everything of another strand for the same rule and source."""
        self._regrade(other.grade)
        self.count += other.count
        for asset, first, last, hits in other:
            self._put(asset, first, last, hits)

    def at(self, asset: str, time: int) -> tuple[str, int, int, Hits] | None:
        """Return the span that an asset's hit at a time went into: its asset, first, last, hits."""
        name = self._name(asset)
        spans = self._assets.get(name)
        found = spans.at(time) if spans else None
        return None if found is None else (name, *found)

    def take_before(self, horizon: int, limit: int) -> list[tuple[str, int, int, Hits]]:
        """Remove the spans that no hit from the horizon on can join, and return them.

        Hits without a time stay: nothing says that no more of them come.  Of the record numbers as
        many are kept as `trim` keeps.
        """
        if not any(spans.has_within(NO_TIME + 1, horizon - spans.gap) for spans in self._assets.values()):
            return []
        self.trim(limit, now=True)
        taken = []
        for asset, spans in list(self._assets.items()):
            before = spans.cells
            for first, last, hits in spans.take(NO_TIME + 1, horizon - spans.gap):
                taken.append((asset, first, last, hits))
                self.count -= hits.count
                self.held -= hits.held
            self.cells += spans.cells - before
            if not len(spans):
                del self._assets[asset]
        return taken

    def is_empty(self) -> bool:
        """Tell whether there is no span left."""
        return not self._assets

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        assets: list[Plain] = [
            [packed_text(asset), [[first, last, dump_hits(hits)] for first, last, hits in spans]]
            for asset, spans in sorted(self._assets.items())
        ]
        return [self.count, self.grade, self._trim_at, assets]

    @classmethod
    def load(cls, plain: Any) -> Strand:
        """Return what was dumped."""
        strand = cls()
        strand.count, strand.grade, strand._trim_at, assets = plain
        for asset, spans in assets:
            for first, last, hits in spans:
                strand._put(unpacked_text(asset), first, last, load_hits(hits))
        return strand

    def coarsen(self, limit: int) -> None:
        """Join further until at most `limit` cells are left, or nothing more can be given up."""
        while self.cells > limit and self.grade < _FOLDED:
            self._regrade(self.grade + 1)

    def trim(self, limit: int, *, now: bool = False) -> None:
        """Keep the `limit` smallest record numbers and the first few of each span."""
        if self.held <= self._trim_at and not now:
            return
        threshold = self._threshold(limit)
        self.held = 0
        for asset, spans in self._assets.items():
            kept = self._new_spans()
            for first, last, hits in spans:
                fewer = hits.smallest(limits.MIN_RECORDS_PER_FINDING, threshold)
                kept.add(first, last, fewer)
                self.held += fewer.held
            self._assets[asset] = kept
        self._trim_at = 2 * max(self.held, limits.MIN_RECORDS_PER_FINDING)

    def _threshold(self, limit: int) -> int:
        """Return the `limit`-th smallest record number; whatever was dropped before is larger."""
        if self.held <= limit:
            return int(np.iinfo(np.int64).max)
        arrays = [array for *_span, hits in self for array in hits.numbers]
        return int(np.partition(np.concatenate(arrays), limit - 1)[limit - 1])

    def _put(self, asset: str, first: int, last: int, hits: Hits) -> None:
        name = self._name(asset)
        spans = self._assets.get(name)
        if spans is None:
            spans = self._assets[name] = self._new_spans()
        before = spans.cells
        spans.add(first, last, hits)
        self.cells += spans.cells - before
        self.held += hits.held

    def _name(self, asset: str) -> str:
        return MANY_ASSETS if self.grade == _FOLDED else asset

    def _new_spans(self) -> SpanSet[Hits]:
        spans: SpanSet[Hits] = SpanSet(limits.FINDING_GAP_S * _US, join_hits)
        spans.widen(min(self.grade, MAX_GRADE))
        return spans

    def _regrade(self, grade: int) -> None:
        if grade <= self.grade:
            return
        spans = list(self)
        self.grade = grade
        self.cells = self.held = 0
        self._assets = {}
        for asset, first, last, hits in spans:
            self._put(asset, first, last, hits)
