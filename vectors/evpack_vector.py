"""Hold one vector of a proof pack, and the plain pack from which most bad ones are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from vectors.pack_world import Case, plain_case, plain_signer, quiet_office

from hisn.evidence.pack import parse_pack, write_pack
from hisn.evidence.packing import build_pack

Told: TypeAlias = tuple[str, str, str, bytes]
"""Name, why, the step that fails, the pack."""


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


@cache
def quiet() -> Case:
    """Return the plain story of an office that nobody witnesses: small, and unwitnessed at best."""
    return plain_case(quiet_office(plain_signer))


@cache
def quiet_files() -> dict[str, bytes]:
    """Return the files of its pack."""
    return parse_pack(build_pack(quiet().parts()))


def changed(changes: Mapping[str, bytes | None]) -> bytes:
    """Return its pack with files changed."""
    return edited(build_pack(quiet().parts()), changes)
