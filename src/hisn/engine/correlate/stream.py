"""Judge the events of one correlation as time goes on.

Held are the events in reach of later windows, the episodes that may still grow, and what waits for
the watermark.  Everything else is worked out anew from the held events, so that no cut between
two calls can show in what is found.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from hisn.core import limits
from hisn.engine.correlate.evidence import Evidence, First, Records, Snapshot
from hisn.engine.correlate.frame import Ages, Frame, ages_of, frame_of
from hisn.engine.correlate.measures import Measure, measure
from hisn.engine.correlate.plan import Judged, Up
from hisn.engine.correlate.rows import Array, Bools, Rows, join_rows, no_rows
from hisn.engine.correlate.waiting import Waiting

SnapshotKey = tuple[int, int, int]
"""Time, source code and number of the event that an episode is."""


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


@dataclass(slots=True)
class Stream:
    """Judge one correlation; `advance` goes forward only.

    `open` episodes are by their group's digest, `changed` those that grew since `take`, `done` the
    closed ones not taken yet.  `snapshots` are of the held events that are episodes of others.
    """

    judged: Judged
    bounds: Bounds
    waiting: Waiting = field(init=False)
    held: Rows = field(init=False)
    open: dict[int, Growing] = field(default_factory=dict)
    done: list[Growing] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    snapshots: dict[SnapshotKey, Snapshot] = field(default_factory=dict)
    losses: Losses = field(default_factory=Losses)
    _ends: list[tuple[int, int]] = field(default_factory=list)
    _rules: Array = field(init=False)
    _kept_snapshots: int = 0

    def __post_init__(self) -> None:
        self.waiting = Waiting(self.judged.columns, self.bounds.waiting)
        self.held = no_rows(self.judged.columns)
        self._rules = np.array([feed.rule for feed in self.judged.feeds], np.int32)

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
        new = self.waiting.take(upto, ranks)
        held = len(self.held)
        if len(new):
            rows = join_rows((self.held, new)) if held else new
            ages = ages_of(rows)
            frame = frame_of(rows, ages, held, self.judged.span_us, self.bounds.lookback)
            yield from self._judge(frame, ranks)
            self._let_go(rows, ages, upto, held)
        elif held:
            self.held = self._in_reach(self.held, upto)
        self._close(upto)
        self._forget_snapshots()

    def _judge(self, frame: Frame, ranks: Array) -> Iterator[Emission]:
        found = measure(self.judged, frame)
        firing = np.flatnonzero(found.holds & frame.is_end)
        if not len(firing):
            return
        at = frame.new[firing]
        times = frame.rows.times[frame.order]
        groups = frame.groups[at]
        # A firing window goes on with the episode of the one before it where it reaches back to it.
        is_first = np.ones(len(firing), np.bool_)
        is_first[1:] = groups[1:] != groups[:-1]
        is_new = is_first.copy()
        is_new[1:] |= times[frame.low[firing[1:]]] > times[at[:-1]]
        starts = np.flatnonzero(is_new)
        keys = frame.rows.columns[0][frame.order[at]]
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(firing)], strict=True):
            windows = firing[start:end]
            low, high = int(frame.low[windows[0]]), int(at[end - 1]) + 1
            key = int(keys[start])
            growing = self.open.get(key)
            if growing is not None and int(times[low]) <= growing.last:
                low += int(np.searchsorted(times[low:high], growing.last, side="right"))
            else:
                if growing is not None:
                    self.finish(growing)
                growing = self._begin(frame, found, int(windows[0]), ranks)
                yield from self._emit(frame, int(windows[0]), growing, ranks)
            growing.last = int(times[high - 1])
            growing.extreme = max(growing.extreme, found.largest(windows))
            self._grow(growing, frame, low, high)

    def _begin(self, frame: Frame, found: Measure, window: int, ranks: Array) -> Growing:
        low, row = int(frame.low[window]), int(frame.order[frame.new[window]])
        value = found.at(window)
        inside = frame.order[low : int(frame.new[window]) + 1]
        key = int(frame.rows.columns[0][row])
        growing = Growing(
            key=key,
            fired=int(frame.rows.times[row]),
            last=int(frame.rows.times[row]),
            first=self._first(frame.rows, inside, ranks),
            count=0,
            value=value,
            extreme=value,
            evidence=Evidence(self.bounds.named),
        )
        self.open[key] = growing
        return growing

    def _first(self, rows: Rows, inside: Array, ranks: Array) -> First:
        """Return the first record of a window."""
        if not self.judged.is_chain:
            row = inside[0]
            return int(rows.times[row]), int(rows.sources[row]), int(rows.numbers[row])
        firsts = [self.snapshots[key].first if key[1] < 0 else key for key in _keys(rows, inside)]
        return min(firsts, key=lambda first: (first[0], int(ranks[first[1]]), first[2]))

    def _grow(self, growing: Growing, frame: Frame, low: int, high: int) -> None:
        """Let an episode rest on the rows from low to high of the frame as well."""
        growing.count += int(np.count_nonzero(frame.first[low:high]))
        for records, lost in self._records(frame, low, high):
            growing.evidence.add(records)
            growing.evidence.lost |= lost
        self.changed.add(growing.key)
        heapq.heappush(self._ends, (growing.last, growing.key))

    def _records(
        self, frame: Frame, low: int, high: int
    ) -> Iterator[tuple[Records, frozenset[tuple[int, int]]]]:
        """Yield the records behind rows of the frame, in their order, and what is known to be lost."""
        inside = frame.order[low:high]
        rows = frame.rows
        sources = rows.sources[inside]
        if not self.judged.is_chain:
            yield Records(sources, self._rules[rows.feeds[inside]], rows.numbers[inside]), frozenset()
            return
        is_episode = sources < 0
        cuts = np.flatnonzero(is_episode[1:] | is_episode[:-1]) + 1
        firsts = frame.first[low:high]
        begin = 0
        for part in np.split(inside, cuts):
            if sources[begin] >= 0:
                records = Records(rows.sources[part], self._rules[rows.feeds[part]], rows.numbers[part])
                yield records, frozenset()
            elif firsts[begin]:
                (key,) = _keys(rows, part)
                snapshot = self.snapshots[key]
                yield snapshot.records, snapshot.lost
            begin += len(part)

    def _emit(self, frame: Frame, window: int, growing: Growing, ranks: Array) -> Iterator[Emission]:
        """Yield the event that a new episode is, in each group to which its records belong."""
        if not self.judged.ups:
            return
        low, high = int(frame.low[window]), int(frame.new[window]) + 1
        evidence = Evidence(self.bounds.named)
        for records, lost in self._records(frame, low, high):
            evidence.add(records)
            evidence.lost |= lost
        snapshot = Snapshot(evidence.whole().distinct(ranks), frozenset(evidence.lost), growing.first)
        inside = frame.order[low:high]
        key = (growing.fired, -1 - self.judged.index, growing.key)
        for up in self.judged.ups:
            columns = _carried(frame.rows, inside, up)
            count = len(columns[0])
            rows = Rows(
                np.full(count, key[0], np.int64),
                np.full(count, key[1], np.int32),
                np.full(count, key[2], np.int64),
                np.full(count, up.feed, np.int32),
                np.full(count, 1 + len(snapshot.records), np.int32),
                columns,
            )
            yield Emission(up.correlation, rows, key, snapshot)

    def _let_go(self, rows: Rows, ages: Ages, upto: int, held: int) -> None:
        """Hold what later windows can reach; count what the lookback takes from them too early."""
        instants = len(ages.times)
        # The instant at which each instant is out of the lookback: never its own.
        out = np.searchsorted(ages.end_weights, ages.first_weights + self.bounds.lookback)
        out = np.maximum(out, np.arange(1, instants + 1))
        gone = np.flatnonzero(out < instants)
        if len(gone):
            first_new = int(ages.of_row[held])
            early = (out[gone] >= first_new) & (
                ages.times[out[gone]] - ages.times[gone] <= self.judged.span_us
            )
            events = np.cumsum(rows.first_of_events())
            ends = np.append(ages.starts[1:], len(rows)) - 1
            counts = np.diff(events[ends], prepend=0)
            self.losses.let_go += int(counts[gone[early]].sum())
        start = int(ages.starts[len(gone)]) if len(gone) < instants else len(rows)
        self.held = self._in_reach(rows, upto, start)

    def _in_reach(self, rows: Rows, upto: int, start: int = 0) -> Rows:
        start = max(start, int(np.searchsorted(rows.times, upto - self.judged.span_us, side="right")))
        kept = rows.take(slice(start, None))
        # A view of a small part would keep all of it in memory.
        return kept.take(np.arange(len(kept))) if 2 * len(kept) < len(rows) else kept

    def _close(self, upto: int) -> None:
        """Close the episodes that no later window can reach."""
        reached = upto - self.judged.span_us
        if len(self.held):
            reached = max(reached, int(self.held.times[0]) - 1)
        while self._ends and self._ends[0][0] <= reached:
            last, key = heapq.heappop(self._ends)
            growing = self.open.get(key)
            if growing is not None and growing.last == last:
                self.finish(growing)

    def finish(self, growing: Growing) -> None:
        """Close an open episode."""
        growing.is_closed = True
        del self.open[growing.key]
        self.changed.discard(growing.key)
        self.done.append(growing)

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
        heapq.heappush(self._ends, (growing.last, growing.key))
        if is_changed:
            self.changed.add(growing.key)

    def snapshot_keys(self) -> set[SnapshotKey]:
        """Return the events held that are episodes of others."""
        return set(_keys(self.held, np.flatnonzero(self.held.sources < 0)))

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
