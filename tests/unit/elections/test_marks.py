"""A mark is what no crowd of voters does; each has its attack, and the crowd that resembles it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.elections.shaped import BROWSERS, PAGES, minute

from hisn.elections.baseline import SiteBaseline
from hisn.elections.marks import Beyond, Mark, beyond, percent
from hisn.elections.minutes import GRADES

BOUNDS = GRADES[0]
HOME = (("HR", 100),)
MANY = tuple((code, 8) for code in ("AR", "BR", "CN", "DE", "EG", "FI", "GR", "HU", "IN", "JP"))


@pytest.fixture(scope="module")
def usual() -> SiteBaseline:
    """Return an ordinary day: 20 requests a minute from home, with a page that an application polls."""
    made = SiteBaseline()
    pages = (*(("/", 30), ("/results", 20), ("(assets)", 40)), ("/feed", 10))
    for number in range(200):
        made.learn(number, "voting", minute(number, 20 + number % 5, pages=pages, countries=HOME), BOUNDS)
    known = made.endpoints["/feed"]
    known.referred = 0
    made.settle(200)
    return made


def seen(usual: SiteBaseline, requests: int = 2_000, **more: Any) -> Beyond | None:
    return beyond(usual, "voting", minute(201, requests, **{"countries": HOME, **more}), BOUNDS)


def names(found: Beyond | None) -> list[str]:
    assert found is not None
    return [mark.name for mark in found.marks]


def mark(found: Beyond | None, name: str) -> Mark:
    assert found is not None
    return next(mark for mark in found.marks if mark.name == name)


def test_ordinary_minutes_stay_within_the_band(usual: SiteBaseline) -> None:
    assert seen(usual, 24) is None
    assert seen(usual, 60) is None


def test_more_requests_alone_are_no_surge(usual: SiteBaseline) -> None:
    pages = (("/", 30), ("/results", 20), ("(assets)", 40), ("/feed", 10))
    assert seen(usual, 200, addresses=6, pages=pages) is None


def test_without_a_baseline_nothing_is_beyond_it() -> None:
    assert beyond(SiteBaseline(), "voting", minute(1, 5_000), BOUNDS) is None


def test_a_crowd_is_beyond_the_band_and_nothing_distinguishes_it(usual: SiteBaseline) -> None:
    found = seen(usual)
    assert names(found) == []
    assert found is not None
    assert (found.is_distinct, found.requests, found.usual, found.scope) == (False, 2_000, 22, "")


def test_countries_that_were_never_seen_are_a_mark(usual: SiteBaseline) -> None:
    found = mark(seen(usual, countries=(*MANY, ("HR", 20))), "countries")
    assert (found.value, found.about) == ("10", "AR, BR, CN, DE, EG, …")


@pytest.mark.parametrize(
    "countries",
    [(*MANY[:4], ("HR", 68)), (*((code, 1) for code, _ in MANY), ("HR", 90)), (("", 100),)],
    ids=["few", "a few requests", "unknown"],
)
def test_some_visitors_from_abroad_are_no_mark(usual: SiteBaseline, countries: Any) -> None:
    assert "countries" not in names(seen(usual, countries=countries))


def test_without_located_requests_before_countries_are_no_mark() -> None:
    made = SiteBaseline()
    for number in range(200):
        made.learn(number, "voting", minute(number, 20), BOUNDS)
    assert "countries" not in names(beyond(made, "voting", minute(201, 2_000, countries=MANY), BOUNDS))


BARE = (("/", 50), ("/results", 50))


def test_pages_without_assets_and_referrers_are_a_mark(usual: SiteBaseline) -> None:
    found = mark(seen(usual, pages=BARE, referred=0), "bare")
    assert (found.value, found.usual) == ("0 %", "38 %")


@pytest.mark.parametrize(
    ("pages", "referred"),
    [
        (BARE, 80),
        (PAGES, 0),
        ((("/feed", 95), ("/", 5)), 4),
        ((("/summary.pdf", 95), ("/", 5)), 4),
    ],
    ids=[
        "people who refresh",
        "people with private browsers",
        "an application polls",
        "a document is passed on",
    ],
)
def test_a_crowd_that_leaves_out_one_of_them_is_not_bare(
    usual: SiteBaseline, pages: Any, referred: int
) -> None:
    assert "bare" not in names(seen(usual, pages=pages, referred=referred))


def test_a_site_without_assets_has_no_bare_pages() -> None:
    made = SiteBaseline()
    for number in range(200):
        made.learn(number, "voting", minute(number, 20, pages=(("/", 100),)), BOUNDS)
    assert "bare" not in names(beyond(made, "voting", minute(201, 2_000, pages=BARE, referred=0), BOUNDS))


def test_one_user_agent_that_was_rare_is_a_mark(usual: SiteBaseline) -> None:
    assert mark(seen(usual, agents=("flood/1",)), "agents").usual == "0 %"


def test_one_user_agent_that_was_common_is_none(usual: SiteBaseline) -> None:
    assert "agents" not in names(seen(usual, agents=BROWSERS[:1]))


def test_one_endpoint_is_named(usual: SiteBaseline) -> None:
    found = seen(usual, pages=(("/status", 90), ("(assets)", 10)))
    assert mark(found, "endpoint") == Mark("endpoint", "91 %", "0 %", "/status")
    assert found is not None
    assert not found.is_distinct


def test_the_usual_front_page_is_no_endpoint_of_note(usual: SiteBaseline) -> None:
    assert "endpoint" not in names(seen(usual, pages=(("/", 70), ("(assets)", 30))))


def test_overload_is_said_and_distinguishes_nothing(usual: SiteBaseline) -> None:
    found = seen(usual, errors=30)
    assert names(found) == ["errors"]
    assert found is not None
    assert not found.is_distinct


def test_failures_at_one_endpoint_are_told_from_overload(usual: SiteBaseline) -> None:
    made = minute(201, 2_000, countries=HOME)
    made.whole.errors = dict(made.endpoints)["/results"].errors = 500
    found = beyond(usual, "voting", made, BOUNDS)
    assert mark(found, "errors_at_one").about == "/results"


def test_requests_turned_away_are_said(usual: SiteBaseline) -> None:
    assert names(seen(usual, refused=60)) == ["refused"]


def test_one_endpoint_can_leave_its_band_while_the_site_does_not() -> None:
    made = SiteBaseline()
    pages = (("/", 50), ("/status", 2), ("(assets)", 48))
    for number in range(200):
        made.learn(number, "voting", minute(number, 1_000, pages=pages), BOUNDS)
    flood = minute(201, 1_800, pages=(("/", 30), ("/status", 45), ("(assets)", 25)), addresses=900)
    dict(flood.endpoints)["/status"].referred = 0
    found = beyond(made, "voting", flood, BOUNDS)
    assert found is not None
    assert (found.scope, found.requests, found.usual) == ("/status", 810, 20)
    assert "bare" in names(found)


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (5, "0.5 %"), (90, "9 %"), (99, "9.9 %"), (1_000, "100 %")]
)
def test_shares_are_written_in_percent(share: int, text: str) -> None:
    assert percent(share) == text


def test_a_flood_of_assets_alone_says_nothing_of_pages(usual: SiteBaseline) -> None:
    found = seen(usual, pages=(("(assets)", 100),), referred=0)
    assert names(found) == []
