"""Say whether a minute leaves its phase's band, and what distinguishes it from ordinary load.

Election night is a surge, too.  So volume alone says nothing: a *mark* is something that a crowd
of voters does not do.  Strong marks are countries that were never seen here, pages without what
belongs to them, and one user agent that was rare before.  Weak ones (one endpoint, 5xx, requests
turned away, endpoints never asked for, waves) fit a crowd as well, and never make a surge more
than a low finding by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from hisn.elections.baseline import SiteBaseline, addresses_at, shares_of, volumes_of
from hisn.elections.minutes import Bounds, Cell, Minute
from hisn.elections.spread import Band
from hisn.elections.templates import ASSETS, MALFORMED, NOT_FOUND, is_page

STRONG = ("countries", "bare", "agents")
WEAK = ("endpoint", "errors", "errors_at_one", "refused")

PARAMETERS = {
    "deviations": 6,
    "factor": 3,
    "floor_requests": 60,
    "floor_addresses": 20,
    "floor_networks": 10,
    "floor_countries": 8,
    "share_off": 150,
    "endpoint_part": 10,
    "new_countries": 5,
    "new_countries_share": 200,
    "usual_country_in": 1_000,
    "usual_country_requests": 3,
    "located_requests": 100,
    "referred_usual": 200,
    "assets_usual": 100,
    "known_requests": 20,
    "agent_share": 500,
    "agent_usual": 50,
    "endpoint_share": 600,
    "errors_share": 100,
    "errors_factor": 5,
    "errors_at_one": 800,
    "errors_elsewhere": 50,
    "refused_share": 200,
}
"""Every threshold, by name: shares in thousandths. They are part of the check's digest."""

MAX_LISTED = 5

_P = PARAMETERS
_NO_PLACE = (ASSETS, NOT_FOUND, MALFORMED)


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """Hold what distinguishes a minute: its value, what is usual, and which thing it is about."""

    name: str
    value: str
    usual: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Hold a minute that leaves its band: `scope` is an endpoint, or empty for the whole site.

    `countries` counts its requests by country, for those that hardly ever asked before.
    """

    scope: str
    requests: int
    usual: int
    addresses: int
    usual_addresses: int
    marks: tuple[Mark, ...]
    countries: tuple[tuple[str, int], ...] = ()

    @property
    def is_distinct(self) -> bool:
        """Tell whether something distinguishes it for which a crowd is no explanation."""
        return any(mark.name in STRONG for mark in self.marks)


def percent(thousandths: int) -> str:
    """Return a share as text: whole percents, and one digit more below ten."""
    if thousandths >= 100 or thousandths % 10 == 0:
        return f"{thousandths // 10} %"
    return f"{thousandths // 10}.{thousandths % 10} %"


def most_of(counts: Mapping[str, int]) -> str:
    """Return the names with the highest counts, and whether there are more."""
    most = sorted(counts, key=lambda name: (-counts[name], name))
    return ", ".join(most[:MAX_LISTED]) + (", …" if len(most) > MAX_LISTED else "")


def beyond(baseline: SiteBaseline, phase: str, minute: Minute, bounds: Bounds) -> Beyond | None:
    """Return how a minute leaves its phase's band; None where it does not, or too little is known."""
    counts = volumes_of(minute, bounds)
    if counts["requests"] <= _P["floor_requests"]:
        return None
    usual = baseline.volume(phase, "requests")
    if not usual:
        return None
    look = _Look(baseline, phase, minute, counts, shares_of(minute))
    if _exceeds(usual, counts["requests"], "requests") and look.another():
        scope = ""
        before, addresses = _highest(usual), _highest(baseline.volume(phase, "addresses"))
        return Beyond(
            scope, counts["requests"], before, counts["addresses"], addresses,
            look.marks(minute.whole, before, scope), look.new_countries(),
        )  # fmt: skip
    return _endpoint_beyond(look, bounds)


