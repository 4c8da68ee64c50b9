"""Gather how a watch stands at this moment: what is attacked, how fast, how far behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hisn.app.watch.cycle import Cycle
from hisn.app.watch.outbox import Told
from hisn.findings.model import Finding
from hisn.rules.pack import LEVELS

_RATE_US = 10_000_000
_MOST_OPEN = 1_000


class Moments:
    """Gather what a status needs; a listener of the outbox."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, Finding]] = {}
        self._arrived_us = 0
        self._rates: deque[tuple[int, int]] = deque()

    def listen(self, cycle: Cycle, told: Sequence[Told]) -> None:
        """Take what a cycle told."""
        self._arrived_us = min((piece.arrived_us for piece in cycle.pieces), default=0)
        for each in told:
            change = each.change
            for thread in change.formerly:
                self._open.pop(thread, None)
            if change.state == "closed":
                self._open.pop(change.thread, None)
            else:
                self._open[change.thread] = (each.at_us, change.finding)
        while len(self._open) > _MOST_OPEN:
            del self._open[min(self._open, key=self._rank)]

    def _rank(self, thread: str) -> tuple[int, int]:
        at_us, finding = self._open[thread]
        return LEVELS.index(finding.level), at_us

    def judged(self, now_us: int, records: int) -> None:
        """Take note that so many records were judged until now."""
        self._rates.append((now_us, records))
        while now_us - self._rates[0][0] > _RATE_US:
            self._rates.popleft()

    def rate(self) -> float:
        """Return the records a second of the last few seconds."""
        if len(self._rates) < 2:
            return 0.0
        (first_us, before), (last_us, after) = self._rates[0], self._rates[-1]
        return (after - before) * 1e6 / max(1, last_us - first_us)

    def lag_us(self, now_us: int) -> int:
        """Return how long the oldest bytes of the last cycle have waited until now."""
        return max(0, now_us - self._arrived_us) if self._arrived_us else 0

    def attacked(self, most: int) -> tuple[Finding, ...]:
        """Return the most severe and newest open findings."""
        ordered = sorted(self._open, key=self._rank, reverse=True)
        return tuple(self._open[thread][1] for thread in ordered[:most])
