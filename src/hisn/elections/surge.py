"""Follow one site through the minutes: learn what is ordinary, and say when a surge begins and ends.

A surge begins with the first of two minutes, close together, that leave their phase's band.  It
grows while such minutes follow, and ends after `QUIET_MINUTES` without one.  Waves are counted:
after some calm minutes the next busy one is another wave.  Ordinary minutes, and minutes that
nothing distinguishes from ordinary load, are learned; minutes with a strong mark never are, so
that a flood does not become the measure of the next one.
"""

from __future__ import annotations

import msgspec

from hisn.core import limits
from hisn.elections.baseline import SiteBaseline
from hisn.elections.marks import MAX_LISTED, STRONG, Beyond, Mark, beyond, most_of
from hisn.elections.minutes import Bounds, Minute
from hisn.elections.templates import ASSETS, MALFORMED, NOT_FOUND

FIRE_WITHIN_MINUTES = 5
"""Two minutes beyond the band so close together make a surge; a single one makes none."""
QUIET_MINUTES = 60
CALM_MINUTES = 3
"""More calm minutes than these divide two waves."""
LEAST_WAVES = 3
MARKED_MINUTES = 2
"""A mark counts when it held in so many minutes: chance marks one."""
RARE_PART = 50
"""An endpoint never asked for before is rare if it got less than one in so many requests."""


