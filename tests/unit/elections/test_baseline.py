"""What is ordinary is learned by phase; `tests/property/test_baseline.py` holds it to plain lists."""

from __future__ import annotations

import pytest
from tests.unit.elections.shaped import minute

from hisn.core import limits
from hisn.elections.baseline import LEAST_MINUTES, WHOLE_MINUTES, SiteBaseline, shares_of, volumes_of
from hisn.elections.minutes import GRADES

BOUNDS = GRADES[0]


def learned(*stretches: tuple[str, int, int]) -> SiteBaseline:
    """Return a baseline of (phase, minutes, requests a minute)."""
    made, number = SiteBaseline(), 0
    for phase, count, requests in stretches:
        for _ in range(count):
            made.learn(number, phase, minute(number, requests), BOUNDS)
            number += 1
    made.settle(number)
    return made


def medians(made: SiteBaseline, phase: str) -> list[int]:
    return [int(band.median) for band in made.volume(phase, "requests")]


def test_a_few_minutes_say_nothing() -> None:
    assert medians(learned(("pre", LEAST_MINUTES - 1, 10)), "pre") == []
    assert learned(("pre", 3, 10)).share("pre", "assets") is None


def test_a_phase_that_has_just_begun_is_compared_with_all() -> None:
    assert medians(learned(("voting", 100, 10), ("counting", 5, 90)), "counting") == [10]


def test_a_young_phase_is_compared_with_itself_and_with_all() -> None:
    assert medians(learned(("voting", 100, 10), ("counting", 40, 90)), "counting") == [90, 10]


def test_a_phase_of_a_day_speaks_for_itself() -> None:
    assert medians(learned(("voting", 40, 90), ("canvass", WHOLE_MINUTES, 10)), "canvass") == [10]


def test_minutes_without_the_endpoint_count_as_zero() -> None:
    made = learned(("pre", 31, 10))
    made.learn(40, "pre", minute(40, 90, pages=(("/form", 100),)), BOUNDS)
    made.settle(1_000)
    (own, pooled) = made.endpoint_volume("pre", "/form", "requests")
    assert own == pooled
    assert own.median == 0
    assert made.endpoint_volume("pre", "/never", "requests")[0].median == 0


def test_bands_stay_as_they_are_within_a_slot() -> None:
    made = learned(("pre", 40, 10))
    made.settle(40)
    assert medians(made, "pre") == [10, 10]
    for number in range(40, 200):
        made.learn(number, "pre", minute(number, 500), BOUNDS)
    made.settle(49)
    assert medians(made, "pre") == [10, 10]
    made.settle(50)
    assert medians(made, "pre") != [10, 10]


def test_quiet_minutes_are_put_together_until_they_have_shares() -> None:
    made = SiteBaseline()
    for number in range(60):
        made.learn(number, "pre", minute(number, 5, pages=(("/", 60), ("(assets)", 40))), BOUNDS)
    assert made.phases["pre"].spread("assets").counts == {400: 15}


def test_a_flood_of_endpoints_pushes_out_the_least_used_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ENDPOINTS", 3)
    made = SiteBaseline()
    made.learn(0, "pre", minute(0, 100, pages=(("/", 60), ("/b", 40))), BOUNDS)
    for number in range(1, 9):
        made.learn(number, "pre", minute(number, 1, pages=((f"/x{number}", 100),)), BOUNDS)
    assert sorted(made.endpoints) == ["/", "/b", "/x8"]


def test_counts_and_shares_of_one_minute() -> None:
    made = minute(0, 200, addresses=50, referred=25, errors=10, refused=5, countries=(("HR", 50), ("", 50)))
    assert volumes_of(made, BOUNDS) == {"requests": 200, "addresses": 50, "networks": 25, "countries": 1}
    assert shares_of(made) == {"referred": 250, "assets": 400, "errors": 100, "refused": 50, "agent": 250}
