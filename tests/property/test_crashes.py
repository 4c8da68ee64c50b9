"""Run the real log over a disk that forgets: thousands of seeds, each another series of accidents."""

from __future__ import annotations

import pytest

from hisn.testing.crash_run import run

SEEDS = 2_000
PARTS = 8  # so that the workers share them


@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_or_forks_anything(part: int) -> None:
    seeds = range(part, SEEDS, PARTS)
    outcomes = [run(seed) for seed in seeds]
    names = ("acknowledged", "crashes", "power_losses", "errors", "rivals")
    totals = {name: sum(getattr(each, name) for each in outcomes) for name in names}
    print(f"{len(seeds)} of {SEEDS:,} seeds (100,000 with --soak): {totals}")
    assert all(totals.values())
