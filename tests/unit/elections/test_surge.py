"""A surge begins, grows, comes in waves and ends; only what no crowd does makes it more than low."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.elections.shaped import minute

from hisn.core import limits
from hisn.elections.marks import Mark
from hisn.elections.minutes import GRADES
from hisn.elections.surge import (
    CALM_MINUTES,
    FIRE_WITHIN_MINUTES,
    QUIET_MINUTES,
    OpenSurge,
    SiteState,
    level_of,
)

BOUNDS = GRADES[0]
BARE: Any = {"pages": (("/", 100),), "referred": 0}


def site(minutes: int = 100) -> SiteState:
    made = SiteState()
    for number in range(minutes):
        made.see(number, "voting", minute(number, 20), BOUNDS)
    return made


def see(made: SiteState, number: int, requests: int, phase: str = "voting", **more: Any) -> OpenSurge | None:
    return made.see(number, phase, minute(number, requests, record=number, **more), BOUNDS)


def open_surge(made: SiteState) -> OpenSurge:
    assert made.surge is not None
    return made.surge


def test_one_minute_is_no_surge_and_two_are() -> None:
    made = site()
    see(made, 100, 900)
    assert open_surge(made).fired == -1
    see(made, 101, 900)
    assert (open_surge(made).fired, open_surge(made).begun, open_surge(made).requests) == (101, 100, 1_800)


def test_two_minutes_far_apart_are_none() -> None:
    made = site()
    see(made, 100, 900)
    see(made, 101 + FIRE_WITHIN_MINUTES, 900)
    assert (open_surge(made).fired, open_surge(made).begun) == (-1, 101 + FIRE_WITHIN_MINUTES)


def test_it_ends_after_a_quiet_hour_and_another_begins() -> None:
    made = site()
    see(made, 100, 900)
    see(made, 101, 900)
    assert made.pass_to(101 + QUIET_MINUTES) is None
    ended = see(made, 102 + QUIET_MINUTES, 900)
    assert ended is not None
    assert (ended.begun, open_surge(made).begun) == (100, 102 + QUIET_MINUTES)


def test_waves_are_counted_when_calm_lies_between() -> None:
    made = site()
    number = 100
    for _ in range(4):
        for _ in range(3):
            see(made, number, 900, **BARE)
            number += 1
        for _ in range(CALM_MINUTES + 1):
            see(made, number, 20)
            number += 1
    assert open_surge(made).waves == 4
    assert "waves" in [mark.name for mark in open_surge(made).all_marks()]


def test_a_dip_is_no_valley_between_waves() -> None:
    made = site()
    for number in range(100, 140):
        see(made, number, 900 if number % 6 < 3 else 500, **BARE)
    assert open_surge(made).waves == 1


def test_silence_is_calm() -> None:
    made = site()
    for number in (100, 101, 120, 121):
        see(made, number, 900)
    assert open_surge(made).waves == 2


def test_a_flood_does_not_become_the_measure_of_the_next_minute() -> None:
    made = site()
    for number in range(100, 400):
        see(made, number, 900, **BARE)
    assert made.baseline.phases["voting"].minutes == 100
    assert open_surge(made).minutes == 300


def test_a_crowd_is_learned_and_its_surge_comes_to_rest() -> None:
    made = site()
    for number in range(100, 300):
        see(made, number, 900, "counting")
    assert made.baseline.phases["counting"].minutes == 200
    assert made.surge is None or made.surge.last_out < 200


def test_a_mark_of_a_single_minute_does_not_count() -> None:
    made = site()
    see(made, 100, 900, refused=60)
    see(made, 101, 900)
    assert open_surge(made).all_marks() == ()
    see(made, 102, 950, refused=70)
    (mark,) = open_surge(made).all_marks()
    assert (mark.name, mark.value) == ("refused", "70 %")


def test_endpoints_never_asked_for_are_named_those_that_take_data_first() -> None:
    made = site()
    pages = (("/", 55), ("/old", 1), ("POST /cms", 1), ("(assets)", 42), ("(not found)", 1))
    see(made, 100, 900, pages=pages)
    see(made, 101, 900, pages=pages)
    assert open_surge(made).all_marks() == (Mark("rare", "POST /cms, /old"),)


def test_what_most_of_the_crowd_asks_for_is_new_but_not_rare() -> None:
    made = site()
    for number in (100, 101):
        see(made, number, 900, pages=(("/live", 60), ("(assets)", 40)))
    assert [mark.name for mark in open_surge(made).all_marks()] == ["endpoint"]


def test_what_a_surge_holds_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SURGE_RECORDS", 3)
    monkeypatch.setattr(limits, "MAX_RARE_ENDPOINTS", 2)
    made = site()
    for number in range(100, 120):
        see(made, number, 900, pages=(("/", 60), (f"/x{number}", 1), ("(assets)", 39)))
    assert open_surge(made).records == [100, 101, 102]
    assert sorted(open_surge(made).rare) == ["/x100", "/x101"]


def test_the_records_are_those_of_the_endpoint_that_it_is_about() -> None:
    made = site()
    for number in (100, 101):
        flood = minute(number, 900, pages=(("/status", 90), ("(assets)", 10)), record=7)
        dict(flood.endpoints)["/status"].records = [number + 5_000]
        made.see(number, "voting", flood, BOUNDS)
    assert open_surge(made).records == [5_100, 5_101]
    assert open_surge(made).first_record == 7


def marks(*names: str) -> tuple[Mark, ...]:
    return tuple(Mark(name, "1") for name in names)


@pytest.mark.parametrize(
    ("names", "level", "confidence"),
    [
        ((), "informational", "low"),
        (("errors",), "informational", "low"),
        (("rare", "endpoint", "errors_at_one", "waves", "refused", "errors"), "low", "low"),
        (("bare",), "medium", "moderate"),
        (("bare", "endpoint"), "medium", "moderate"),
        (("bare", "endpoint", "errors"), "high", "moderate"),
        (("countries", "waves"), "high", "moderate"),
        (("countries", "bare"), "high", "moderate"),
        (("countries", "agents", "rare"), "high", "high"),
    ],
)
def test_the_level_follows_what_a_crowd_cannot_explain(
    names: tuple[str, ...], level: str, confidence: str
) -> None:
    assert level_of(marks(*names)) == (level, confidence)


def test_countries_are_those_of_the_whole_surge() -> None:
    made = SiteState()
    home = (("HR", 100),)
    for number in range(100):
        made.see(number, "voting", minute(number, 20, countries=home), BOUNDS)
    for number, codes in ((100, "ABCDE"), (101, "DEFGH")):
        see(made, number, 900, countries=tuple((f"{code}X", 20) for code in codes))
    (mark,) = [mark for mark in open_surge(made).all_marks() if mark.name == "countries"]
    assert (mark.value, mark.about) == ("8", "DX, EX, AX, BX, CX, …")


def test_a_busy_minute_within_the_band_is_no_valley() -> None:
    made = site()
    for number in range(100, 103):
        see(made, number, 100, **BARE)
    for number in range(103, 110):
        see(made, number, 59)
    see(made, 110, 100, **BARE)
    assert open_surge(made).waves == 1
