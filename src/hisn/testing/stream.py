"""Carry generated records, and put streams of them together in time order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from hisn.testing.calendar import Calendar, Span
from hisn.testing.county import County
from hisn.testing.dice import Dice


class Record(NamedTuple):
    """Hold one record of a source: when (microseconds UTC), its text, and whose doing it is.

    `attack` is the name of the attack that made the record; empty for the background.
    """

    time: int
    text: str
    attack: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Hold what a stream plays on: the county, its calendar, the stretch of time, and dice."""

    county: County
    calendar: Calendar
    span: Span
    dice: Dice


Background: TypeAlias = Callable[[Stage, int], Iterator[Record]]
"""Make about so many ordinary records, in time order."""


@dataclass(frozen=True, slots=True)
class Attack:
    """Describe one attack: what it is, into which source it writes, and what should be found.

    `expect` are file stems of rules of the election pack that should fire on its records; empty
    means that no rule can see it, and `note` says who can.  `play` yields its records in time
    order, without `Record.attack`, which `planted` fills in.
    """

    name: str
    title: str
    source: str
    expect: tuple[str, ...]
    play: Callable[[Stage], Iterator[Record]]
    note: str = ""

    def planted(self, stage: Stage) -> Iterator[Record]:
        """Yield the attack's records, marked with its name."""
        for time, text, _ in self.play(stage):
            yield Record(time, text, self.name)


def merged(*streams: Iterator[Record]) -> Iterator[Record]:
    """Yield all records in time order; at equal times an earlier stream goes first."""
    return heapq.merge(*streams, key=itemgetter(0))


def in_order(bursts: Iterable[Sequence[Record]]) -> Iterator[Record]:
    """Yield the records of overlapping bursts in time order.

    Bursts come by the time of their first record, which is each burst's earliest: what waits
    is only what lies ahead of it.
    """
    waiting: list[tuple[int, int, Record]] = []
    serial = 0
    for burst in bursts:
        start = burst[0].time
        while waiting and waiting[0][0] <= start:
            yield heapq.heappop(waiting)[2]
        for record in burst:
            serial += 1
            heapq.heappush(waiting, (record.time, serial, record))
    while waiting:
        yield heapq.heappop(waiting)[2]
