from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from hisn.core.instant import MAX_INSTANT, MIN_INSTANT, format_instant, instant_of


def test_years_have_four_digits_on_every_platform() -> None:
    assert format_instant(MIN_INSTANT) == "0001-01-01T00:00:00.000000Z"
    assert format_instant(MAX_INSTANT) == "9999-12-31T23:59:59.999999Z"


def test_an_instant_is_the_same_in_every_zone() -> None:
    moment = datetime(2026, 11, 3, 20, 0, tzinfo=timezone(timedelta(hours=2)))
    assert format_instant(instant_of(moment)) == "2026-11-03T18:00:00.000000Z"


def test_a_time_outside_the_calendar_is_refused() -> None:
    with pytest.raises(OverflowError):
        format_instant(MAX_INSTANT + 1)
