"""Find events one after the other, in the order in which a correlation names its references.

Instants of one group are taken in turn.  For each number of places of a sequence, the latest
instant is kept at which that many can have begun: if that is in the window, they all are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from hisn.engine.correlate.block import BEFORE_ALL, Block, chosen_rows
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.plan import Judged
from hisn.engine.correlate.reference import MAX_TIED_SOURCES
from hisn.engine.correlate.rows import Array
from hisn.engine.correlate.terms import Term
from hisn.events.batch import Int64s

_MAX_KEPT_PLACES = 16
"""Of more places in all terms together nothing is kept: windows are looked through anew."""

_Events = Sequence[Sequence[Collection[int]]]
"""The references of the events of one instant, source by source."""


@dataclass(slots=True)
class _State:
    """Hold how far a sequence has come in one group.

    `begun[n]` is the latest instant at which n places can have begun, `excluded` the latest of an
    event that must not be there.
    """

    begun: list[int]
    excluded: int = BEFORE_ALL


class _Sequence:
    """Follow one term."""

    def __init__(self, judged: Judged, term: Term) -> None:
        self.places = term.ordered
        self.absent = term.absent
        self._wanted = frozenset(term.ordered)
        self._reach = _reach(judged, term.ordered)
        # Backwards: an event stands for one place only.
        self._at: dict[int, list[int]] = {}
        for place in range(len(term.ordered) - 1, -1, -1):
            self._at.setdefault(term.ordered[place], []).append(place)

    def begin(self) -> _State:
        return _State([BEFORE_ALL] * (len(self.places) + 1))

    def see(self, state: _State, time: int, reference: int) -> None:
        """Go on with the only event of an instant."""
        begun = state.begun
        for place in self._at.get(reference, ()):
            since = begun[place] if place else time
            begun[place + 1] = max(begun[place + 1], since)
        if reference in self.absent:
            state.excluded = time

    def see_all(self, state: _State, time: int, sources: _Events) -> None:
        """Go on with the events of an instant, which may come in several orders."""
        if any(not self.absent.isdisjoint(event) for source in sources for event in source):
            state.excluded = time
        taking = [source for source in sources if any(not self._wanted.isdisjoint(event) for event in source)]
        if not taking:
            return
        later = list(state.begun)
        for place, limit in enumerate(self._reach):
            since = state.begun[place] if place else time
            if since > BEFORE_ALL:
                for end in self._ends(taking, place, limit):
                    later[end] = max(later[end], since)
        state.begun = later

    def _ends(self, sources: _Events, start: int, limit: int) -> set[int]:
        """Return how far the events of one instant lead on from a place, each source used once."""
        depth = len(sources) if len(sources) <= MAX_TIED_SOURCES else 2
        furthest: dict[tuple[int, int], int] = {}
        found: set[int] = set()
        seen: set[tuple[int, frozenset[int]]] = set()
        waiting: list[tuple[int, frozenset[int]]] = [(start, frozenset())]
        while waiting:
            place, used = waiting.pop()
            for index, source in enumerate(sources):
                if index in used:
                    continue
                if (index, place) not in furthest:
                    furthest[index, place] = self._walk(source, place, limit)
                for end in range(place + 1, furthest[index, place] + 1):
                    found.add(end)
                    state = (end, used | {index})
                    if len(state[1]) < depth and state not in seen:
                        seen.add(state)
                        waiting.append(state)
        return found

    def _walk(self, events: Sequence[Collection[int]], place: int, limit: int) -> int:
        """Return the place up to which the events of one source lead on, in their own order."""
        for event in events:
            if place >= limit:
                break
            if self.places[place] in event:
                place += 1
        return place


@dataclass(slots=True)
class _Walk:
    """Hold rows by (slot, row), as lists, and where instants begin among them.

    `windows` gives for each row the window in which it is the last, or -1; `begins` the instant at
    which that window begins.
    """

    slots: list[int]
    times: list[int]
    sources: list[int]
    references: list[int]
    first: list[bool]
    cuts: list[int]
    windows: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)

    def events(self, low: int, high: int) -> _Events:
        """Return the events of one instant, source by source."""
        by_source: dict[int, list[set[int]]] = {}
        for row in range(low, high):
            events = by_source.setdefault(self.sources[row], [])
            if self.first[row]:
                events.append(set())
            events[-1].add(self.references[row])
        return list(by_source.values())


class Ordered:
    """Measure how many references have events in order in the windows."""

    def __init__(self, judged: Judged) -> None:
        """Begin without events."""
        self._sequences = [_Sequence(judged, term) for term in judged.terms]
        self._references = np.array([feed.reference for feed in judged.feeds], np.int64)
        self._is_kept = sum(len(each.places) for each in self._sequences) <= _MAX_KEPT_PLACES
        self._states: dict[int, list[_State]] = {}

    def rebuild(self, log: Log, _slots: int) -> None:
        """Work everything out from the held rows."""
        self._states = {}
        if self._is_kept:
            order = np.argsort(log.slots, kind="stable")
            self._follow(self._walk(log, order, log.slots[order]), None)

    def windows(self, block: Block, slots: int) -> Int64s:
        """Return the most references in order in the window of each row at the end of an instant."""
        found = np.zeros(len(block.places), np.int64)
        if self._is_kept:
            walk = self._walk(block.log, block.places, block.slots)
        else:
            self._states = {}
            rows, of_rows = chosen_rows(block.log, block.slots, int(block.begins[0]), slots)
            walk = self._walk(block.log, rows, of_rows)
        is_new = np.array(walk.windows) >= block.held
        windows = np.full(len(is_new), -1, np.int64)
        windows[is_new] = np.where(block.is_end, np.arange(len(block.places)), -1)
        begins = np.zeros(len(is_new), np.int64)
        begins[is_new] = block.log.times[block.begins[block.instants]]
        walk.windows, walk.begins = windows.tolist(), begins.tolist()
        self._follow(walk, found)
        return found

    def drop(self, log: Log, start: int, end: int) -> None:
        """Do nothing: what began before a window is seen by when it began."""

    def _walk(self, log: Log, rows: Int64s, slots: Array) -> _Walk:
        times = log.times[rows]
        is_start = np.ones(len(rows), np.bool_)
        is_start[1:] = (times[1:] != times[:-1]) | (slots[1:] != slots[:-1])
        return _Walk(
            slots=slots.tolist(),
            times=times.tolist(),
            sources=log.rows.sources[rows].tolist(),
            references=self._references[log.rows.feeds[rows]].tolist(),
            first=log.first[rows].tolist(),
            cuts=[*np.flatnonzero(is_start).tolist(), len(rows)],
            windows=rows.tolist(),
        )

    def _follow(self, walk: _Walk, found: Int64s | None) -> None:
        """Go on instant by instant; note in `found` what is in order in the windows."""
        sequences = self._sequences
        for low, high in pairwise(walk.cuts):
            slot, time = walk.slots[low], walk.times[low]
            states = self._states.get(slot)
            if states is None:
                states = self._states[slot] = [each.begin() for each in sequences]
            if high - low == 1:
                for sequence, state in zip(sequences, states, strict=True):
                    sequence.see(state, time, walk.references[low])
            else:
                events = walk.events(low, high)
                for sequence, state in zip(sequences, states, strict=True):
                    sequence.see_all(state, time, events)
            if found is None or walk.windows[high - 1] < 0:
                continue
            begins = walk.begins[high - 1]
            for sequence, state in zip(sequences, states, strict=True):
                if state.begun[-1] >= begins > state.excluded:
                    found[walk.windows[high - 1]] = len(sequence.places)


def _reach(judged: Judged, sequence: Sequence[int]) -> list[int]:
    """Return for each place how far one instant can lead on from it at most."""
    limits: list[int] = []
    for start in range(len(sequence)):
        end = start + 1
        while end < len(sequence) and not any(
            (sequence[earlier], sequence[end]) in judged.strict for earlier in range(start, end)
        ):
            end += 1
        limits.append(end)
    return limits
