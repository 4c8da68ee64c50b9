"""Give every member its share of this node, and count what goes beyond it.

A flood is answered with refusals, and with one report for each window, however large it was: a
report for each refusal would be a flood of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from hisn.core.clock import Clock
from hisn.core.instant import Instant


@dataclass(frozen=True, slots=True)
class Allowance:
    """Say how much one member may ask for in one window."""

    requests: int
    size_bytes: int
    window_s: int = 3_600


@dataclass(frozen=True, slots=True)
class Overrun:
    """Say that a member asked for more than its share: how often it was refused in the window."""

    member: str
    window_start: Instant
    refused: int


@dataclass(slots=True)
class _Use:
    requests: int = 0
    size_bytes: int = 0
    refused: int = 0


class Quota:
    """Count requests and bytes of members in windows of fixed length. Calls from several threads are safe."""

    def __init__(self, allowance: Allowance, clock: Clock, report: Callable[[Overrun], None]) -> None:
        self._allowance = allowance
        self._clock = clock
        self._report = report
        self._lock = threading.Lock()
        self._window = 0
        self._uses: dict[str, _Use] = {}

    def admits(self, member: str, size_bytes: int = 0) -> bool:
        """Count one request of so many bytes; tell whether the member's share still has room for it."""
        with self._lock:
            closed = self._turn()
            use = self._uses.setdefault(member, _Use())
            is_admitted = (
                use.requests < self._allowance.requests
                and use.size_bytes + size_bytes <= self._allowance.size_bytes
            )
            if is_admitted:
                use.requests += 1
                use.size_bytes += size_bytes
            else:
                use.refused += 1
        for overrun in closed:
            self._report(overrun)
        return is_admitted

    def close_window(self) -> None:
        """Report the overruns of a window that is over, if nobody has asked for anything since."""
        with self._lock:
            closed = self._turn()
        for overrun in closed:
            self._report(overrun)

    def _turn(self) -> list[Overrun]:
        """Begin the window of the present time. A clock that was set back opens none a second time."""
        width = self._allowance.window_s * 1_000_000
        window = self._clock.now() // width
        if window <= self._window:
            return []
        start = Instant(self._window * width)
        closed = [Overrun(who, start, use.refused) for who, use in self._uses.items() if use.refused]
        self._window, self._uses = window, {}
        return closed
