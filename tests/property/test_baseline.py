"""The baseline is what a plain list of all minutes says: every band, of every phase and measure."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.elections.shaped import minute

from hisn.elections import baseline as room
from hisn.elections import sketch
from hisn.elections.baseline import SHARES, VOLUMES, SiteBaseline
from hisn.elections.minutes import GRADES, Minute
from hisn.elections.spread import Band, quantised

BOUNDS = GRADES[0]
PHASES = ("voting", "counting", "reporting")
PAGES = ("/", "/results", "/form", "(assets)")

Seen = list[tuple[str, Minute]]
Bands = tuple[tuple[Fraction, Fraction], ...]


@st.composite
def minutes(draw: st.DrawFn) -> Seen:
    seen = []
    for number in range(draw(st.integers(0, 30))):
        shares = tuple((name, draw(st.integers(0, 25))) for name in PAGES)
        made = minute(
            number,
            draw(st.integers(1, 500)),
            addresses=draw(st.integers(1, 300)),
            referred=draw(st.integers(0, 100)),
            errors=draw(st.integers(0, 20)),
            pages=shares,
            countries=(("HR", 50), ("DE", draw(st.integers(0, 50)))),
        )
        seen.append((draw(st.sampled_from(PHASES)), made))
    return seen


def plain_band(values: list[int]) -> tuple[Fraction, Fraction]:
    exact = [Fraction(quantised(value)) for value in values]
    middle = median(exact)
    return middle, median(abs(value - middle) for value in exact)


def plain_count(name: str, seen: Minute) -> int:
    match name:
        case "requests":
            return seen.whole.requests
        case "addresses":
            return sketch.estimate(seen.whole.addresses, BOUNDS.digests)
        case "networks":
            return sketch.estimate(seen.networks, BOUNDS.digests)
        case _:
            return len([code for code, _ in seen.countries if code])


def plain_volume(values: list[tuple[str, int]], phase: str) -> Bands:
    """Compare with the phase's own minutes, and with all until it has a day's worth."""
    own = [value for each, value in values if each == phase]
    pooled = [value for _, value in values]
    groups = [own] if len(own) >= room.WHOLE_MINUTES else [own, pooled]
    return tuple(plain_band(group) for group in groups if len(group) >= room.LEAST_MINUTES)


def plain_share(name: str, seen: Minute) -> int:
    match name:
        case "referred":
            return seen.whole.referred
        case "assets":
            return seen.assets
        case "errors":
            return seen.whole.errors
        case _:
            return seen.whole.refused


def plain_stretches(seen: Seen, phase: str, name: str) -> list[int]:
    """Cut the phase's minutes into stretches of at least so many requests; the last may be left."""
    shares, stretch = [], list[Minute]()
    for each, made in seen:
        if each != phase:
            continue
        stretch.append(made)
        requests = sum(one.whole.requests for one in stretch)
        if requests >= room.STRETCH_REQUESTS:
            if name == "agent":
                buckets: dict[int, int] = {}
                for one in stretch:
                    for bucket, count in one.agents:
                        buckets[bucket] = buckets.get(bucket, 0) + count
                most = max(buckets.values(), default=0)
            else:
                most = sum(plain_share(name, one) for one in stretch)
            shares.append(most * 1_000 // requests)
            stretch = []
    return shares


def exact(bands: tuple[Band, ...]) -> Bands:
    return tuple((band.median, band.mad) for band in bands)


@given(minutes(), st.sampled_from(PHASES), st.integers(1, 6), st.integers(2, 20))
def test_every_band_is_that_of_the_plain_list(seen: Seen, phase: str, least: int, whole: int) -> None:
    before = room.LEAST_MINUTES, room.WHOLE_MINUTES, room.LEAST_STRETCHES
    room.LEAST_MINUTES, room.WHOLE_MINUTES, room.LEAST_STRETCHES = least, whole, 2
    try:
        compare(seen, phase)
    finally:
        room.LEAST_MINUTES, room.WHOLE_MINUTES, room.LEAST_STRETCHES = before


def compare(seen: Seen, phase: str) -> None:
    learned = SiteBaseline()
    for number, (each, made) in enumerate(seen):
        learned.learn(number, each, made, BOUNDS)
    learned.settle(10_000)
    for name in VOLUMES:
        counts = [(each, plain_count(name, made)) for each, made in seen]
        assert exact(learned.volume(phase, name)) == plain_volume(counts, phase), name
    for page in PAGES:
        cells = [(each, dict(made.endpoints).get(page)) for each, made in seen]
        requests = [(each, cell.requests if cell else 0) for each, cell in cells]
        assert exact(learned.endpoint_volume(phase, page, "requests")) == plain_volume(requests, phase)
        addresses = [
            (each, sketch.estimate(cell.addresses, BOUNDS.endpoint_digests) if cell else 0)
            for each, cell in cells
        ]
        assert exact(learned.endpoint_volume(phase, page, "addresses")) == plain_volume(addresses, phase)
    for name in SHARES:
        own = plain_stretches(seen, phase, name)
        if len(own) < room.LEAST_STRETCHES:
            own = [share for each in PHASES for share in plain_stretches(seen, each, name)]
        wanted = plain_band(own) if len(own) >= room.LEAST_STRETCHES else None
        band = learned.share(phase, name)
        assert (band and (band.median, band.mad)) == wanted, name
