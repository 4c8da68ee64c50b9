"""A calendar that is read wrongly moves the closing of the polls: it is refused with its line."""

from __future__ import annotations

import json
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.elections.calendars import VESNA, vesna

from hisn.core import limits
from hisn.core.place import Place
from hisn.elections.calendar import load_calendar, parse_calendar
from hisn.errors import InputError

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/reference/schema/calendar.v1.json").read_text("utf-8"))


def refusal(text: str | bytes) -> InputError:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputError) as error:
        parse_calendar(data, "c.toml")
    assert error.value.hint
    return error.value


def changed(old: str, new: str, times: int = 1) -> str:
    assert old in VESNA
    return VESNA.replace(old, new, times)


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)


CASES = {
    "broken": (changed('name = "voting"', "name = voting"), "E2650", "name = voting"),
    "unknown format": (changed("calendar/1", "calendar/9"), "E2651", "calendar/9"),
    "unknown key": (changed("zone =", 'zones = "x"\nzone ='), "E2651", "zones"),
    "unknown key of a phase": (changed('name = "voting"', 'name = "voting"\nends = 1'), "E2651", "ends"),
    "missing name": (changed('name = "voting"\n', "#here\n"), "E2651", "[[phase]]"),
    "empty election": (changed("Council of the county of Vesna, 3 November 2026", " "), "E2651", "election"),
    "number for a name": (changed('"voting"', "7"), "E2651", "name = 7"),
    "unknown phase": (changed('"counting"', '"contuing"'), "E2652", "contuing"),
    "phase twice": (changed('"canvass"', '"counting"'), "E2652", None),
    "phases backward": (changed("2026-11-03T20:30", "2026-11-03T19:30"), "E2652", "19:30"),
    "local time": (changed("2026-11-04T06:00:00+01:00", "2026-11-04T06:00:00"), "E2653", "11-04T06:00"),
    "time as text": (changed("2026-11-04T06:00:00+01:00", '"2026-11-04T06:00:00+01:00"'), "E2653", "04T06"),
    "date alone": (changed("2026-11-04T06:00:00+01:00", "2026-11-04"), "E2653", "2026-11-04"),
    "summer time": (changed("2026-11-20T12:00:00+01:00", "2026-11-20T12:00:00+02:00"), "E2654", "11-20T12"),
    "winter time": (changed("2026-10-20T00:00:00+02:00", "2026-10-20T00:00:00+01:00"), "E2654", "10-20"),
    "out of range": (changed("2026-09-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00"), "E2653", "0001"),
    "unknown zone": (changed("Europe/Zagreb", "Europe/Vesna"), "E2655", "zone"),
    "zone outside": (changed("Europe/Zagreb", "../../etc/passwd"), "E2655", "zone"),
    "closed before open": (changed("closes = 2026-11-03T20", "closes = 2026-11-03T06"), "E2656", "closes"),
    "open in another phase": (changed("closes = 2026-11-03T20", "closes = 2026-11-03T21"), "E2656", "opens"),
    "no phases": (VESNA[: VESNA.index("[[phase]]")], "E2651", None),
    "phase is a table": ('format="hisn-calendar/1"\nelection="e"\nzone="UTC"\n[phase]\n', "E2651", "[phase]"),
    "polling is text": (changed("[[polling]]\n", '[polling]\nx = "').split("opens")[0] + '"', "E2651", "[polling]"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_refused_with_its_line(name: str) -> None:
    text, code, part = CASES[name]
    error = refusal(text)
    assert error.code == code, error
    place = error.place
    assert isinstance(place, Place)
    if part is not None and name != "missing name":
        assert place.line == line_of(text, part)


def test_the_message_names_both_offsets() -> None:
    error = refusal(CASES["summer time"][0])
    assert "+02:00" in error.message
    assert "+01:00" in error.message


def test_a_missing_key_is_said_at_the_head_of_its_table() -> None:
    text = CASES["missing name"][0]
    place = refusal(text).place
    assert isinstance(place, Place)
    assert place.line == line_of(text, "#here") - 1


def test_an_opening_that_overlaps_the_one_before_is_refused() -> None:
    more = "\n[[polling]]\nopens = 2026-11-03T19:59:59+01:00\ncloses = 2026-11-03T20:00:00+01:00\n"
    assert refusal(VESNA + more).code == "E2656"


def test_a_file_of_megabytes_is_refused_unread() -> None:
    assert refusal(b"#" * (limits.MAX_CALENDAR_BYTES + 1)).code == "E2650"


def test_too_many_openings_are_refused() -> None:
    opening = "[[polling]]\nopens = 2026-11-03T08:00:00+01:00\ncloses = 2026-11-03T09:00:00+01:00\n"
    assert refusal(VESNA + opening * limits.MAX_POLLING_DAYS).code == "E2651"


def test_an_offset_of_seconds_is_shown_whole() -> None:
    # Until 1884 clocks in Zagreb showed their own mean time.
    assert "+01:03:52" in refusal(changed("2026-09-01T00:00:00+02:00", "1800-09-01T00:00:00+01:00")).message


def test_bytes_that_are_no_utf8_are_refused_with_their_offset() -> None:
    error = refusal(b'format = "\xff"')
    assert (error.code, str(error.place)) == ("E2650", "c.toml@10")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_calendar_or_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse_calendar(data, "c.toml")


def _plain(value: Any) -> Any:
    """Return TOML as JSON, times as editors see them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, (datetime, date)) else value


def fits_schema(text: str) -> bool:
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(_plain(tomllib.loads(text)))


def test_the_published_schema_holds_for_what_the_reader_takes() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert fits_schema(VESNA)
    assert vesna().election.startswith("Council")


@pytest.mark.parametrize("name", [n for n, (_, code, _) in CASES.items() if code == "E2651"])
def test_the_published_schema_refuses_what_has_the_wrong_form(name: str) -> None:
    assert not fits_schema(CASES[name][0])


_PIECES = [
    *VESNA.replace("\n[", "\n\0[").split("\0"),
    '[[phase]]\nname = "recount"\nbegins = 2026-12-01T00:00:00+01:00\n',
    "[[polling]]\nopens = 1\n",
    "[other]\n",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=12, unique=True))
def test_whatever_the_schema_refuses_the_reader_refuses(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        known = fits_schema(text)
    except tomllib.TOMLDecodeError:
        known = False
    if not known:
        refusal(text)


def test_the_calendar_of_the_guide_is_one() -> None:
    guide = Path(__file__).parents[3] / "docs/howto/describe-your-election-calendar.md"
    text = guide.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    assert parse_calendar(text.encode(), "guide").election == vesna().election
    assert fits_schema(text)


def test_a_calendar_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    with pytest.raises(InputError) as error:
        load_calendar(path)
    assert (error.value.code, error.value.place) == ("E2657", Place(str(path)))
    path.write_text(VESNA)
    assert load_calendar(path) == vesna()
