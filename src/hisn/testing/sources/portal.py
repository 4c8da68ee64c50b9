"""Write the access log of the voter portal and results site (combined format), and its visitors.

The crowd reads pages, loads what belongs to them, looks up polling places and refreshes the
results; crawlers and a monitor come by.  On election night the same crowd comes twentyfold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hisn.testing.calendar import ZONE_S, arrivals, public_minutes
from hisn.testing.county import County, outside_address
from hisn.testing.dice import Dice, Weighted
from hisn.testing.stream import Record, Stage, in_order

PATH = "portal/access.log"

_DAY_US = 86_400_000_000
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK} Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Version/26.0 Safari/605.1.15",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {_WEBKIT} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 10; K) {_BLINK} Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
_CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
)
_NEWSROOMS = ("VesnaHerald-ResultsFetcher/2.4 (+https://herald.example/bots)", "ElectionDesk/7.1")
_MONITOR = "HealthCheck/1.3"
_STREETS = ("Lime+Street", "Harbour%20Road", "St.+Anne%27s+Lane", "Old+Mill+Way", "O%27Connor+Street")

_PAGES: Weighted[str] = Weighted(
    (
        (40, "results"),
        (14, "precinct"),
        (18, "polling-place"),
        (10, "home"),
        (6, "registration-status"),
        (5, "absentee-status"),
        (3, "register"),
        (3, "news"),
        (1, "gone"),
    )
)
_ASSETS = ("/static/app.7f3c.css", "/static/app.91be.js", "/static/crest.svg", "/favicon.ico")
_ARRIVALS_FROM = ("-", "-", "-", "https://www.google.com/", "https://herald.example/election/live")


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what one line of the access log says about a request."""

    address: str
    target: str
    status: int = 200
    size: int = 5_120
    method: str = "GET"
    referer: str = "-"
    agent: str = BROWSERS[0]


