"""Correlate marks as time goes on: in one go or piece by piece, with the same result.

Marks come in any order.  `advance` says that all up to an instant have come: they are judged in
the order of (time, source, number), and what comes for that time later is *late*: counted, not
judged.  What is found depends on the marks, not on how they were cut or when time advanced.

Two things do depend on that, and only where there is more than the caps allow: which marks wait
(the first in time do), and how many records of the longest episodes are still named.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hisn.core import limits
from hisn.engine.correlate.block import BEFORE_ALL
from hisn.engine.correlate.cells import text_of_number
from hisn.engine.correlate.episode import Episode, Shortfall, Tally, Unplaced
from hisn.engine.correlate.intake import Intake
from hisn.engine.correlate.plan import CorrelationPlan
from hisn.engine.correlate.rows import Array, Rows, ranks_of
from hisn.engine.correlate.state import dump, load
from hisn.engine.correlate.stream import Bounds, Growing, Stream, bounds_for
from hisn.engine.marks import MarkBlock
from hisn.events.batch import NO_TIME

AFTER_ALL = int(np.iinfo(np.int64).max)


class Correlator:
    """Judge the correlations of a plan."""

    def __init__(self, plan: CorrelationPlan, bounds: Bounds | None = None) -> None:
        """Begin without marks; `bounds` are for tests, the caps of `limits` hold otherwise."""
        self.plan = plan
        self.bounds = bounds or bounds_for(len(plan.judged))
        self.watermark = BEFORE_ALL
        self.streams = [Stream(judged, self.bounds) for judged in plan.judged]
        self.sources: list[str] = []
        self.unplaced: dict[tuple[int, str], list[int]] = {}
        self.intake = Intake()
        self._codes: dict[str, int] = {}
        self._ranks: Array | None = None

    def add(self, blocks: Iterable[MarkBlock]) -> None:
        """Take marks; untimed and late ones are counted only."""
        for block in blocks:
            feeds = self.plan.feeds_of.get(block.rule)
            if feeds and (rows := self._in_time(block)).start < len(block.times):
                self._put(block, rows, feeds)
                for correlation, _feed in feeds:
                    waiting = self.streams[correlation].waiting
                    if waiting.is_over:
                        waiting.shorten(self.ranks())

    def _in_time(self, block: MarkBlock) -> slice:
        untimed = int(np.searchsorted(block.times, NO_TIME, side="right"))
        placed = int(np.searchsorted(block.times, self.watermark, side="right"))
        late = max(0, placed - untimed)
        if untimed or late:
            self.count_unplaced(block.rule, block.source, untimed, late)
        return slice(untimed + late, None)

    def count_unplaced(self, rule: int, source: str, untimed: int, late: int) -> None:
        """Count marks that have no place in time."""
        key = (rule, source)
        if key not in self.unplaced and len(self.unplaced) >= limits.MAX_UNPLACED_SOURCES:
            key = (rule, "")
        counts = self.unplaced.setdefault(key, [0, 0])
        counts[0] += untimed
        counts[1] += late

    def _put(self, block: MarkBlock, rows: slice, feeds: Sequence[tuple[int, int]]) -> None:
        times, numbers = block.times[rows], block.numbers[rows]
        sources = np.full(len(times), self.code_of(block.source), np.int32)
        weights = np.ones(len(times), np.int32)
        assets = np.full(len(times), self.intake.asset(block.asset), np.int64)
        known: dict[object, Array] = {}
        for correlation, position in feeds:
            stream = self.streams[correlation]
            feed = stream.judged.feeds[position]
            columns: list[Array] = []
            for column, fields in zip(stream.judged.columns, feed.fields, strict=True):
                key = (fields, column.is_number, column.is_group)
                if key not in known:
                    known[key] = self.intake.column(column, fields, block, rows)
                columns.append(known[key])
            codes = np.full(len(times), position, np.int32)
            stream.put(Rows(times, sources, numbers, codes, weights, assets, tuple(columns)))

    def code_of(self, source: str) -> int:
        """Return the code of a source, a new one where it has none."""
        code = self._codes.setdefault(source, len(self.sources))
        if code == len(self.sources):
            self.sources.append(source)
            self._ranks = None
        return code

    def ranks(self) -> Array:
        """Return the ranks of all source codes."""
        if self._ranks is None:
            self._ranks = ranks_of(self.sources, len(self.streams))
        return self._ranks

    def advance(self, watermark: int) -> None:
        """Judge all marks up to an instant (microseconds since 1970 UTC); it never goes back."""
        if watermark <= self.watermark:
            return
        ranks = self.ranks()
        for index in self.plan.order:
            for emission in self.streams[index].advance(watermark, ranks):
                self.streams[emission.correlation].put_episode(emission)
        self.watermark = watermark
        self._name_fewer()
        if self.intake.is_large():
            self.intake.forget(self.texts_in_use())

    def finish(self) -> None:
        """Judge all marks, and close all episodes: nothing comes any more."""
        self.advance(AFTER_ALL)

    def take(self) -> tuple[Episode, ...]:
        """Return the episodes that are new, grew or were closed since the last call, sorted.

        The order is that of (correlation, fired, group).
        """
        episodes = [self._episode(stream, growing) for stream in self.streams for growing in stream.take()]
        return tuple(sorted(episodes, key=lambda each: (each.correlation, each.fired_us, each.group)))

    def _episode(self, stream: Stream, growing: Growing) -> Episode:
        judged = stream.judged
        return Episode(
            correlation=judged.index,
            group=tuple(zip(judged.group_by, self.intake.texts[growing.key], strict=True)),
            fired_us=growing.fired,
            first_us=growing.first[0],
            last_us=growing.last,
            first_source=self.sources[growing.first[1]],
            first_record=growing.first[2],
            first_asset=self.intake.texts[growing.first[3]][0],
            count=growing.count,
            value=text_of_number(growing.value),
            extreme=text_of_number(growing.extreme),
            evidence=growing.evidence.build(self.sources, self.plan.rule_digests),
            is_closed=growing.is_closed,
        )

    def tally(self) -> Tally:
        """Return what was not judged, or not in full."""
        unplaced = tuple(
            Unplaced(rule, source, untimed, late)
            for (rule, source), (untimed, late) in sorted(self.unplaced.items())
        )
        shortfalls = tuple(
            Shortfall(
                stream.judged.index,
                stream.losses.without_group,
                stream.losses.without_value,
                stream.losses.let_go,
                stream.waiting.dropped,
                stream.waiting.dropped_from,
            )
            for stream in self.streams
        )
        return Tally(unplaced, shortfalls)

    def dump(self) -> bytes:
        """Return all that is held: `load` goes on from it. The same state gives the same bytes."""
        return dump(self)

    @classmethod
    def load(cls, plan: CorrelationPlan, data: bytes, bounds: Bounds | None = None) -> Correlator:
        """Return the correlator of a dump. Raises StorageError E5600: damaged, or of other rules."""
        correlator = cls(plan, bounds)
        load(correlator, data)
        return correlator

    def waiting(self) -> int:
        """Return how many marks wait, counted for each correlation."""
        return sum(len(stream.waiting) for stream in self.streams)

    def _name_fewer(self) -> None:
        """Name fewer records of the longest episodes where all together name too many."""
        held = self.bounds.held
        if sum(stream.named for stream in self.streams) <= held:
            return
        growing = [each for stream in self.streams for each in stream.open.values()]
        named = np.array([each.evidence.named for each in growing], np.int64)
        most = self.bounds.named
        while most > limits.MIN_RECORDS_PER_EPISODE and 2 * int(np.minimum(named, most).sum()) > held:
            most //= 2
        for stream in self.streams:
            stream.shorten(most)

    def texts_in_use(self) -> set[int]:
        """Return the digests of groups and assets whose texts may be asked for."""
        found: set[int] = set()
        for stream in self.streams:
            found.update(stream.texts_in_use())
            for rows in (stream.log.rows, stream.waiting.rows(self.ranks())):
                found.update(np.unique(rows.assets).tolist())
                for column, values in zip(stream.judged.columns, rows.columns, strict=True):
                    if column.is_group:
                        found.update(np.unique(values).tolist())
        return found
