"""Learn what is ordinary for a site in each phase of the election: minute by minute, and bounded.

For every site (one asset of one source) and phase: requests, distinct addresses and networks, and
countries a minute; and shares, in thousandths, of requests with a referrer, for assets, answered
with 5xx, turned away, and of the commonest user agent.  For every endpoint: requests and addresses
a minute.  Shares mean nothing for three requests: minutes are put together to *stretches* of at
least `STRETCH_REQUESTS`, and each stretch gives one share.

There are no seasons: a phase is compared with its own minutes.  A phase that has just begun has
few; until it has a day's worth, all phases together speak, too, and the more tolerant wins.
"""

from __future__ import annotations

import msgspec

from hisn.core import limits
from hisn.elections import sketch
from hisn.elections.minutes import Bounds, Cell, Minute
from hisn.elections.spread import Band, Spread, band_of

LEAST_MINUTES = 30
"""Minutes that a phase, or all together, must have before they say what is ordinary."""
WHOLE_MINUTES = 1_440
"""From so many minutes on a phase speaks for itself alone: it has seen a day and a night."""
STRETCH_REQUESTS = 20
LEAST_STRETCHES = 10
SLOT_MINUTES = 10
"""Bands stay as they are for so long: the minutes of one slot are all judged by the same."""

VOLUMES = ("requests", "addresses", "networks", "countries")
SHARES = ("referred", "assets", "errors", "refused", "agent")


def volumes_of(minute: Minute, bounds: Bounds) -> dict[str, int]:
    """Return the counts of a minute by the names in `VOLUMES`."""
    return {
        "requests": minute.whole.requests,
        "addresses": sketch.estimate(minute.whole.addresses, bounds.digests),
        "networks": sketch.estimate(minute.networks, bounds.digests),
        "countries": sum(1 for code, _ in minute.countries if code),
    }