def _endpoint_beyond(look: _Look, bounds: Bounds) -> Beyond | None:
    """Look for one endpoint that leaves its band while the site as a whole does not."""
    least = max(_P["floor_requests"], look.minute.whole.requests * _P["endpoint_part"] // 100)
    found: list[tuple[int, str, Cell]] = [
        (-cell.requests, name, cell)
        for name, cell in look.minute.endpoints
        if cell.requests > least and name not in _NO_PLACE
    ]
    for _, name, cell in sorted(found, key=lambda item: item[:2]):
        usual = look.baseline.endpoint_volume(look.phase, name, "requests")
        addresses = look.baseline.endpoint_volume(look.phase, name, "addresses")
        count = addresses_at(cell, bounds)
        if _exceeds(usual, cell.requests, "requests") and (
            _exceeds(addresses, count, "addresses") or look.shares_off()
        ):
            before = _highest(usual)
            marks = look.marks(cell, before, name)
            new = look.new_countries()
            return Beyond(name, cell.requests, before, count, _highest(addresses), marks, new)
    return None


def _exceeds(bands: tuple[Band, ...], value: int, name: str) -> bool:
    return bool(bands) and all(
        band.exceeds(value, _P["deviations"], _P["factor"], _P[f"floor_{name}"]) for band in bands
    )


def _highest(bands: tuple[Band, ...]) -> int:
    return max((band.median2 // 2 for band in bands), default=0)


@dataclass(frozen=True, slots=True)
class _Look:
    """Hold one minute beside what is ordinary."""

    baseline: SiteBaseline
    phase: str
    minute: Minute
    counts: dict[str, int]
    shares: dict[str, int]

    def another(self) -> bool:
        """Tell whether some other measure than requests leaves its band: one alone is no surge."""
        return self.shares_off() or any(
            _exceeds(self.baseline.volume(self.phase, name), self.counts[name], name)
            for name in ("addresses", "networks", "countries")
        )

    def shares_off(self) -> bool:
        """Tell whether some share leaves its band."""
        for name, share in self.shares.items():
            band = self.baseline.share(self.phase, name)
            if band is not None and band.differs(share, _P["deviations"], _P["share_off"]):
                return True
        return False

    def marks(self, cell: Cell, before: int, scope: str) -> tuple[Mark, ...]:
        """Return what distinguishes the minute; `before` requests of the scope would be usual."""
        excess = max(1, cell.requests - before)
        background = self.minute.whole.requests - excess
        found = (
            self._countries(excess),
            self._bare(cell, scope, excess, background),
            self._agents(excess, background),
            self._endpoint(excess),
            self._errors(),
            self._errors_at_one(),
            self._refused(),
        )
        return tuple(mark for mark in found if mark is not None)

    def _usual(self, name: str) -> int | None:
        band = self.baseline.share(self.phase, name)
        return None if band is None else band.median2 // 2

    def new_countries(self) -> tuple[tuple[str, int], ...]:
        """Return the countries that made less than three requests so far, or than one in a thousand."""
        known = self.baseline.countries
        located = sum(count for code, count in known.items() if code)
        if located < _P["located_requests"]:
            return ()
        return tuple(
            (code, count)
            for code, count in self.minute.countries
            if code
            and (
                known.get(code, 0) < _P["usual_country_requests"]
                or known[code] * _P["usual_country_in"] < located
            )
        )

    def _countries(self, excess: int) -> Mark | None:
        """Find several new countries that make a fifth of it."""
        new = dict(self.new_countries())
        share = sum(new.values()) * 1_000 // excess
        if len(new) < _P["new_countries"] or share < _P["new_countries_share"]:
            return None
        return Mark("countries", str(len(new)), percent(min(share, 1_000)), most_of(new))

    def _bare(self, cell: Cell, scope: str, excess: int, background: int) -> Mark | None:
        """Find pages that browsers reach by links and load assets for, asked for without either."""
        assets = self._usual("assets")
        if assets is None or assets < _P["assets_usual"]:
            return None
        more = (self.minute.assets * 1_000 - assets * background) // excess
        expected, found = self._referred(cell, scope)
        if expected < _P["referred_usual"] or 2 * found > expected or 2 * more > assets:
            return None
        return Mark("bare", percent(max(more, 0)), percent(assets))

    def _referred(self, cell: Cell, scope: str) -> tuple[int, int]:
        """Return which share of requests other than for assets should have a referrer, and which has.

        Each endpoint is expected to be as it always was: what an application polls without a
        referrer is no sign when it is polled more.  Nothing is expected of files and of what is sent.
        """
        cells = [(scope, cell)] if scope else [each for each in self.minute.endpoints if each[0] != ASSETS]
        requests = sum(each.requests for _, each in cells)
        if not requests:
            return 0, 0
        expected = sum(each.requests * self._referred_usual(name) for name, each in cells)
        return expected // requests, sum(each.referred for _, each in cells) * 1_000 // requests

    def _referred_usual(self, name: str) -> int:
        if not is_page(name):
            return 0
        known = self.baseline.endpoints.get(name)
        if known is not None and known.requests >= _P["known_requests"]:
            return known.referred * 1_000 // known.requests
        return self._usual("referred") or 0

    def _agents(self, excess: int, background: int) -> Mark | None:
        """Find one user agent that makes half of it, and made less than one in twenty requests so far."""
        total = self.baseline.requests
        for bucket, count in sorted(self.minute.agents, key=lambda pair: (-pair[1], pair[0]))[:1]:
            usual = self.baseline.agents.get(bucket, 0) * 1_000 // max(1, total)
            share = (count * 1_000 - usual * background) // excess
            if share >= _P["agent_share"] and usual <= _P["agent_usual"]:
                return Mark("agents", percent(min(share, 1_000)), percent(usual))
        return None

    def _endpoint(self, excess: int) -> Mark | None:
        cells = [each for each in self.minute.endpoints if each[0] != ASSETS]
        if not cells:
            return None
        name, cell = min(cells, key=lambda each: (-each[1].requests, each[0]))
        known = self.baseline.endpoints.get(name)
        usual = known.requests * 1_000 // max(1, self.baseline.requests) if known else 0
        share = min(1_000, cell.requests * 1_000 // excess)
        if share < _P["endpoint_share"] or 3 * usual > share:
            return None
        return Mark("endpoint", percent(share), percent(usual), name)

    def _errors(self) -> Mark | None:
        share, usual = self.shares["errors"], self._usual("errors") or 0
        if share < _P["errors_share"] or share < _P["errors_factor"] * usual:
            return None
        return Mark("errors", percent(share), percent(usual))

    def _errors_at_one(self) -> Mark | None:
        """Find failures at one weak spot: a server that is only overloaded fails everywhere."""
        errors = self.minute.whole.errors
        if self.shares["errors"] < _P["errors_share"] or not self.minute.endpoints:
            return None
        name, worst = min(self.minute.endpoints, key=lambda each: (-each[1].errors, each[0]))
        others = [cell for each, cell in self.minute.endpoints if each not in (name, ASSETS)]
        requests, failed = sum(cell.requests for cell in others), sum(cell.errors for cell in others)
        if (
            worst.errors * 1_000 < errors * _P["errors_at_one"]
            or requests < _P["known_requests"]
            or failed * 1_000 > requests * _P["errors_elsewhere"]
        ):
            return None
        return Mark("errors_at_one", percent(worst.errors * 1_000 // errors), about=name)

    def _refused(self) -> Mark | None:
        share, usual = self.shares["refused"], self._usual("refused") or 0
        if share < _P["refused_share"] or share < _P["errors_factor"] * usual:
            return None
        return Mark("refused", percent(share), percent(usual))
