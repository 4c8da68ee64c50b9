"""Hold what is to be told of findings until it was told: at least once each, and never without end.

A finding that changes while an earlier state of it waits is told once, as it is then.  What waits is
part of the watch's snapshot, and what changed after it comes again when its cycles are played again;
who is told twice sees it by thread and revision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Condition
from typing import Any, Protocol

from hisn.app.watch.cycle import Cycle
from hisn.core.packed import Plain
from hisn.findings.follow import Change, dump_finding, load_finding
from hisn.rules.pack import LEVELS

MOST = 10_000
"""Findings that wait for one receiver; beyond it the least severe, then the oldest, are given up."""


@dataclass(frozen=True, slots=True)
class Told:
    """Hold one thing that is told: what a finding is since the cycle of `at_us`."""

    at_us: int
    change: Change


class Sink(Protocol):
    """Tell one receiver."""

    @property
    def name(self) -> str:
        """Return the name under which what waits for it is kept."""
        ...

    @property
    def level(self) -> str:
        """Return the level from which on it is told of findings."""
        ...


class Waiting:
    """Hold what waits for one sink. Any thread may use it."""

    def __init__(self, sink: Sink, most: int = MOST) -> None:
        self._floor = LEVELS.index(sink.level)
        self._most = most
        self._told: dict[str, Told] = {}
        self._changed = Condition()
        self.given_up = 0
        self.is_closed = False

    def put(self, told: Iterable[Told]) -> None:
        """Add what the sink is to be told."""
        with self._changed:
            for each in told:
                if LEVELS.index(each.change.finding.level) >= self._floor:
                    # A finding whose state waits already keeps its place in the row.
                    self._told[each.change.thread] = each
            while len(self._told) > self._most:
                least = min(self._told, key=lambda thread: self._rank(self._told[thread]))
                del self._told[least]
                self.given_up += 1
            self._changed.notify_all()

    @staticmethod
    def _rank(told: Told) -> tuple[int, int]:
        return LEVELS.index(told.change.finding.level), told.at_us

    def next(self, wait_s: float | None) -> Told | None:
        """Return what waits longest, or None if nothing comes within the time or all is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._told or self.is_closed, wait_s)
            return next(iter(self._told.values()), None)

    def done(self, told: Told) -> None:
        """Take note that something was told."""
        with self._changed:
            if self._told.get(told.change.thread) is told:
                del self._told[told.change.thread]

    def pause(self, seconds: float) -> bool:
        """Wait before another try; tell whether there may be one."""
        with self._changed:
            return not self._changed.wait_for(lambda: self.is_closed, seconds)

    def close(self) -> None:
        """Let whoever waits go."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def all(self) -> list[Told]:
        """Return what waits, in its order."""
        with self._changed:
            return list(self._told.values())

    def __len__(self) -> int:
        return len(self._told)


class Outbox:
    """Give every sink what changed; `listeners` are told at once, in this thread."""

    def __init__(
        self,
        waiting: Mapping[str, Waiting],
        listeners: Sequence[Callable[[Cycle, Sequence[Told]], None]] = (),
    ) -> None:
        self._waiting = dict(waiting)
        self._listeners = tuple(listeners)

    def put(self, cycle: Cycle, changed: Sequence[Change]) -> None:
        """Take what is to be told of a cycle."""
        told = [Told(cycle.now_us, change) for change in changed]
        for each in self._waiting.values():
            each.put(told)
        for listen in self._listeners:
            listen(cycle, told)

    @property
    def given_up(self) -> int:
        """Return how much was never told."""
        return sum(each.given_up for each in self._waiting.values())

    def dump(self) -> Plain:
        """Return what was not told yet, as plain values."""
        return [
            [name, waiting.given_up, [_dump(told) for told in waiting.all()]]
            for name, waiting in sorted(self._waiting.items())
        ]

    def load(self, plain: Any) -> None:
        """Take back what was dumped; what a sink that is gone waited for is dropped."""
        for name, given_up, told in plain:
            if (waiting := self._waiting.get(name)) is not None:
                waiting.given_up = given_up
                waiting.put(_load(each) for each in told)


def _dump(told: Told) -> Plain:
    change = told.change
    names: list[Plain] = list(change.formerly)
    return [told.at_us, change.thread, change.revision, change.state, names, dump_finding(change.finding)]


def _load(plain: Any) -> Told:
    at_us, thread, revision, state, formerly, finding = plain
    return Told(at_us, Change(load_finding(finding), thread, revision, state, tuple(formerly)))
