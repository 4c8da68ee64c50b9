"""Tell the time through one port, so that a test can."""

from __future__ import annotations

from typing import Protocol

from hisn.core.instant import Instant


class Clock(Protocol):
    """Tell the time; the only way anything learns it."""

    def now(self) -> Instant:
        """Return the present instant."""
        ...
