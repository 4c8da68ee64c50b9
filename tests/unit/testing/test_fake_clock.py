from __future__ import annotations

from hisn.core.clock import Clock
from hisn.core.instant import Instant, format_instant
from hisn.testing.fake_clock import START, FakeClock


def test_it_stands_still_until_told() -> None:
    clock = FakeClock()
    told: Clock = clock
    assert told.now() == told.now() == START
    assert format_instant(START) == "2026-11-04T00:00:00.000000Z"
    clock.advance(1.5)
    assert told.now() == START + 1_500_000
    clock.advance(-3_600)
    assert told.now() == START + 1_500_000 - 3_600_000_000
    clock.set(Instant(0))
    assert told.now() == 0
