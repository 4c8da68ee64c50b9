"""Judge the events of one correlation as time goes on.

Held are the events in reach of later windows, the episodes that may still grow, and what waits for
the watermark.  Everything else follows from the held events, so that no cut between two calls can
show in what is found.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from hisn.core import limits
from hisn.engine.correlate.block import BEFORE_ALL, Block, block_of, chosen_rows
from hisn.engine.correlate.evidence import Evidence, First, Records, Snapshot
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.measures import Measure, Meter
from hisn.engine.correlate.plan import Judged, Up
from hisn.engine.correlate.rows import Array, Bools, Rows
from hisn.engine.correlate.waiting import Waiting
from hisn.events.batch import Int64s

SnapshotKey = tuple[int, int, int]
"""Time, source code and number of the event that an episode is."""


_MANY_SLOTS = 4096


@dataclass(frozen=True, slots=True)
class Bounds:
    """Hold the caps of one correlation, and of all together (`held`)."""

    lookback: int
    waiting: int
    named: int = limits.MAX_RECORDS_PER_FINDING
    held: int = limits.MAX_EPISODE_RECORDS_HELD


def bounds_for(correlations: int) -> Bounds:
    """Return the caps where a pack has so many correlations."""
    share = max(1, correlations)
    return Bounds(
        lookback=max(limits.MIN_LOOKBACK, min(limits.MAX_LOOKBACK, limits.CORRELATION_LOOKBACK // share)),
        waiting=max(limits.MIN_WAITING, min(limits.MAX_WAITING, limits.CORRELATION_WAITING // share)),
    )


@dataclass(slots=True)
class Growing:
    """Hold one episode that may grow, or has been closed and not been taken yet."""

    key: int
    fired: int
    last: int
    first: First
    count: int
    value: Fraction
    extreme: Fraction
    evidence: Evidence
    is_closed: bool = False


@dataclass(frozen=True, slots=True)
class Emission:
    """Hold the event that a new episode is, for one correlation that judges it."""

    correlation: int
    rows: Rows
    key: SnapshotKey
    snapshot: Snapshot


@dataclass(slots=True)
class Losses:
    """Count events that were not judged, or not for as long as the windows are."""

    without_group: int = 0
    without_value: int = 0
    let_go: int = 0


@dataclass(frozen=True, slots=True)
class _Segment:
    """Hold the firing windows of one episode in one block.

    `windows` are positions in the block; the rows behind them are those of `slot` from `low` on.
    """

    slot: int
    windows: Int64s
    low: int
    goes_on: bool


@dataclass(frozen=True, slots=True)
class _Behind:
    """Hold the rows of the log behind segments, by (slot, row).

    `begins`, `firsts` and `ends` give for each segment where its rows begin, and where those of its
    first window and of all its windows end.
    """

    rows: Int64s
    is_first: Bools
    begins: list[int]
    firsts: list[int]
    ends: list[int]


class Stream:
    """Judge one correlation; `advance` goes forward only.

    `open` episodes are by their group's digest, `changed` those that grew since `take`, `done` the
    closed ones not taken yet; `named` counts the records that the open ones name.  `snapshots` are
    of the held events that are episodes of others.
    """

    def __init__(self, judged: Judged, bounds: Bounds) -> None:
        """Begin without events."""
        self.judged = judged
        self.bounds = bounds
        self.waiting = Waiting(judged.columns, bounds.waiting)
        self.log = Log(judged.columns)
        self.open: dict[int, Growing] = {}
        self.done: list[Growing] = []
        self.changed: set[int] = set()
        self.snapshots: dict[SnapshotKey, Snapshot] = {}
        self.losses = Losses()
        self._meter = Meter(judged)
        self._slots: dict[int, int] = {}
        self._keys: list[int] = []
        self._kept_slots = 0
        self._ends: list[tuple[int, int]] = []
        self.named = 0
        self._rules = np.array([feed.rule for feed in judged.feeds], np.int32)
        self._kept_snapshots = 0

    def put(self, rows: Rows) -> None:
        """Take rows that wait for the watermark; what has no group or no value is counted only."""
        keep = rows.columns[0] != 0
        kept = int(np.count_nonzero(keep))
        self.losses.without_group += len(rows) - kept
        if self.judged.has_value:
            values = rows.columns[1]
            keep &= _are_there(values) if self.judged.is_numeric else values != 0
            with_value = int(np.count_nonzero(keep))
            self.losses.without_value += kept - with_value
            kept = with_value
        if kept:
            self.waiting.put(rows if kept == len(rows) else rows.take(keep))

    def put_episode(self, emission: Emission) -> None:
        """Take the event that an episode of another correlation is."""
        self.snapshots[emission.key] = emission.snapshot
        self.put(emission.rows)

    def advance(self, upto: int, ranks: Array) -> Iterator[Emission]:
        """Judge all that waits up to an instant; yield the new episodes for those that judge them."""
        if not (len(self.waiting) or len(self.log) or self.open):
            return
        new = self.waiting.take(upto, ranks)
        out = 0
        if len(new):
            held = len(self.log)
            self.log.append(new, self._slots_of(new.columns[0]))
            block = block_of(self.log, held, self.judged.span_us, self.bounds.lookback)
            self.losses.let_go += block.let_go
            yield from self._judge(block, self._meter.measure(block, len(self._keys)), ranks)
            out = int(block.begins[-1])
        self._drop(out, upto)
        self._close(upto)
        self._forget_snapshots()

    def fill(self, rows: Rows) -> None:
        """Hold rows that have been judged already; only before anything else is done."""
        self.log.append(rows, self._slots_of(rows.columns[0]))
        self._meter.rebuild(self.log, len(self._keys))

    def _slots_of(self, keys: Int64s) -> Array:
        different, inverse = np.unique(keys, return_inverse=True)
        slots: list[int] = []
        for key in different.tolist():
            slot = self._slots.get(key)
            if slot is None:
                slot = self._slots[key] = len(self._keys)
                self._keys.append(key)
            slots.append(slot)
        return np.array(slots, np.int32)[inverse]

    def _drop(self, out: int, upto: int) -> None:
        """Forget the rows that no later window holds; `out` of them are in no window now."""
        reached = max(BEFORE_ALL, upto - self.judged.span_us)
        start = int(np.searchsorted(self.log.times, reached, side="right"))
        if start > out:
            self._meter.drop(self.log, out, start)
        self.log.drop(max(start, out))
        if 2 * len(self._keys) > 3 * self._kept_slots + 2 * _MANY_SLOTS:
            self._slots, self._keys = {}, []
            self.log.renumber(self._slots_of(self.log.column(0)))
            self._meter.rebuild(self.log, len(self._keys))
            self._kept_slots = len(self._keys)

    def _judge(self, block: Block, found: Measure, ranks: Array) -> Iterator[Emission]:
        segments = self._segments(block, np.flatnonzero(found.holds))
        if not segments:
            return
        behind = self._behind(block, segments)
        for index, segment in enumerate(segments):
            first, last = int(segment.windows[0]), int(segment.windows[-1])
            key = self._keys[segment.slot]
            growing = self.open.get(key)
            if growing is None or not segment.goes_on:
                if growing is not None:
                    self.finish(growing)
                window = behind.rows[behind.begins[index] : behind.firsts[index]]
                growing = self._begin(block, found.at(first), window, first, ranks)
                if self.judged.ups:
                    yield from self._emit(window, growing, ranks)
            growing.last = int(block.log.times[block.places[last]])
            growing.extreme = max(growing.extreme, found.largest(segment.windows))
            part = slice(behind.begins[index], behind.ends[index])
            self._grow(growing, behind.rows[part], behind.is_first[part])

    def _segments(self, block: Block, firing: Int64s) -> list[_Segment]:
        """Cut firing windows into episodes: one goes on with that before it where it reaches back to it."""
        if not len(firing):
            return []
        slots, times = block.slots[firing], block.log.times
        at = times[block.places[firing]]
        begins = block.begins[block.instants[firing]]
        reach = times[begins]
        is_first = np.ones(len(firing), np.bool_)
        is_first[1:] = slots[1:] != slots[:-1]
        is_new = is_first.copy()
        is_new[1:] |= reach[1:] > at[:-1]
        starts = np.flatnonzero(is_new)
        lows = begins[starts]
        lasts = np.full(len(starts), BEFORE_ALL)
        for index in np.flatnonzero(is_first[starts]).tolist():
            growing = self.open.get(self._keys[int(slots[starts[index]])])
            if growing is not None:
                lasts[index] = growing.last
        goes_on = lasts >= reach[starts]
        lows = np.where(goes_on, np.searchsorted(times, lasts, side="right"), lows)
        return [
            _Segment(slot, windows, low, goes)
            for slot, windows, low, goes in zip(
                slots[starts].tolist(),
                np.split(firing, starts[1:]),
                lows.tolist(),
                goes_on.tolist(),
                strict=True,
            )
        ]

    def _behind(self, block: Block, segments: Sequence[_Segment]) -> _Behind:
        """Return all rows that the segments rest on."""
        slots = np.array([segment.slot for segment in segments])
        lows = np.array([segment.low for segment in segments])
        firsts = block.places[[int(segment.windows[0]) for segment in segments]]
        lasts = block.places[[int(segment.windows[-1]) for segment in segments]]
        rows, of_rows = chosen_rows(block.log, slots, int(lows.min()), len(self._keys))
        size = len(block.log) + 1
        keys = of_rows * size + rows
        begins, first_ends, ends = (
            np.searchsorted(keys, slots * size + edge).tolist() for edge in (lows, firsts + 1, lasts + 1)
        )
        return _Behind(rows, block.log.first[rows], begins, first_ends, ends)

    def _begin(self, block: Block, value: Fraction, window: Int64s, first: int, ranks: Array) -> Growing:
        fired = int(block.log.times[block.places[first]])
        key = self._keys[int(block.slots[first])]
        growing = Growing(
            key=key,
            fired=fired,
            last=fired,
            first=self._first(window, ranks),
            count=0,
            value=value,
            extreme=value,
            evidence=Evidence(self.bounds.named),
        )
        self.open[key] = growing
        return growing

    def _first(self, window: Int64s, ranks: Array) -> First:
        """Return the first record of a window."""
        if not self.judged.is_chain:
            window = window[:1]
        rows = self.log.rows
        times, sources, numbers = rows.times[window], rows.sources[window], rows.numbers[window]
        records = zip(
            times.tolist(), sources.tolist(), numbers.tolist(), rows.assets[window].tolist(), strict=True
        )
        firsts: list[First] = [self.snapshots[each[:3]].first if each[1] < 0 else each for each in records]
        return min(firsts, key=lambda first: (first[0], int(ranks[first[1]]), first[2]))

    def _grow(self, growing: Growing, rows: Int64s, first: Bools) -> None:
        """Let an episode rest on more rows of the log."""
        growing.count += int(np.count_nonzero(first))
        named = growing.evidence.named
        for records, lost in self._records(rows):
            growing.evidence.add(records)
            growing.evidence.lost |= lost
        self.named += growing.evidence.named - named
        self.changed.add(growing.key)
        heapq.heappush(self._ends, (growing.last, growing.key))

    def _records(self, inside: Int64s) -> Iterator[tuple[Records, frozenset[tuple[int, int]]]]:
        """Yield the records behind rows of the log, in their order, and what is known to be lost."""
        rows = self.log.rows
        sources = rows.sources[inside]
        if not self.judged.is_chain:
            yield Records(sources, self._rules[rows.feeds[inside]], rows.numbers[inside]), frozenset()
            return
        is_episode = sources < 0
        cuts = np.flatnonzero(is_episode[1:] | is_episode[:-1]) + 1
        before: SnapshotKey | None = None
        for part in np.split(inside, cuts):
            (key, *_others) = _keys(rows, part)
            if key[1] >= 0:
                records = Records(rows.sources[part], self._rules[rows.feeds[part]], rows.numbers[part])
                yield records, frozenset()
            elif key != before:
                snapshot = self.snapshots[key]
                yield snapshot.records, snapshot.lost
            before = key

    def _emit(self, window: Int64s, growing: Growing, ranks: Array) -> Iterator[Emission]:
        """Yield the event that a new episode is, in each group to which its records belong."""
        evidence = Evidence(self.bounds.named)
        for records, lost in self._records(window):
            evidence.add(records)
            evidence.lost |= lost
        snapshot = Snapshot(evidence.whole().distinct(ranks), frozenset(evidence.lost), growing.first)
        key = (growing.fired, -1 - self.judged.index, growing.key)
        for up in self.judged.ups:
            columns = _carried(self.log.rows, window, up)
            count = len(columns[0])
            rows = Rows(
                np.full(count, key[0], np.int64),
                np.full(count, key[1], np.int32),
                np.full(count, key[2], np.int64),
                np.full(count, up.feed, np.int32),
                np.full(count, 1 + len(snapshot.records), np.int32),
                np.full(count, growing.first[3], np.int64),
                columns,
            )
            yield Emission(up.correlation, rows, key, snapshot)

    def _close(self, upto: int) -> None:
        """Close the episodes that no later window can reach."""
        reached = upto - self.judged.span_us
        if len(self.log):
            reached = max(reached, int(self.log.times[0]) - 1)
        while self._ends and self._ends[0][0] <= reached:
            last, key = heapq.heappop(self._ends)
            growing = self.open.get(key)
            if growing is not None and growing.last == last:
                self.finish(growing)

    def finish(self, growing: Growing) -> None:
        """Close an open episode."""
        growing.is_closed = True
        self.named -= growing.evidence.named
        del self.open[growing.key]
        self.changed.discard(growing.key)
        self.done.append(growing)

    def shorten(self, most: int) -> None:
        """Let every open episode name so many records at most."""
        for growing in self.open.values():
            if growing.evidence.named > most:
                self.named += most - growing.evidence.named
                growing.evidence.shorten(most)
                self.changed.add(growing.key)

    def take(self) -> list[Growing]:
        """Return the episodes that changed since the last call."""
        taken = [*self.done, *(self.open[key] for key in self.changed)]
        self.done.clear()
        self.changed.clear()
        return taken

    def restore(self, growing: Growing, *, is_changed: bool) -> None:
        """Take back an episode of a state that was kept."""
        if growing.is_closed:
            self.done.append(growing)
            return
        self.open[growing.key] = growing
        self.named += growing.evidence.named
        heapq.heappush(self._ends, (growing.last, growing.key))
        if is_changed:
            self.changed.add(growing.key)

    def texts_in_use(self) -> set[int]:
        """Return the digests of groups and assets of episodes whose texts may be asked for."""
        growing = [*self.open.values(), *self.done]
        found = {each.key for each in growing} | {each.first[3] for each in growing}
        return found | {self.snapshots[key].first[3] for key in self.snapshot_keys()}

    def snapshot_keys(self) -> set[SnapshotKey]:
        """Return the events held that are episodes of others."""
        rows = self.log.rows
        return set(_keys(rows, np.flatnonzero(rows.sources < 0)))

    def _forget_snapshots(self) -> None:
        if len(self.snapshots) > 2 * self._kept_snapshots + 64:
            wanted = self.snapshot_keys()
            self.snapshots = {key: each for key, each in self.snapshots.items() if key in wanted}
            self._kept_snapshots = len(self.snapshots)


def _are_there(numbers: Array) -> Bools:
    return np.fromiter((number is not None for number in numbers.tolist()), np.bool_, len(numbers))


def _keys(rows: Rows, inside: Array) -> list[SnapshotKey]:
    """Return (time, source code, number) of some rows, once for each event in a row."""
    times, sources, numbers = rows.times[inside], rows.sources[inside], rows.numbers[inside]
    return list(dict.fromkeys(zip(times.tolist(), sources.tolist(), numbers.tolist(), strict=True)))


def _carried(rows: Rows, inside: Array, up: Up) -> tuple[Array, ...]:
    """Return the columns of the event that an episode is elsewhere: one row for each different set.

    What has no group there or no value counts only where nothing else is left.  Where a number is
    asked for and the records of one group have several, they have none.
    """
    picked = [rows.columns[column][inside].tolist() for column in up.columns]
    sets = list(dict.fromkeys(zip(*picked, strict=True)))
    sets = [each for each in sets if each[0]] or sets[:1]
    if up.has_value:
        sets = [each for each in sets if (each[1] is not None and each[1] != 0) or up.is_numeric] or sets[:1]
    if up.is_numeric:
        numbers: dict[int, set[int]] = {}
        for each in sets:
            if each[1] is not None:
                numbers.setdefault(each[0], set()).add(each[1])
        single = [each for each in sets if each[1] is not None and len(numbers[each[0]]) == 1]
        sets = single or [(sets[0][0], None, *sets[0][2:])]
    kinds = [rows.columns[column].dtype for column in up.columns]
    columns: list[Array] = []
    for kind, values in zip(kinds, zip(*sets, strict=True), strict=True):
        column = np.empty(len(sets), kind)
        column[:] = values
        columns.append(column)
    return tuple(columns)