class Stamp:
    """Format instants as access logs do; the text of the last second is kept."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, time: int) -> str:
        """Return ``03/Nov/2026:20:00:00 +0100``."""
        second = time // 1_000_000
        if second != self._second:
            self._second = second
            self._text = _clf_time(second)
        return self._text


def _clf_time(second: int) -> str:
    # Own arithmetic (days to civil date, Howard Hinnant's algorithm): strftime follows the locale.
    days, rest = divmod(second + ZONE_S, 86_400)
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    hour, minutes = divmod(rest, 3_600)
    zone = f"{ZONE_S // 3600:+03d}{ZONE_S % 3600 // 60:02d}"
    return f"{day:02d}/{_MONTHS[month - 1]}/{year}:{hour:02d}:{minutes // 60:02d}:{minutes % 60:02d} {zone}"


def line(stamp: str, request: Request) -> str:
    """Return the line of the combined log format."""
    return (
        f'{request.address} - - [{stamp}] "{request.method} {request.target} HTTP/1.1" '
        f'{request.status} {request.size} "{request.referer}" "{request.agent}"'
    )


def played(requests: Iterator[tuple[int, Request]]) -> Iterator[Record]:
    """Yield the records of requests at given times."""
    stamp = Stamp()
    for time, request in requests:
        yield Record(time, line(stamp(time), request))


@dataclass(slots=True)
class Visitor:
    """Hold somebody who reads pages: the page that the next request comes from, and how many follow."""

    address: str
    agent: str
    page: str
    pages_left: int


_CROWD = 2_048
"""Visitors kept at a time: memory does not grow with the number of events."""
_RECORDS_PER_VIEW_PERCENT = 216
"""Records that one page view makes on average (its assets included), in percent."""


def background(stage: Stage, count: int) -> Iterator[Record]:
    """Yield about `count` ordinary requests, with the organic surge after the polls close."""
    views = count * 100 // _RECORDS_PER_VIEW_PERCENT
    times = arrivals(public_minutes(stage.calendar, stage.span), stage.span, views, stage.dice)
    return in_order(_bursts(stage, times))


def _bursts(stage: Stage, times: Iterator[int]) -> Iterator[list[Record]]:
    dice = stage.dice
    stamp = Stamp()
    crowd: list[Visitor | None] = [None] * _CROWD
    for time in times:
        if dice.chance(0.02):
            yield [Record(time, line(stamp(time), _robot(dice, stage.county)))]
            continue
        seat = dice.below(_CROWD)
        visitor = crowd[seat]
        is_first = visitor is None or visitor.pages_left == 0
        if visitor is None or is_first:
            visitor = crowd[seat] = Visitor(
                outside_address(dice), dice.pick(BROWSERS), dice.pick(_ARRIVALS_FROM), dice.between(1, 6)
            )
        yield [
            Record(when, line(stamp(when), request))
            for when, request in view(visitor, time, stage, is_first=is_first)
        ]


def _robot(dice: Dice, county: County) -> Request:
    kind = dice.below(10)
    if kind < 3:
        target = "/robots.txt" if dice.chance(0.1) else f"/precinct/{dice.between(1, county.precincts)}"
        return Request("192.0.2.10", target, agent=dice.pick(_CRAWLERS), size=dice.between(900, 9_000))
    if kind < 8:
        return Request("203.0.113.20", "/api/v1/results.json", agent=dice.pick(_NEWSROOMS),
                       size=dice.between(40_000, 60_000))  # fmt: skip
    return Request(county.web_server, "/healthz", agent=_MONITOR, size=2)


def view(
    visitor: Visitor, time: int, stage: Stage, *, is_first: bool, target: str = ""
) -> Iterator[tuple[int, Request]]:
    """Yield the requests that looking at one page makes: any page where no target is given.

    The first page of a visit loads the assets that belong to the site's pages.
    """
    dice = stage.dice
    target = target or _target(dice, stage.county)
    visitor.pages_left -= 1
    status, size = _answer(dice, stage.calendar.phase_at(time), target)
    yield time, Request(visitor.address, target, status, size, referer=visitor.page, agent=visitor.agent)
    page = stage.county.portal_url + target
    visitor.page = page
    if target.startswith("/results"):
        when = time + dice.between(60_000, 400_000)
        yield when, Request(visitor.address, "/api/v1/results.json", 200, dice.between(40_000, 60_000),
                            referer=page, agent=visitor.agent)  # fmt: skip
    if not is_first:
        return
    for asset in _ASSETS:
        if dice.chance(0.55):
            when = time + dice.between(40_000, 900_000)
            cached = dice.chance(0.3)
            yield when, Request(visitor.address, asset, 304 if cached else 200, 0 if cached else 18_000,
                                referer=page, agent=visitor.agent)  # fmt: skip


def _target(dice: Dice, county: County) -> str:
    match _PAGES.draw(dice):
        case "results":
            return "/results" if dice.chance(0.8) else f"/results?view=map&refresh={dice.between(1, 9)}"
        case "precinct":
            return f"/precinct/{dice.between(1, county.precincts)}"
        case "polling-place":
            return f"/polling-place?street={dice.pick(_STREETS)}&house={dice.between(1, 180)}"
        case "home":
            return "/"
        case "registration-status":
            return f"/registration/status?reference=VR-{dice.digits(7)}&year={dice.between(1930, 2008)}"
        case "absentee-status":
            return f"/absentee/status?envelope=AB{dice.digits(8)}"
        case "register":
            return "/register?step=1&select=district&order=name"
        case "news":
            return f"/news/2026/11/{dice.between(1, 3):02d}/what-to-bring-and-where-to-go"
        case _:
            return f"/results-2024/precinct-{dice.between(1, 48)}.pdf"


def _answer(dice: Dice, phase: str, target: str) -> tuple[int, int]:
    if target.startswith("/results-2024"):
        return 404, 512
    if phase in ("counting", "reporting") and dice.chance(0.004):
        return 503, 190
    return 200, dice.between(2_000, 24_000)
