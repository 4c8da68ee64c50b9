"""Tell the time and give chance, as the machine has them."""

from __future__ import annotations

import os
import time

from hisn.core.instant import Instant


class SystemClock:
    """Tell the machine's time; it may be wrong, and it may jump."""

    def now(self) -> Instant:
        """Return the present instant."""
        return Instant(time.time_ns() // 1_000)


class SystemEntropy:
    """Give the system's randomness."""

    def read(self, size: int) -> bytes:
        """Return that many fresh random bytes."""
        return os.urandom(size)
