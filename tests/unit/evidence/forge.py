"""Make sealed maps by hand, true and false ones: no line of the program is used."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

from hisn.evidence.disclosure import Presented

Slot = tuple[str, object]


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def salt(at: int) -> str:
    return b64url(hashlib.sha256(b"salt %d" % at).digest()[:16])


def text(*parts: object, separators: tuple[str, str] = (",", ":"), ascii_only: bool = False) -> str:
    """Return a disclosure of any JSON array."""
    array = json.dumps(list(parts), ensure_ascii=ascii_only, separators=separators)
    return b64url(array.encode("utf-8", "surrogatepass"))


def digest(disclosure: str) -> bytes:
    return hashlib.sha256(disclosure.encode()).digest()


def slots_of(fields: dict[str, object]) -> list[Slot]:
    """Return the slots as they must be."""
    names = sorted(fields)
    slots: list[Slot] = [("_names", names), *((name, fields[name]) for name in names)]
    return slots + [("_pad", None)] * (-len(slots) % 8)


def texts_of(slots: Sequence[Slot]) -> list[str]:
    return [text(salt(at), name, value) for at, (name, value) in enumerate(slots)]


def shown(texts: Sequence[str], *slots: int) -> Presented:
    """Commit to all texts and show some."""
    return Presented(tuple(map(digest, texts)), {at: texts[at] for at in slots})
