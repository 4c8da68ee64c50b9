"""The crash simulator at its full length; the normal set runs the first 2,000 of these seeds."""

from __future__ import annotations

import pytest

from hisn.testing.crash_run import run

SEEDS = 100_000
PARTS = 100


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_no_crash_loses_or_forks_anything(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        run(seed)
