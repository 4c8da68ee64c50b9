"""Find events one after the other, in the order in which a correlation names its references.

Instants of one group are taken in turn.  For each number of places of the sequence, the latest
instant is kept at which that many can have begun: if that is in the window, they all are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hisn.engine.correlate.frame import Frame
from hisn.engine.correlate.plan import Judged
from hisn.engine.correlate.reference import MAX_TIED_SOURCES
from hisn.engine.correlate.rows import Bools
from hisn.engine.correlate.terms import Term
from hisn.events.batch import Int64s


class Instant(NamedTuple):
    """Hold the events of one group at one instant: for each source, the references of its events.

    `window` is the window that is judged there, -1 where the instant is not new; `begins` the
    instant at which that window begins, counted in the group.
    """

    sources: Sequence[Sequence[Collection[int]]]
    window: int
    begins: int


def in_order(judged: Judged, frame: Frame, places: Int64s, present: Int64s) -> tuple[Int64s, Bools]:
    """Return the most references in order in each window at the end of an instant, and whether a term holds.

    `places` gives the reference of each row, `present` how many are in each window at all.
    """
    found = np.zeros(len(frame.new), np.int64)
    least = min((len(term.ordered) for term in judged.terms), default=0)
    enough = frame.is_end & (present >= least)
    for slot in np.unique(frame.slots[frame.new[enough]]).tolist():
        instants = list(_instants(frame, places, slot))
        for term in judged.terms:
            for window in _windows(judged, term, instants):
                found[window] = max(found[window], len(term.ordered))
    return found, found > 0


def _instants(frame: Frame, places: Int64s, slot: int) -> Iterator[Instant]:
    """Yield the instants of one group, from the first that a window can reach."""
    start, end = np.searchsorted(frame.slots, [slot, slot + 1]).tolist()
    new_start, new_end = np.searchsorted(frame.new, [start, end]).tolist()
    start = int(frame.low[new_start])
    inside = frame.order[start:end]
    times, sources = frame.rows.times[inside], frame.rows.sources[inside]
    cuts = np.append(np.flatnonzero(np.diff(times, prepend=times[0] - 1)), len(times))
    firsts = {int(cut): index for index, cut in enumerate(cuts.tolist())}
    window_at = {int(frame.new[window]): window for window in range(new_start, new_end)}
    first = frame.first[start:end].tolist()
    references = places[start:end].tolist()
    codes = sources.tolist()
    for low, high in pairwise(cuts.tolist()):
        by_source: dict[int, list[set[int]]] = {}
        for row in range(low, high):
            events = by_source.setdefault(codes[row], [])
            if first[row]:
                events.append(set())
            events[-1].add(references[row])
        window = window_at.get(start + high - 1, -1)
        begins = firsts[int(frame.low[window]) - start] if window >= 0 else 0
        yield Instant(list(by_source.values()), window, begins)


def _windows(judged: Judged, term: Term, instants: Sequence[Instant]) -> Iterator[int]:
    """Yield the windows in which a term holds."""
    sequence, size = term.ordered, len(term.ordered)
    wanted = frozenset(sequence)
    reach = _reach(judged, sequence)
    begun = [-1] * (size + 1)
    excluded = -1
    for index, instant in enumerate(instants):
        events = [event for source in instant.sources for event in source]
        if len(events) == 1:
            (event,) = events
            for place in range(size - 1, -1, -1):
                if sequence[place] in event:
                    begun[place + 1] = max(begun[place + 1], begun[place] if place else index)
        elif any(not wanted.isdisjoint(event) for event in events):
            later = list(begun)
            for place in range(size):
                since = begun[place] if place else index
                for end in _ends(sequence, instant.sources, place, reach[place]) if since >= 0 else ():
                    later[end] = max(later[end], since)
            begun = later
        if any(not term.absent.isdisjoint(event) for event in events):
            excluded = index
        if instant.window >= 0 and begun[size] >= instant.begins > excluded:
            yield instant.window


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


def _ends(
    sequence: Sequence[int], sources: Sequence[Sequence[Collection[int]]], start: int, limit: int
) -> set[int]:
    """Return how far the events of one instant lead on from a place, each source used once."""
    wanted = frozenset(sequence)
    taking = [source for source in sources if any(not wanted.isdisjoint(event) for event in source)]
    depth = len(taking) if len(taking) <= MAX_TIED_SOURCES else 2
    found: set[int] = set()
    seen: set[tuple[int, frozenset[int]]] = set()
    waiting: list[tuple[int, frozenset[int]]] = [(start, frozenset())]
    while waiting:
        place, used = waiting.pop()
        for index, source in enumerate(taking):
            if index in used:
                continue
            furthest = _walk(sequence, source, place, limit)
            for end in range(place + 1, furthest + 1):
                found.add(end)
                state = (end, used | {index})
                if len(state[1]) < depth and state not in seen:
                    seen.add(state)
                    waiting.append(state)
    return found


def _walk(sequence: Sequence[int], events: Sequence[Collection[int]], place: int, limit: int) -> int:
    """Return the place up to which the events of one source lead on, in their own order."""
    for event in events:
        if place >= limit:
            break
        if sequence[place] in event:
            place += 1
    return place
