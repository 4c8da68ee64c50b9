"""Unix times are read as written, and never with the clock's help."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from hisn.core.instant import instant_of
from hisn.events.batch import NO_TIME
from hisn.events.log_times import asctime, bsd_time, clf_time


def test_access_log_time_with_zone() -> None:
    zone = timezone(timedelta(hours=-5, minutes=-30))
    assert clf_time("05/Nov/2024:20:15:59 -0530") == instant_of(
        datetime(2024, 11, 5, 20, 15, 59, tzinfo=zone)
    )


@pytest.mark.parametrize(
    "text",
    [
        "31/Feb/2024:00:00:00 +0000", "00/Nov/2024:00:00:00 +0000", "05/Nov/9999:00:00:00 +0000",
        "05/Nov/0001:00:00:00 +0000", "05/Nov/2024:24:00:00 +0000", "05/Nov/2024:00:60:00 +0000",
        "05/nov/2024:00:00:00 +0000", "05/Nov/2024:00:00:00 +00_0", "٠٥/Nov/2024:00:00:00 +0000",
        "05/Nov/2024:00:00:00", "", "-", "05/Nov/2024 00:00:00 +0000",
    ],
)  # fmt: skip
def test_time_that_cannot_be_is_no_time(text: str) -> None:
    assert clf_time(text) == NO_TIME


def test_leap_second_is_a_time() -> None:
    assert clf_time("31/Dec/2016:23:59:60 +0000") == instant_of(datetime(2017, 1, 1, tzinfo=UTC))


def test_bsd_time_without_a_declared_year_is_no_time() -> None:
    assert bsd_time("Nov  5 20:15:00", None, None) == NO_TIME


def test_bsd_time_in_declared_year_and_zone() -> None:
    expected = instant_of(datetime(2024, 11, 5, 18, 15, tzinfo=UTC))
    assert bsd_time("Nov  5 20:15:00", 2024, 7200) == expected
    assert bsd_time("Feb 29 00:00:00", 2023, 0) == NO_TIME


def test_apache_error_time_with_and_without_fraction() -> None:
    whole = instant_of(datetime(2005, 12, 4, 4, 47, 44, tzinfo=UTC))
    assert asctime("Sun Dec 04 04:47:44 2005", None) == whole
    assert asctime("Sun Dec 04 04:47:44.123456 2005", None) == whole + 123_456
    assert asctime("Sun Dec 04 2005", None) == NO_TIME
