"""Hold what the web requests of one minute were like, in bounded size and in any order.

A `Minute` belongs to one *site*: one asset of one source.  It counts the requests of the whole
site and of each endpoint.  Two minutes of the same site and time are put together by `join`,
which is associative and commutative: however records are divided among batches and processes,
the same bytes come out.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from hisn.core import limits
from hisn.elections import sketch

MINUTE_US = 60_000_000

Pairs = list[tuple[int, int]]
"""Counts by a small number, sorted by it."""


class Bounds(NamedTuple):
    """Bound one minute: digests of its sketches, endpoints followed, record numbers named."""

    digests: int
    endpoint_digests: int
    endpoints: int
    records: int


GRADES = (Bounds(128, 64, 256, 16), Bounds(64, 32, 64, 8), Bounds(32, 16, 24, 4), Bounds(16, 8, 8, 2))
"""Narrower and narrower; a run with more minutes than memory for them goes down the list."""


class Cell(msgspec.Struct, array_like=True):
    """Count the requests of one scope in one minute.

    `errors` were answered with 5xx, `refused` with 403 or 429, `referred` name the page that they
    come from.  `addresses` is a sketch, `records` the smallest record numbers, ascending.
    """

    requests: int = 0
    errors: int = 0
    refused: int = 0
    referred: int = 0
    addresses: bytes = b""
    records: list[int] = []


class Minute(msgspec.Struct, array_like=True):
    """Count the requests of one site in one minute.

    `first` and `last` are the times of the first and last request.  `agents` counts by the bucket
    of the user agent (`limits.AGENT_BUCKETS`), `countries` by code; `endpoints` holds those with
    the smallest digests of their names, sorted by name.
    """

    first: int
    last: int
    whole: Cell
    assets: int = 0
    networks: bytes = b""
    agents: Pairs = []
    countries: list[tuple[str, int]] = []
    endpoints: list[tuple[str, Cell]] = []


class MinuteNote(NamedTuple):
    """Carry one minute of one site, packed; `minute` counts from 1970 UTC."""

    source: str
    asset: str
    minute: int
    data: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Minute).decode


def pack(minute: Minute) -> bytes:
    """Return the minute as bytes; equal minutes give equal bytes."""
    return _encode(minute)


def unpack(data: bytes) -> Minute:
    """Return the minute that `pack` wrote."""
    return _decode(data)


def join(one: Minute, other: Minute, bounds: Bounds) -> Minute:
    """Return two parts of the same minute of the same site together."""
    endpoints = dict(one.endpoints)
    for name, cell in other.endpoints:
        known = endpoints.get(name)
        endpoints[name] = cell if known is None else _joined(known, cell, bounds.endpoint_digests, bounds)
    return Minute(
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        whole=_joined(one.whole, other.whole, bounds.digests, bounds),
        assets=one.assets + other.assets,
        networks=sketch.joined(one.networks, other.networks, bounds.digests),
        agents=_added(one.agents, other.agents),
        countries=_added_texts(one.countries, other.countries),
        endpoints=followed(endpoints, bounds),
    )


def narrow(minute: Minute, bounds: Bounds) -> Minute:
    """Return the minute as if it had been counted within these bounds."""
    nothing = Minute(minute.first, minute.last, Cell())
    narrowed = join(minute, nothing, bounds)
    narrowed.endpoints = [
        (name, _joined(cell, Cell(), bounds.endpoint_digests, bounds)) for name, cell in narrowed.endpoints
    ]
    return narrowed


def followed(endpoints: dict[str, Cell], bounds: Bounds) -> list[tuple[str, Cell]]:
    """Return the endpoints that a minute keeps: those with the smallest digests, sorted by name.

    Whether one is kept depends on the set of names alone, so that no order of arrival matters.
    """
    if len(endpoints) > bounds.endpoints:
        kept = sorted(endpoints, key=sketch.digest64)[: bounds.endpoints]
        endpoints = {name: endpoints[name] for name in kept}
    return sorted(endpoints.items())


def _joined(one: Cell, other: Cell, digests: int, bounds: Bounds) -> Cell:
    return Cell(
        requests=one.requests + other.requests,
        errors=one.errors + other.errors,
        refused=one.refused + other.refused,
        referred=one.referred + other.referred,
        addresses=sketch.joined(one.addresses, other.addresses, digests),
        records=sorted((*one.records, *other.records))[: bounds.records],
    )


def _added(one: Pairs, other: Pairs) -> Pairs:
    counts = dict(one)
    for bucket, count in other:
        counts[bucket] = counts.get(bucket, 0) + count
    return sorted(counts.items())


def _added_texts(one: list[tuple[str, int]], other: list[tuple[str, int]]) -> list[tuple[str, int]]:
    counts = dict(one)
    for text, count in other:
        counts[text] = counts.get(text, 0) + count
    return sorted(counts.items())


def agent_bucket(agent: str) -> int:
    """Return the bucket in which requests with this user agent are counted."""
    return sketch.digest64(agent) % limits.AGENT_BUCKETS
