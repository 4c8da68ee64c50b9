"""Say what correlations mean, in the plainest way: the fast engine is compared with this.

The Sigma specification 2.1 leaves much open.  This is what we hold to.

**Events.**  A correlation looks at events: records that a rule hit, under each reference that
means the rule, and episodes of other correlations (a *chain*).  A record is one event, however
many of the rules hit it.  Records without a time are no events.

**Fields and groups.**  A name in ``group-by`` or ``field`` is an alias or a field.  Values are
compared as texts, case and all: 42 and "42" are one.  An event without a value for one of the
``group-by`` names takes part in no group, and one without a value for a ``field`` is not
counted: null and missing are no values, an empty text is one.  An episode has the fields of the
records that it rests on; where they differ, it is an event of each group.

**Windows.**  The condition is asked at every instant at which a group has an event, about all
events of the group from `timespan` before the instant up to the instant, both included.  Events
of one instant are seen together: the names of sources do not decide who was first.  Between
events nothing is asked, so that ``lt`` means "some, but fewer".

**Measures.**

* ``event_count``: events.
* ``value_count``: different values, of several fields different tuples.
* ``value_sum``, ``value_avg``: of the numbers that events have, exactly.
* ``value_percentile``: with n numbers in order, the one at rank (n - 1) * p / 100, counted from
  0; between two ranks, the share of the way between them (linear interpolation, like
  PERCENTILE_CONT).  ``value_median``: the same with p = 50.
* ``temporal``: different references with an event.  Without a condition: all; a condition of
  words asks which have one.
* ``temporal_ordered``: the most references, in the order written, for which there are events one
  after the other; each event stands for one place.  Without a condition: all.  A condition of
  words holds where some references that make it true have events in order, while those that it
  excludes have none in the window.

An event comes after another if it is later.  At the same instant it does if both are of one
source and its record number is greater, or if they are of different sources: neither order can
be excluded then.  Of each source a sequence uses one stretch at one instant; where more than
`MAX_TIED_SOURCES` take part, two stretches in all.  What a correlation's episode may rest on
comes before the episode.

**Episodes.**  Instants at which the condition holds, each at most `timespan` after the one
before, are one episode: their windows share an event.  It rests on all events in its windows.
In a chain it is one event, at its first instant, and what it rested on then is passed on.

**Lookback.**  A correlation holds its newest events only (see `limits`); older ones are gone for
all windows, whole instants at a time, and are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import permutations, product

from hisn.engine.correlate.cells import SCALE, digest_of, number_of, text_of_number, texts_of_cells
from hisn.engine.correlate.episode import Episode, Part
from hisn.engine.correlate.plan import NUMERIC, Judged, compile_correlations
from hisn.events.schema import Cell
from hisn.rules.correlation import Correlation
from hisn.rules.correlation_shape import holds_with, meets
from hisn.rules.pack import Pack

MAX_TIED_SOURCES = 6
"""Sources of events at one instant between which every order is tried."""


@dataclass(frozen=True)
class Mark:
    """Hold one hit of a rule, with the fields of its record."""

    rule: int
    source: str
    number: int
    time: int
    fields: dict[str, Cell]
    asset: str = ""


@dataclass(frozen=True)
class Leaf:
    """Hold one mark, and the (correlation, reference) by which it came, the topmost last."""

    mark: Mark
    path: tuple[tuple[Correlation, str], ...] = ()

    def cell(self, name: str) -> Cell:
        """Return the cell of a name as the topmost correlation calls it."""
        for correlation, reference in reversed(self.path):
            for alias in correlation.aliases:
                if alias.name == name and reference in dict(alias.fields):
                    name = dict(alias.fields)[reference]
                    break
        return self.mark.fields.get(name)

    def texts(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """Return the texts of several names; None where one has no value."""
        return texts_of_cells([self.cell(name) for name in names])


Place = tuple[int, str, int, int]
Record = tuple[str, str, int]
First = tuple[int, str, int, str]
"""Time, source, number and asset of a record."""


@dataclass
class Event:
    """Hold one event in one group; `place` orders events of one instant."""

    time: int
    place: Place
    references: set[int] = field(default_factory=set)
    leaves: list[Leaf] = field(default_factory=list)
    values: set[tuple[str, ...]] = field(default_factory=set)
    number: int | None = None
    records: set[Record] = field(default_factory=set)
    firsts: set[First] = field(default_factory=set)

    @property
    def order(self) -> tuple[int, Place]:
        """Return what events are sorted by."""
        return self.time, self.place


@dataclass(frozen=True)
class Arrival:
    """Hold an event as it comes under one reference, before it is put into groups."""

    time: int
    place: Place
    reference: int
    leaves: tuple[Leaf, ...]
    records: frozenset[Record]
    firsts: frozenset[First]


@dataclass
class Found:
    """Hold one episode while it grows."""

    fired: int
    last: int
    value: Fraction
    extreme: Fraction
    events: dict[tuple[int, Place], Event]
    window: list[Event]


def correlate(pack: Pack, marks: Iterable[Mark], lookback: int | None = None) -> list[Episode]:
    """Return all episodes of all correlations, sorted by (correlation, fired, group)."""
    plan = compile_correlations(pack)
    known = list(marks)
    found: dict[int, list[tuple[tuple[str, ...], Found]]] = {}
    for index in plan.order:
        arrivals = list(_arrivals(pack, plan.judged, index, known, found))
        groups = _groups(pack.correlations[index], arrivals)
        held = _Lookback(groups.values(), lookback)
        judged = plan.judged[index]
        found[index] = [
            (texts, one) for texts, group in groups.items() for one in _episodes(judged, group, held)
        ]
    episodes = [
        _episode(plan.judged[index], texts, one) for index, members in found.items() for texts, one in members
    ]
    return sorted(episodes, key=lambda each: (each.correlation, each.fired_us, each.group))


def _arrivals(
    pack: Pack,
    judged: Sequence[Judged],
    index: int,
    marks: Sequence[Mark],
    found: dict[int, list[tuple[tuple[str, ...], Found]]],
) -> Iterator[Arrival]:
    correlation = pack.correlations[index]
    for feed in judged[index].feeds:
        step = (correlation, correlation.references[feed.reference].name)
        for mark in marks:
            if mark.rule == feed.rule:
                place = (0, mark.source, mark.number, 0)
                record = (mark.source, pack.rules[mark.rule].digest, mark.number)
                first = (mark.time, mark.source, mark.number, mark.asset)
                leaf = Leaf(mark, (step,))
                yield Arrival(
                    mark.time, place, feed.reference, (leaf,), frozenset((record,)), frozenset((first,))
                )
        for texts, episode in found[feed.correlation] if feed.correlation >= 0 else ():
            yield Arrival(
                episode.fired,
                (1, "", feed.correlation, digest_of(texts)),
                feed.reference,
                tuple(
                    Leaf(leaf.mark, (*leaf.path, step)) for event in episode.window for leaf in event.leaves
                ),
                frozenset().union(*[event.records for event in episode.window]),
                frozenset().union(*[event.firsts for event in episode.window]),
            )


def _groups(correlation: Correlation, arrivals: Sequence[Arrival]) -> dict[tuple[str, ...], list[Event]]:
    """Put arrivals into groups, what is one event together, in order of time and place."""
    groups: dict[tuple[str, ...], dict[tuple[int, Place], Event]] = {}
    for arrival in arrivals:
        members: dict[tuple[str, ...], list[Leaf]] = {}
        for leaf in arrival.leaves:
            texts = leaf.texts(correlation.group_by)
            if texts is not None:
                members.setdefault(texts, []).append(leaf)
        for texts, leaves in members.items():
            kept = leaves
            if correlation.kind in NUMERIC:
                kept = [leaf for leaf in leaves if number_of(leaf.cell(correlation.fields[0])) is not None]
                numbers = {number_of(leaf.cell(correlation.fields[0])) for leaf in kept}
                if len(numbers) != 1:
                    continue
            elif correlation.fields:
                kept = [leaf for leaf in leaves if leaf.texts(correlation.fields) is not None]
            if not kept:
                continue
            events = groups.setdefault(texts, {})
            event = events.setdefault(
                (arrival.time, arrival.place), Event(time=arrival.time, place=arrival.place)
            )
            event.references.add(arrival.reference)
            event.leaves += kept
            event.values |= {leaf.texts(correlation.fields) or () for leaf in kept}
            event.records |= arrival.records
            event.firsts |= arrival.firsts
            if event.number is None and correlation.kind in NUMERIC:
                event.number = number_of(kept[0].cell(correlation.fields[0]))
    return {texts: sorted(events.values(), key=lambda event: event.order) for texts, events in groups.items()}


class _Lookback:
    """Tell which instants are still held at another one."""

    def __init__(self, groups: Iterable[Sequence[Event]], lookback: int | None) -> None:
        self._lookback = lookback
        events = {event.order: event for group in groups for event in group}
        self._weights = [(order, self.weight(event)) for order, event in sorted(events.items())]

    @staticmethod
    def weight(event: Event) -> int:
        return 1 if event.place[0] == 0 else 1 + len(event.records)

    def holds(self, time: int, at: int) -> bool:
        """Tell whether all events of an instant are held at another: the instant itself always is."""
        if self._lookback is None or time == at:
            return True
        newer = sum(weight for (when, _place), weight in self._weights if time <= when <= at)
        first = next(weight for (when, _place), weight in self._weights if when == time)
        return newer - first < self._lookback


def _episodes(judged: Judged, events: Sequence[Event], held: _Lookback) -> Iterator[Found]:
    current: Found | None = None
    for time in sorted({event.time for event in events}):
        window = [
            event
            for event in events
            if time - judged.span_us <= event.time <= time and held.holds(event.time, time)
        ]
        measure = _measure(judged, window)
        if measure is None:
            continue
        shares = current is not None and any(event.time == current.last for event in window)
        if current is None or not shares:
            if current is not None:
                yield current
            current = Found(time, time, measure, measure, {}, window)
        current.last = time
        current.extreme = max(current.extreme, measure)
        current.events |= {event.order: event for event in window}
    if current is not None:
        yield current


def _measure(judged: Judged, window: Sequence[Event]) -> Fraction | None:
    """Return the measure of a window where the condition holds."""
    present = {reference for event in window for reference in event.references}
    names = {name for name, places in judged.positions.items() if present.issuperset(places)}
    measure = Fraction(0)
    match judged.kind:
        case "event_count":
            measure = Fraction(len(window))
        case "value_count":
            measure = Fraction(len({value for event in window for value in event.values}))
        case "value_sum" | "value_avg" | "value_percentile" | "value_median":
            numbers = sorted(Fraction(event.number or 0, SCALE) for event in window)
            measure = _of_numbers(judged, numbers)
        case "temporal":
            measure = Fraction(len(present))
            if judged.presence is not None and not holds_with(judged.presence, names):
                return None
        case "temporal_ordered":
            sizes = [
                len(term.ordered)
                for term in judged.terms
                if term.absent.isdisjoint(present) and _in_order(judged, term.ordered, window)
            ]
            if judged.presence is not None and not sizes:
                return None
            measure = Fraction(max(sizes, default=0))
    return measure if all(meets(test, measure) for test in judged.tests) else None


def _of_numbers(judged: Judged, numbers: Sequence[Fraction]) -> Fraction:
    if judged.kind == "value_sum":
        return sum(numbers, Fraction(0))
    if judged.kind == "value_avg":
        return sum(numbers, Fraction(0)) / len(numbers)
    rank = Fraction((len(numbers) - 1) * judged.percentile, 100)
    below = rank.numerator // rank.denominator
    above = min(below + 1, len(numbers) - 1)
    return numbers[below] + (rank - below) * (numbers[above] - numbers[below])


def _in_order(judged: Judged, sequence: Sequence[int], window: Sequence[Event]) -> bool:
    """Tell whether there are events for the places of a sequence, one after the other."""
    states = {0}
    for time in sorted({event.time for event in window}):
        instant = [event for event in window if event.time == time]
        states |= {end for start in states for end in _ends(judged, sequence, instant, start)}
    return len(sequence) in states


def _ends(judged: Judged, sequence: Sequence[int], instant: Sequence[Event], start: int) -> set[int]:
    """Return how far the events of one instant can lead on, from a place in the sequence."""
    sources: dict[tuple[int, str, int], list[Event]] = {}
    for event in instant:
        if event.references.intersection(sequence):
            sources.setdefault((*event.place[:2], event.place[2] if event.place[0] else 0), []).append(event)
    found: set[int] = set()
    stretches = len(sources) if len(sources) <= MAX_TIED_SOURCES else 2
    for chosen in permutations(sources.values(), min(stretches, len(sources))):
        walk = partial(_stretches, judged, sequence, start)
        for counts in product(range(len(sequence) + 1), repeat=len(chosen)):
            if (end := walk(chosen, counts)) is not None:
                found.add(end)
    return found


def _stretches(
    judged: Judged,
    sequence: Sequence[int],
    start: int,
    chosen: Sequence[Sequence[Event]],
    counts: Sequence[int],
) -> int | None:
    """Take so many places from each source in turn; None where its events do not give them."""
    place = start
    for events, count in zip(chosen, counts, strict=True):
        rest = list(events)
        for _ in range(count):
            if place >= len(sequence) or _is_strict(judged, sequence, start, place):
                return None
            while rest and sequence[place] not in rest[0].references:
                del rest[0]
            if not rest:
                return None
            del rest[0]
            place += 1
    return place


def _is_strict(judged: Judged, sequence: Sequence[int], start: int, place: int) -> bool:
    return any((sequence[earlier], sequence[place]) in judged.strict for earlier in range(start, place))


def _episode(judged: Judged, texts: tuple[str, ...], found: Found) -> Episode:
    events = [found.events[order] for order in sorted(found.events)]
    numbers: dict[tuple[str, str], set[int]] = {}
    for event in events:
        for source, rule, number in event.records:
            numbers.setdefault((source, rule), set()).add(number)
    first = min(first for event in found.window for first in event.firsts)
    return Episode(
        correlation=judged.index,
        group=tuple(zip(judged.group_by, texts, strict=True)),
        fired_us=found.fired,
        first_us=first[0],
        last_us=found.last,
        first_source=first[1],
        first_record=first[2],
        first_asset=first[3],
        count=len(events),
        value=text_of_number(found.value),
        extreme=text_of_number(found.extreme),
        evidence=tuple(
            Part(source, rule, tuple(sorted(numbers[source, rule])), is_complete=True)
            for source, rule in sorted(numbers)
        ),
        is_closed=True,
    )
