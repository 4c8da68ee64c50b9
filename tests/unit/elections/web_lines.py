"""Make access logs of simple requests, and chunks of them as the readers do."""

from __future__ import annotations

from typing import NamedTuple

from hisn.events.batch import Chunk
from hisn.events.schema import Declaration
from hisn.events.sources.combined import FORMAT
from hisn.testing.sources.portal import Request, Stamp, line


class Asked(NamedTuple):
    """Hold one request: second of the log, and what portal.Request has."""

    second: int
    request: Request


def lines_of(asked: list[Asked], start_s: int) -> list[bytes]:
    """Return the lines; seconds count from `start_s`, which is since 1970 UTC."""
    stamp = Stamp()
    return [line(stamp((start_s + each.second) * 1_000_000), each.request).encode() for each in asked]


def chunk_of(
    lines: list[bytes], first: int = 1, source: str = "access.log", asset: str | None = None
) -> Chunk:
    """Return the lines as a chunk whose first record has this number."""
    data = b"\n".join(lines) + b"\n"
    reader = FORMAT.open(data, Declaration(asset=asset))
    parsed = reader.parse(data, first)
    return Chunk(source, "web", parsed.blocks, parsed.unparsed, parsed.records, len(data), len(lines))
