"""What the operator types becomes typed values or a named error."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.elections.calendars import VESNA
from tests.unit.elections.mmdb import write_countries

from hisn.app.options import declarations_from, parse_moment, phases_from, zone_of
from hisn.core.instant import format_instant
from hisn.errors import InputError, UsageError


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-03", "2026-11-03T00:00:00.000000Z"),
        ("2026-11-03T20:00", "2026-11-03T20:00:00.000000Z"),
        ("2026-11-03T20:00+01:00", "2026-11-03T19:00:00.000000Z"),
        ("2026-11-03 20:00:00.5Z", "2026-11-03T20:00:00.500000Z"),
    ],
)
def test_moment(text: str, instant: str) -> None:
    assert format_instant(parse_moment(text)) == instant


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "20:00", "2026-11-03T25:00"])
def test_wrong_moment_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_moment(text)
    assert caught.value.code == "E1003"


@pytest.mark.parametrize(
    ("text", "seconds"), [("Z", 0), ("UTC", 0), ("+01:00", 3600), ("-0530", -19800), ("+14:00", 50400)]
)
def test_zone(text: str, seconds: int) -> None:
    assert zone_of(text) == seconds


@pytest.mark.parametrize("text", ["", "CET", "01:00", "+1", "+19:00", "+01:60"])
def test_wrong_zone_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        zone_of(text)
    assert caught.value.code == "E1004"


def test_assumptions_are_the_default_declaration() -> None:
    declaration = declarations_from(None, 2026, 3600).of("any.log")
    assert (declaration.year, declaration.zone_s) == (2026, 3600)


def test_missing_declarations_file_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        declarations_from(str(tmp_path / "none.toml"), None, None)
    assert caught.value.code == "E1007"


def test_without_a_calendar_no_surge_is_looked_for() -> None:
    assert phases_from(None, None) == (None, None)


def test_countries_without_a_calendar_are_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        phases_from(None, "countries.mmdb")
    assert caught.value.code == "E1008"


def test_calendar_and_countries_are_opened(tmp_path: Path) -> None:
    calendar = tmp_path / "calendar.toml"
    calendar.write_text(VESNA)
    database = write_countries(tmp_path / "c.mmdb", {"192.0.2.0/24": "HR"})
    read, countries = phases_from(str(calendar), str(database))
    assert read is not None
    assert countries is not None
    assert (read.zone, countries.of("192.0.2.1")) == ("Europe/Zagreb", "HR")
    assert phases_from(str(calendar), None) == (read, None)


def test_a_missing_calendar_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        phases_from(str(tmp_path / "none.toml"), None)
    assert caught.value.code == "E2657"
