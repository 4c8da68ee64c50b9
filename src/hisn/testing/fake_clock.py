"""Tell the time that a test has set."""

from __future__ import annotations

from hisn.core.instant import Instant

START = Instant(1_793_750_400_000_000)
"""2026-11-04T00:00:00Z: the polls have closed."""
SECOND = 1_000_000


class FakeClock:
    """Stand still until told to move; may be told to jump, back too."""

    def __init__(self, start: Instant = START) -> None:
        self._now = start

    def now(self) -> Instant:
        """Return the present instant."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on, or back, by that many seconds."""
        self._now = Instant(self._now + round(seconds * SECOND))

    def set(self, instant: Instant) -> None:
        """Jump to an instant."""
        self._now = instant