class Stretch(msgspec.Struct):
    """Add up minutes until they hold enough requests for shares."""

    requests: int = 0
    referred: int = 0
    assets: int = 0
    errors: int = 0
    refused: int = 0
    agents: dict[int, int] = {}

    def add(self, minute: Minute) -> None:
        """Add one minute."""
        self.requests += minute.whole.requests
        self.referred += minute.whole.referred
        self.assets += minute.assets
        self.errors += minute.whole.errors
        self.refused += minute.whole.refused
        for bucket, count in minute.agents:
            self.agents[bucket] = self.agents.get(bucket, 0) + count

    def shares(self) -> dict[str, int]:
        """Return the shares by the names in `SHARES`, in thousandths rounded down."""
        counts = {
            "referred": self.referred,
            "assets": self.assets,
            "errors": self.errors,
            "refused": self.refused,
            "agent": max(self.agents.values(), default=0),
        }
        return {name: count * 1_000 // self.requests for name, count in counts.items()}


def shares_of(minute: Minute) -> dict[str, int]:
    """Return the shares of one minute alone."""
    stretch = Stretch()
    stretch.add(minute)
    return stretch.shares()


class PhaseShape(msgspec.Struct):
    """Hold how the minutes of one phase were; `minutes` are those in which the site had a request."""

    minutes: int = 0
    spreads: dict[str, Spread] = {}
    stretch: Stretch = msgspec.field(default_factory=Stretch)

    def learn(self, minute: Minute, bounds: Bounds) -> None:
        """Learn one minute."""
        self.minutes += 1
        for name, count in volumes_of(minute, bounds).items():
            self.spread(name).add(count)
        self.stretch.add(minute)
        if self.stretch.requests >= STRETCH_REQUESTS:
            for name, share in self.stretch.shares().items():
                self.spread(name).add(share)
            self.stretch = Stretch()

    def spread(self, name: str) -> Spread:
        """Return the spread of a measure, empty where nothing is known."""
        return self.spreads.setdefault(name, Spread())


class EndpointShape(msgspec.Struct):
    """Hold how one endpoint was: by phase the spreads of requests and addresses; and totals.

    `first` is the minute in which it was first learned.  Minutes in which it had no request are
    not in the spreads: they are the phase's minutes less the spread's.
    """

    first: int
    requests: int = 0
    referred: int = 0
    phases: dict[str, tuple[Spread, Spread]] = {}

    def learn(self, phase: str, cell: Cell, bounds: Bounds) -> None:
        """Learn one minute."""
        self.requests += cell.requests
        self.referred += cell.referred
        spreads = self.phases.get(phase)
        if spreads is None:
            spreads = self.phases[phase] = (Spread(), Spread())
        spreads[0].add(cell.requests)
        spreads[1].add(addresses_at(cell, bounds))


def addresses_at(cell: Cell, bounds: Bounds) -> int:
    """Return how many distinct addresses an endpoint had."""
    return sketch.estimate(cell.addresses, bounds.endpoint_digests)


class SiteBaseline(msgspec.Struct):
    """Hold what is ordinary for one site. Minutes are learned in the order of time."""

    requests: int = 0
    phases: dict[str, PhaseShape] = {}
    endpoints: dict[str, EndpointShape] = {}
    agents: dict[int, int] = {}
    countries: dict[str, int] = {}
    slot: int = -1
    bands: dict[str, tuple[tuple[int, int], ...]] = {}

    def learn(self, number: int, phase: str, minute: Minute, bounds: Bounds) -> None:
        """Learn the minute of this number, which lies in this phase and was counted within these bounds."""
        shape = self.phases.get(phase)
        if shape is None:
            shape = self.phases[phase] = PhaseShape()
        shape.learn(minute, bounds)
        self.requests += minute.whole.requests
        for bucket, count in minute.agents:
            self.agents[bucket] = self.agents.get(bucket, 0) + count
        for code, count in minute.countries:
            self.countries[code] = self.countries.get(code, 0) + count
        for name, cell in minute.endpoints:
            self._endpoint(name, number).learn(phase, cell, bounds)

    def _endpoint(self, name: str, number: int) -> EndpointShape:
        known = self.endpoints.get(name)
        if known is None:
            if len(self.endpoints) >= limits.MAX_ENDPOINTS:
                least = min(self.endpoints, key=lambda each: (self.endpoints[each].requests, each))
                del self.endpoints[least]
            known = self.endpoints[name] = EndpointShape(number)
        return known

    def settle(self, number: int) -> None:
        """Begin the slot of this minute: bands are made anew when they are first asked for."""
        if number // SLOT_MINUTES != self.slot:
            self.slot = number // SLOT_MINUTES
            self.bands = {}

    def volume(self, phase: str, name: str) -> tuple[Band, ...]:
        """Return the bands that a count must exceed, the phase's own first; none: too little is known."""
        shapes = list(self.phases.values())
        return self._remembered(
            f"{phase} {name}", phase, [(shape.minutes, shape.spread(name)) for shape in shapes]
        )

    def endpoint_volume(self, phase: str, endpoint: str, name: str) -> tuple[Band, ...]:
        """Return the same for ``requests`` or ``addresses`` of an endpoint, seen before or not."""
        at = 0 if name == "requests" else 1
        known = self.endpoints.get(endpoint)
        nothing = (Spread(), Spread())
        return self._remembered(
            f"{phase} {name} {endpoint}",
            phase,
            [
                (shape.minutes, (known.phases.get(each, nothing) if known else nothing)[at])
                for each, shape in self.phases.items()
            ],
        )

    def _remembered(self, key: str, phase: str, spreads: list[tuple[int, Spread]]) -> tuple[Band, ...]:
        found = self.bands.get(key)
        if found is None:
            found = self.bands[key] = self._bands(phase, spreads)
        return tuple(Band(*each) for each in found)

    def _bands(self, phase: str, spreads: list[tuple[int, Spread]]) -> tuple[Band, ...]:
        own = [pair for each, pair in zip(self.phases, spreads, strict=True) if each == phase]
        bands = []
        wanted = (own, spreads) if not own or own[0][0] < WHOLE_MINUTES else (own,)
        for pairs in wanted:
            minutes = sum(count for count, _ in pairs)
            if minutes >= LEAST_MINUTES:
                zeros = minutes - sum(spread.total for _, spread in pairs)
                bands.append(band_of((spread for _, spread in pairs), zeros))
        return tuple(bands)

    def share(self, phase: str, name: str) -> Band | None:
        """Return the band of a share: the phase's own, or that of all phases; None: too little is known."""
        key = f"{phase} {name}"
        found = self.bands.get(key)
        if found is None:
            own = self.phases[phase].spread(name) if phase in self.phases else Spread()
            spreads = (
                [own] if own.total >= LEAST_STRETCHES else [p.spread(name) for p in self.phases.values()]
            )
            enough = sum(spread.total for spread in spreads) >= LEAST_STRETCHES
            found = self.bands[key] = (band_of(spreads),) if enough else ()
        return Band(*found[0]) if found else None