class Surge(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one surge of requests at one site.

    The evidence is the web requests of its minutes beyond the band: `requests` counts them all,
    `records` names some of each minute, of the endpoint concerned where it is one; what is usual
    rests on every earlier minute of the site, which no list can name.  Times are microseconds
    UTC: of the first and last request counted, and of the end of the minute in which it was found.
    `peak` and `usual` are requests a minute, `peak_addresses` and `usual_addresses` likewise.
    `closing` is when polls closed, if that was near its beginning.  `first_record` never changes.
    """

    source: str
    asset: str
    phase: str
    first: int
    last: int
    fired: int
    requests: int
    minutes: int
    waves: int
    peak: int
    usual: int
    peak_addresses: int
    usual_addresses: int
    endpoint: str
    marks: tuple[Mark, ...]
    level: str
    confidence: str
    records: tuple[int, ...]
    first_record: int
    closed: bool
    closing: int | None = None


class MarkState(msgspec.Struct):
    """Hold in how many minutes a mark held, and how it was in the busiest of them."""

    minutes: int
    peak: int
    mark: Mark


class OpenSurge(msgspec.Struct):
    """Hold a surge that goes on, or a first minute that may become one."""

    phase: str
    begun: int
    first: int
    last: int
    first_record: int
    usual: int
    usual_addresses: int
    fired: int = -1
    last_out: int = -1
    last_busy: int = -1
    minutes: int = 0
    waves: int = 1
    requests: int = 0
    peak: int = 0
    peak_addresses: int = 0
    scopes: dict[str, int] = {}
    marks: dict[str, MarkState] = {}
    rare: dict[str, int] = {}
    countries: dict[str, int] = {}
    records: list[int] = []
    changed: bool = False

    def add(self, number: int, minute: Minute, found: Beyond) -> None:
        """Add one minute beyond the band."""
        if self.last_busy >= 0 and number - self.last_busy > CALM_MINUTES:
            self.waves += 1
        self.last_out = self.last_busy = number
        self.minutes += 1
        self.last = max(self.last, minute.last)
        self.requests += minute.whole.requests
        self.scopes[found.scope] = self.scopes.get(found.scope, 0) + 1
        if minute.whole.requests > self.peak:
            self.peak = minute.whole.requests
            self.peak_addresses = found.addresses
        for code, count in found.countries:
            self.countries[code] = self.countries.get(code, 0) + count
        for mark in found.marks:
            self._mark(mark, minute.whole.requests)
        self._name(minute, found)
        if self.fired < 0 and self.minutes > 1:
            self.fired = number
        self.changed = self.fired >= 0

    def _mark(self, mark: Mark, requests: int) -> None:
        state = self.marks.get(mark.name)
        if state is None:
            self.marks[mark.name] = MarkState(1, requests, mark)
            return
        state.minutes += 1
        if requests > state.peak:
            state.peak, state.mark = requests, mark

    def _name(self, minute: Minute, found: Beyond) -> None:
        """Name records of this minute: of the endpoint that it is about, where it is about one."""
        about = found.scope or next((mark.about for mark in found.marks if mark.name == "endpoint"), "")
        cells = dict(minute.endpoints)
        records = cells[about].records if about in cells else minute.whole.records
        room = limits.MAX_SURGE_RECORDS - len(self.records)
        self.records += records[: max(0, room)]

    def meet(self, names: dict[str, int]) -> None:
        """Note requests to endpoints that were never asked for before it began."""
        for name, requests in sorted(names.items()):
            if name in self.rare or len(self.rare) < limits.MAX_RARE_ENDPOINTS:
                self.rare[name] = self.rare.get(name, 0) + requests

    def all_marks(self) -> tuple[Mark, ...]:
        """Return the marks that count, the strong ones first."""
        found = [state.mark for state in self.marks.values() if state.minutes >= MARKED_MINUTES]
        found = [self._with_countries(mark) if mark.name == "countries" else mark for mark in found]
        rare = [name for name, count in self.rare.items() if count * RARE_PART < self.requests]
        if rare:
            # What is sent to the site comes first, then what was asked for least.
            rare.sort(key=lambda name: (name.startswith("/"), self.rare[name], name))
            more = ", …" if len(rare) > MAX_LISTED else ""
            found.append(Mark("rare", ", ".join(rare[:MAX_LISTED]) + more))
        if self.waves >= LEAST_WAVES:
            found.append(Mark("waves", str(self.waves)))
        return tuple(sorted(found, key=lambda mark: (ORDER.index(mark.name), mark.name)))

    def _with_countries(self, mark: Mark) -> Mark:
        """Return the mark with the countries of the whole surge; its share stays the busiest minute's."""
        return Mark(mark.name, str(len(self.countries)), mark.usual, most_of(self.countries))


ORDER = (*STRONG, "rare", "endpoint", "errors_at_one", "waves", "refused", "errors")


def level_of(marks: tuple[Mark, ...]) -> tuple[str, str]:
    """Return level and confidence: only what no crowd does makes more than a low finding."""
    names = {mark.name for mark in marks}
    strong = len(names.intersection(STRONG))
    weak = len(names) - strong
    if strong >= 2 or (strong == 1 and weak >= 2) or names >= {"countries", "waves"}:
        return "high", "high" if strong >= 2 and weak >= 1 else "moderate"
    if strong:
        return "medium", "moderate"
    return ("low", "low") if weak >= 2 else ("informational", "low")


class SiteState(msgspec.Struct):
    """Hold all that is known of one site."""

    baseline: SiteBaseline = msgspec.field(default_factory=SiteBaseline)
    surge: OpenSurge | None = None

    def see(self, number: int, phase: str, minute: Minute, bounds: Bounds) -> OpenSurge | None:
        """Judge one minute, the next in time; return the surge that has ended by then."""
        ended = self.pass_to(number)
        self.baseline.settle(number)
        found = beyond(self.baseline, phase, minute, bounds)
        if found is not None:
            self._grow(number, phase, minute, found)
        elif self.surge and not self._is_calm(phase, minute):
            self.surge.last_busy = number
        if found is None or not found.is_distinct:
            self.baseline.learn(number, phase, minute, bounds)
        return ended

    def pass_to(self, number: int) -> OpenSurge | None:
        """Let time pass up to this minute; return the surge that has ended by then."""
        surge = self.surge
        if surge is None:
            return None
        if surge.fired < 0:
            if number - surge.last_out > FIRE_WITHIN_MINUTES:
                self.surge = None
            return None
        if number - surge.last_out <= QUIET_MINUTES:
            return None
        self.surge = None
        return surge

    def _grow(self, number: int, phase: str, minute: Minute, found: Beyond) -> None:
        surge = self.surge
        if surge is None:
            surge = self.surge = OpenSurge(
                phase=phase,
                begun=number,
                first=minute.first,
                last=minute.last,
                first_record=minute.whole.records[0],
                usual=found.usual,
                usual_addresses=found.usual_addresses,
            )
        surge.add(number, minute, found)
        surge.meet(
            {
                name: cell.requests
                for name, cell in minute.endpoints
                if name not in (ASSETS, NOT_FOUND, MALFORMED) and self._is_new(name, surge.begun)
            }
        )

    def _is_new(self, endpoint: str, begun: int) -> bool:
        known = self.baseline.endpoints.get(endpoint)
        return known is None or known.first >= begun

    def _is_calm(self, phase: str, minute: Minute) -> bool:
        """Tell whether a minute within the band is clearly so: waves have valleys."""
        surge = self.surge
        usual = self.baseline.volume(phase, "requests")
        high = max((band.median2 // 2 for band in usual), default=0)
        return surge is None or 2 * minute.whole.requests <= max(surge.peak, 2 * high)
