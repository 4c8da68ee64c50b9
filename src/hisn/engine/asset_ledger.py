"""Keep the ledger of assets: in which hours each was seen in any source."""

from __future__ import annotations

import heapq
import operator
from itertools import pairwise
from typing import Any

import numpy as np

from hisn.core import limits
from hisn.core.instant import format_instant
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.core.spans import SpanSet
from hisn.engine.coverage import AssetCoverage, Gap
from hisn.engine.source_ledger import gap_of, runs
from hisn.events.batch import NO_TIME, Int64s

_HOUR_S = 3_600
_HOUR_US = _HOUR_S * 1_000_000
_ADJACENT = 2

OTHER_ASSETS = "*"
"""Stands for all assets beyond `limits.MAX_ASSETS_LISTED`, in the order of their names."""


class _Presence:
    __slots__ = ("records", "spans")

    def __init__(self) -> None:
        self.records = 0
        self.spans: SpanSet[int] = SpanSet(_HOUR_US, operator.add, limits.MAX_COVERAGE_CELLS)

    def merge(self, other: _Presence) -> None:
        self.records += other.records
        self.spans.merge(other.spans)

    def dump(self) -> Plain:
        return [self.records, self.spans.grade, [[first, last, count] for first, last, count in self.spans]]

    def load(self, plain: Any) -> None:
        self.records, grade, spans = plain
        self.spans.load(grade, spans)


class AssetLedger:
    """Collect the times at which assets were seen, in any order.

    Which assets have a line of their own depends on the names alone: the first so many in their
    order.  One that falls out is never let in again, so nothing depends on when it came.
    """

    def __init__(self) -> None:
        self._assets: dict[str, _Presence] = {}
        self._largest: list[_Reversed] = []
        self._others: _Presence | None = None

    def add(self, asset: str, times: Int64s) -> None:
        """Enter records of an asset at these times (any order, `NO_TIME` allowed)."""
        if not len(times):
            return
        presence = self._presence(asset)
        presence.records += len(times)
        timed = times[times != NO_TIME]
        if len(timed) > 1 and bool((timed[1:] < timed[:-1]).any()):
            timed = np.sort(timed)
        if len(timed):
            for first, last, count in runs(timed, _HOUR_S):
                presence.spans.add(first, last, count)

    def merge(self, other: AssetLedger) -> None:
        """Enter everything of another ledger of the same run."""
        for asset, presence in other._assets.items():
            self._presence(asset).merge(presence)
        if other._others is not None:
            self._overflow().merge(other._others)

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        rows: list[Plain] = [[packed_text(name), self._assets[name].dump()] for name in sorted(self._assets)]
        return [rows, None if self._others is None else self._others.dump()]

    @classmethod
    def load(cls, plain: Any) -> AssetLedger:
        """Return what was dumped."""
        self = cls()
        rows, others = plain
        for name, presence in rows:
            self._presence(unpacked_text(name)).load(presence)
        if others is not None:
            self._overflow().load(others)
        return self

    def build(self) -> tuple[AssetCoverage, ...]:
        """Return the coverage of each asset, by name; the others together come last."""
        rows = [(name, self._assets[name]) for name in sorted(self._assets)]
        if self._others is not None:
            rows.append((OTHER_ASSETS, self._others))
        bounds = [_bounds(presence) for _name, presence in rows if len(presence.spans)]
        whole = (min(first for first, _l in bounds), max(last for _f, last in bounds)) if bounds else None
        return tuple(_row(name, presence, whole) for name, presence in rows)

    def _presence(self, asset: str) -> _Presence:
        presence = self._assets.get(asset)
        if presence is not None:
            return presence
        if len(self._assets) >= limits.MAX_ASSETS_LISTED:
            largest = self._largest[0].name
            if asset > largest:
                return self._overflow()
            heapq.heapreplace(self._largest, _Reversed(asset))
            self._overflow().merge(self._assets.pop(largest))
        else:
            heapq.heappush(self._largest, _Reversed(asset))
        presence = self._assets[asset] = _Presence()
        return presence

    def _overflow(self) -> _Presence:
        if self._others is None:
            self._others = _Presence()
        return self._others


class _Reversed:
    """Order names from last to first: a heap then gives the last name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __lt__(self, other: _Reversed) -> bool:
        return self.name > other.name


def _bounds(presence: _Presence) -> tuple[int, int]:
    spans = list(presence.spans)
    return spans[0][0], spans[-1][1]


def _row(name: str, presence: _Presence, whole: tuple[int, int] | None) -> AssetCoverage:
    spans = [(first, last) for first, last, _count in presence.spans]
    # Inside a span every hour is occupied (see `core.spans`); where an attacker's times have made
    # the gap wider, all hours inside count as seen.
    seen = sum(_hours(first, last) for first, last in spans)
    return AssetCoverage(
        name=name,
        records=presence.records,
        first=format_instant(spans[0][0]) if spans else None,
        last=format_instant(spans[-1][1]) if spans else None,
        hours_seen=seen,
        hours_unseen=_hours(*whole) - seen if whole else 0,
        unseen=_unseen(spans, whole) if whole else (),
    )


def _hours(first: int, last: int) -> int:
    return last // _HOUR_US - first // _HOUR_US + 1


def _unseen(spans: list[tuple[int, int]], whole: tuple[int, int]) -> tuple[Gap, ...]:
    """Return the longest stretches that leave at least one whole hour unseen, in order of time."""
    if not spans:
        return (gap_of(*whole),)
    silences = [
        (last, first) for (_f, last), (first, _l) in pairwise(spans) if _hours(last, first) > _ADJACENT
    ]
    # The hours of the run's own first and last record are unseen, too, if this asset is not in them.
    if _hours(whole[0], spans[0][0]) > 1:
        silences.insert(0, (whole[0], spans[0][0]))
    if _hours(spans[-1][1], whole[1]) > 1:
        silences.append((spans[-1][1], whole[1]))
    longest = heapq.nlargest(limits.MAX_GAPS_LISTED, silences, key=lambda gap: (gap[1] - gap[0], -gap[0]))
    return tuple(gap_of(before, after) for before, after in sorted(longest))
