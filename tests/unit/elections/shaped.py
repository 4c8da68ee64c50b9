"""Make minutes of a given shape without writing a log."""

from __future__ import annotations

from hisn.elections import sketch
from hisn.elections.minutes import MINUTE_US, Cell, Minute, agent_bucket

PAGES = (("/", 30), ("/results", 30), ("(assets)", 40))
BROWSERS = ("Firefox", "Chrome", "Safari", "Edge")


def sketch_of(what: str, count: int, k: int = 128) -> bytes:
    return sketch.packed((sketch.digest64(f"{what}{n}") for n in range(count)), k)


def minute(
    number: int,
    requests: int,
    *,
    addresses: int | None = None,
    referred: int = 80,
    errors: int = 0,
    refused: int = 0,
    pages: tuple[tuple[str, int], ...] = PAGES,
    agents: tuple[str, ...] = BROWSERS,
    countries: tuple[tuple[str, int], ...] = (),
    record: int = 1,
) -> Minute:
    """Return a minute; `referred`, `errors`, `refused`, and the shares of pages are percents."""
    addresses = max(1, requests // 4) if addresses is None else addresses
    endpoints = []
    for name, share in sorted(pages):
        count = requests * share // 100
        if count:
            endpoints.append(
                (
                    name,
                    Cell(
                        count, count * errors // 100, count * refused // 100, count * referred // 100,
                        sketch_of("a", min(addresses, count), 64), [record],
                    ),
                )
            )  # fmt: skip
    each = requests // len(agents)
    buckets: dict[int, int] = {}
    for agent in agents:
        buckets[agent_bucket(agent)] = buckets.get(agent_bucket(agent), 0) + each
    return Minute(
        first=number * MINUTE_US + 1_000,
        last=number * MINUTE_US + 59_000_000,
        whole=Cell(
            requests, requests * errors // 100, requests * refused // 100, requests * referred // 100,
            sketch_of("a", addresses), [record],
        ),
        assets=sum(requests * share // 100 for name, share in pages if name == "(assets)"),
        networks=sketch_of("n", max(1, addresses // 2)),
        agents=sorted(buckets.items()),
        countries=sorted((code, requests * share // 100) for code, share in countries if requests * share // 100),
        endpoints=endpoints,
    )  # fmt: skip
