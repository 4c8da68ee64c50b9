"""Times come from those who cosigned, and no single clock moves them."""

from __future__ import annotations

import pytest

from hisn.unit.quorum import Cosigner, Witnessed
from hisn.verify.dates import present_s, shown_time


def witnessed(*times: int, missing: int = 0, is_reached: bool = True) -> Witnessed:
    cosigners = tuple(Cosigner(f"w{at}", "side", time) for at, time in enumerate(times))
    return Witnessed(0, is_reached, cosigners, tuple(f"m{at}" for at in range(missing)))


def test_a_time_is_shown_in_utc() -> None:
    assert shown_time(0) == "1970-01-01T00:00:00.000000Z"
    assert shown_time(1_793_750_400) == "2026-11-04T00:00:00.000000Z"


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**63 - 1, 2**64 - 1])
def test_a_time_that_no_calendar_has_is_shown_as_it_was_signed(seconds: int) -> None:
    assert shown_time(seconds) == f"{seconds} s after 1970"


def test_one_lying_clock_of_four_moves_the_present_neither_way() -> None:
    # n = 4, quorum 3, so one may lie: the second largest counts.
    assert present_s(witnessed(100, 110, 120, 10**9)) == 120
    assert present_s(witnessed(1, 110, 120, 130)) == 120
    assert present_s(witnessed(100, 110, 120, missing=1)) == 110


def test_without_a_quorum_there_is_no_present() -> None:
    assert present_s(witnessed(100, is_reached=False, missing=3)) is None
