"""Seal the fields of a map, and show some of them; `hisn.evidence.disclosure` describes the form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hisn.core.canon import Json, canonical, parse_json
from hisn.core.limits import MAX_MAP_BYTES
from hisn.errors import VerificationError
from hisn.evidence.disclosure import (
    NAMES,
    PAD,
    SALT_BYTES,
    Opened,
    Presented,
    Value,
    digest_of,
    disclosure_text,
    event_leaf,
    open_leaf,
    slot_count,
)

RECORD, TIME = "_record", "_time"
"""Fields that sealing adds to a record beside `RAW`: its number in the source, and its time."""
_OWN_NAME = re.compile(r"_+(?:names|pad|raw|record|time)")


@dataclass(frozen=True, slots=True)
class SealedMap:
    """Hold all the disclosures of a map, in slot order, and its leaf."""

    disclosures: tuple[str, ...]
    leaf: bytes


def sealed_name(name: str) -> str:
    """Return the name under which a source's field is sealed.

    A record may have a field called ``_time`` or ``_raw``: it must not pass for ours, so such
    names get one underscore more.
    """
    return "_" + name if _OWN_NAME.fullmatch(name) else name


def source_name(name: str) -> str | None:
    """Return a source's own name of a sealed field; None for the fields that sealing adds."""
    if not _OWN_NAME.fullmatch(name):
        return name
    return name[1:] if name.startswith("__") else None


def seal_map(fields: Mapping[str, Value], salts: bytes) -> SealedMap:
    """Seal a map with `slot_count(len(fields))` salts of 16 bytes each, in slot order.

    Raises ValueError on reserved names or too few salts: both are slips of the caller.
    """
    names = sorted(fields)
    slots: list[tuple[str, Value]] = [(NAMES, tuple(names)), *((name, fields[name]) for name in names)]
    slots += [(PAD, None)] * (slot_count(len(names)) - len(slots))
    if NAMES in fields or PAD in fields or len(salts) != SALT_BYTES * len(slots):
        raise ValueError("a reserved name, or not one salt for each slot")
    texts = tuple(
        disclosure_text(salts[SALT_BYTES * at : SALT_BYTES * (at + 1)], name, value)
        for at, (name, value) in enumerate(slots)
    )
    return SealedMap(texts, event_leaf([digest_of(text) for text in texts]))


def present(sealed: SealedMap, names: Sequence[str]) -> Presented:
    """Return a sealed map with the named fields shown; slot 0 always is. Raises ValueError."""
    ours = open_leaf(_all_of(sealed.disclosures)).names
    slots = {0, *(1 + ours.index(name) for name in names)}
    digests = tuple(digest_of(text) for text in sealed.disclosures)
    return Presented(digests, {slot: sealed.disclosures[slot] for slot in sorted(slots)})


def presented_json(presented: Presented) -> dict[str, Json]:
    """Return a presented map as it stands in a proof pack."""
    shown: dict[str, Json] = {str(slot): text for slot, text in presented.disclosures.items()}
    return {"digests": [digest.hex() for digest in presented.digests], "disclosures": shown}


def format_map(sealed: SealedMap) -> bytes:
    """Return the blob that holds a whole sealed map: the canonical JSON array of its disclosures."""
    return canonical(list(sealed.disclosures))


def parse_map(data: bytes) -> tuple[SealedMap, Opened]:
    """Return a whole sealed map and its fields. Raises VerificationError."""
    texts = parse_json(data, max_bytes=MAX_MAP_BYTES, max_depth=1)
    strings = [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []
    if not isinstance(texts, list) or len(strings) != len(texts) or canonical(texts) != data:
        raise VerificationError("E3340", "a sealed map's file is not the plain list of its disclosures")
    opened = open_leaf(_all_of(strings))
    return SealedMap(tuple(strings), opened.leaf), opened


def _all_of(texts: Sequence[str]) -> Presented:
    if not all(text.isascii() for text in texts):
        raise VerificationError("E3342", "a disclosed text holds signs that base64url does not have")
    return Presented(tuple(digest_of(text) for text in texts), dict(enumerate(texts)))


def check_absent(opened: Opened, name: str) -> None:
    """Return if a map provably has no such field. Raises VerificationError."""
    if name in opened.names:
        raise VerificationError("E3343", f"the field {name!r} is there, shown or hidden")
