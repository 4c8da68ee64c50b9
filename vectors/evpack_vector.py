"""Hold one vector of a proof pack, and how it is made from another pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hisn.evidence.pack import parse_pack, write_pack


@dataclass(frozen=True)
class Vector:
    """Hold a pack and what a verifier must find; `genesis` is what the caller pins."""

    name: str
    why: str
    data: bytes
    genesis: bytes | None
    result: str = "INVALID"
    failed: str | None = None


def edited(pack: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    """Return a pack with files replaced, added, or taken out (None); its manifest fits."""
    files: dict[str, bytes | None] = {**parse_pack(pack), **changes}
    return write_pack({name: data for name, data in files.items() if data is not None})
