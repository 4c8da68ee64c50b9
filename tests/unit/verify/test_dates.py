"""Times come from those who cosigned, and no single clock moves them."""

from __future__ import annotations

import pytest

from hisn.verify.dates import shown_time


def test_a_time_is_shown_in_utc() -> None:
    assert shown_time(0) == "1970-01-01T00:00:00.000000Z"
    assert shown_time(1_793_750_400) == "2026-11-04T00:00:00.000000Z"


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**63 - 1, 2**64 - 1])
def test_a_time_that_no_calendar_has_is_shown_as_it_was_signed(seconds: int) -> None:
    assert shown_time(seconds) == f"{seconds} s after 1970"
