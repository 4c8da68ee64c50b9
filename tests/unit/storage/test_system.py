"""The machine's clock and chance."""

from __future__ import annotations

import time

from hisn.core.instant import format_instant
from hisn.storage.system import SystemClock, SystemEntropy


def test_the_clock_counts_microseconds_since_1970() -> None:
    before = time.time()
    now = SystemClock().now()
    assert before - 1 <= now / 1_000_000 <= time.time() + 1
    assert format_instant(now).endswith("Z")


def test_chance_does_not_repeat_itself() -> None:
    entropy = SystemEntropy()
    assert len(entropy.read(32)) == 32
    assert entropy.read(32) != entropy.read(32)
