"""Test the reading of written times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.instant import instant_of
from hisn.events.batch import NO_TIME
from hisn.events.times import parse_time, parse_times

WANTED = datetime(2024, 11, 5, 20, 15, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-11-05T20:15:00.123456Z",
        "2024-11-05T20:15:00.1234567Z",
        "2024-11-05 20:15:00,123456",
        "2024-11-05 21:15:00.123456+01",
        "2024-11-05 21:15:00.123456 +0100",
        "2024-11-05T15:15:00.123456-05:00",
        "2024-11-05 15:15:00.123456 EST",
        "2024/11/05 20:15:00.123456 UTC",
        "1730837700.123456",
        "1730837700123456",
        "1730837700123456789",
        133753113001234560,
    ],
)
def test_forms_that_machines_write_mean_one_instant(text: str | int) -> None:
    assert parse_time(text) == instant_of(WANTED)
    assert parse_times([text] * 20).tolist() == [instant_of(WANTED)] * 20


@pytest.mark.parametrize(
    "text",
    [
        None, "", "yesterday", "2024-13-05T20:15:00Z", "2024-02-30T20:15:00Z", "2024-11-05T24:15:00Z",
        "1970-01-01T00:00:05Z", "1601-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2024-11-05T20:15:00 XYZ",
        "٢٠٢٤-11-05T20:15:00Z", "2024-11-05T20:15:00+99:00", "1" * 5000, 0, -1, 10**30, "00", "9" * 19,
    ],
)  # fmt: skip
def test_absurd_times_are_no_times(text: str | int | None) -> None:
    assert parse_time(text) == NO_TIME
    assert parse_times([text] * 20).tolist() == [NO_TIME] * 20


def test_declared_zone_completes_only_times_without_one() -> None:
    assert parse_time("2024-11-05 21:15:00.123456", 3600) == instant_of(WANTED)
    assert parse_time("2024-11-05 20:15:00.123456Z", 3600) == instant_of(WANTED)
    assert parse_time("2024-11-05 21:15:00.123456 ABC", 3600) == instant_of(WANTED)


_MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2210, 1, 1))
_TEXTS = st.one_of(
    st.none(),
    st.integers(-(10**20), 10**20),
    _MOMENTS.map(lambda moment: moment.isoformat()),
    _MOMENTS.map(lambda moment: moment.isoformat(" ") + "Z"),
    st.builds(
        lambda moment, hours, sign: f"{moment:%Y-%m-%dT%H:%M:%S}{sign}{hours:02}:30",
        _MOMENTS, st.integers(0, 25), st.sampled_from("+-"),
    ),
    st.text(alphabet="0123456789-:TZ. +,", max_size=30),
)  # fmt: skip


@given(st.lists(_TEXTS, max_size=40), st.sampled_from([None, 0, 3600, -18000]))
def test_columns_read_like_single_times(texts: list[str | int | None], zone_s: int | None) -> None:
    assert parse_times(texts, zone_s).tolist() == [parse_time(text, zone_s) for text in texts]


@given(st.lists(_MOMENTS, min_size=10, max_size=40), st.integers(-14, 14))
def test_columns_agree_with_the_standard_library(moments: list[datetime], hours: int) -> None:
    moments = [moment.replace(year=min(max(moment.year, 1985), 2190), day=1) for moment in moments]
    local = timedelta(hours=hours)
    texts: list[str | int | None] = [moment.isoformat(timespec="microseconds") for moment in moments]
    wanted = [instant_of((moment - local).replace(tzinfo=UTC)) for moment in moments]
    assert parse_times(texts, hours * 3600).tolist() == wanted
