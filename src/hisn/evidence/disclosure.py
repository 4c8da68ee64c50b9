r"""Check what was disclosed of a sealed map (RFC 9901, in slot order); `evidence.sealed_map` seals.

A sealed map is a row of *slots*.  Each holds the SHA-256 digest of one *disclosure*: the
base64url text of the JSON array ``["<salt>","<name>",<value>]``.  Slot 0 is ``_names``, the sorted
list of all field names; slot 1 + i is the i-th of them; slots named ``_pad`` fill up to a multiple
of 8.  The leaf is ``evt/1\n`` and the digests in slot order.

So a field has one value (its name fixes its slot), a field that is not in the list is provably
absent, and a field that is not disclosed cannot be guessed: no digest is without a salt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from hisn.acts.kinds import Check, is_ascending, is_dict, is_str, list_of, parse_shape
from hisn.core.canon import Json, b64url, canonical, parse_b64url, parse_hex32, parse_json
from hisn.core.proof_limits import MAX_DISCLOSURE_CHARS, MAX_SLOTS, MAX_VALUE_DEPTH
from hisn.errors import VerificationError

Value: TypeAlias = int | str | tuple["Value", ...] | None

SALT_BYTES = 16
DIGEST_BYTES = 32
SLOT_GROUP = 8
NAMES = "_names"
PAD = "_pad"
EVENT_MAGIC = b"evt/1\n"
WHOLE_MAGIC = b"whl/1\n"
RAW = "_raw"
"""The field that commits to a record's bytes."""

_SLOT = re.compile(r"0|[1-9][0-9]{0,4}")
_PRESENTED: dict[str, Check] = {"digests": list_of(is_str, MAX_SLOTS), "disclosures": is_dict}


@dataclass(frozen=True, slots=True)
class Presented:
    """Hold what is shown of a sealed map: every slot's digest, and some slots' disclosures."""

    digests: tuple[bytes, ...]
    disclosures: dict[int, str]


@dataclass(frozen=True, slots=True)
class Opened:
    """Hold what a presented map proves: its leaf, all names, the shown values, the hidden names."""

    leaf: bytes
    names: tuple[str, ...]
    values: dict[str, Value]
    hidden: tuple[str, ...]

    def value(self, name: str) -> Value:
        """Return a shown field's value. Raises VerificationError where it is hidden or absent."""
        if name not in self.values:
            raise VerificationError("E3343", f"the field {name!r} is not disclosed")
        return self.values[name]


def slot_count(fields: int) -> int:
    """Return how many slots a map of so many fields has."""
    return -(-(1 + fields) // SLOT_GROUP) * SLOT_GROUP


def disclosure_text(salt: bytes, name: str, value: Value) -> str:
    """Return the one text that discloses a value: base64url of its canonical JSON array.

    Raises ValueError on what is no value: a bool would pass for a number.
    """
    return b64url(canonical([b64url(salt), name, _json_of(value)], wide=True))


def _json_of(value: Value) -> Json:
    if isinstance(value, tuple):
        return [_json_of(item) for item in value]
    if value is None or type(value) in (str, int):
        return value
    raise ValueError(f"no value of a sealed field: {type(value).__name__}")


def digest_of(text: str) -> bytes:
    """Return the digest that commits to a disclosure."""
    return hashlib.sha256(text.encode("ascii")).digest()


def event_leaf(digests: Sequence[bytes]) -> bytes:
    """Return the leaf of a map whose slots have these digests."""
    return EVENT_MAGIC + b"".join(digests)


def whole_leaf(raw_salt: bytes, record: bytes) -> bytes:
    """Return the leaf of a record that can be disclosed as a whole only."""
    return WHOLE_MAGIC + hashlib.sha256(raw_salt + record).digest()


def raw_value(raw_salt: bytes, record: bytes) -> str:
    """Return the value of the field ``_raw``: length and salted digest of the record's bytes."""
    return f"{len(record)} {hashlib.sha256(raw_salt + record).hexdigest()}"


def check_record(opened: Opened, raw_salt: bytes, record: bytes) -> None:
    """Check that a record shown whole is the one sealed. Raises VerificationError."""
    if len(raw_salt) != SALT_BYTES or opened.value(RAW) != raw_value(raw_salt, record):
        raise VerificationError("E3341", "the record shown is not the one that was sealed")


def open_leaf(presented: Presented) -> Opened:
    """Check a presented map and return what it proves. Raises VerificationError.

    The caller still has to show that the leaf is in the log or in the batch's tree.
    """
    digests, shown = presented.digests, presented.disclosures
    if any(len(digest) != DIGEST_BYTES for digest in digests) or len(set(digests)) != len(digests):
        raise VerificationError("E3340", "a digest is twice in the sealed map, or of the wrong length")
    if 0 not in shown or any(not 0 <= slot < len(digests) for slot in shown):
        raise VerificationError("E3340", "the list of names is not shown, or a slot does not exist")
    read: dict[int, tuple[str, Value]] = {}
    for slot, text in shown.items():
        read[slot] = parse_disclosure(text)
        # The digest's place says which field it is: a true text at another slot is a lie.
        if digest_of(text) != digests[slot]:
            raise VerificationError("E3341", f"the text shown for slot {slot} is not the one sealed there")
    names = _names_in(*read.pop(0))
    if len(digests) != slot_count(len(names)):
        raise VerificationError("E3340", "the sealed map does not have the slots that its names need")
    values: dict[str, Value] = {}
    for slot, (name, value) in read.items():
        is_field = slot <= len(names)
        if name != (names[slot - 1] if is_field else PAD) or not (is_field or value is None):
            raise VerificationError("E3341", f"slot {slot} discloses a field that does not belong there")
        if is_field:
            values[name] = value
    return Opened(event_leaf(digests), names, values, tuple(name for name in names if name not in values))


def _names_in(name: str, value: Value) -> tuple[str, ...]:
    names = [item for item in value if isinstance(item, str)] if isinstance(value, tuple) else []
    if name != NAMES or not isinstance(value, tuple) or len(names) != len(value):
        raise VerificationError("E3341", "slot 0 does not disclose the list of names")
    # Strictly ascending: a name that stood twice would have two values.
    if not is_ascending(names) or NAMES in names or PAD in names:
        raise VerificationError("E3340", "the names of the sealed map are not sorted, unique and its own")
    return tuple(names)


def parse_disclosure(text: str) -> tuple[str, Value]:
    """Return name and value of a disclosure. Raises VerificationError unless it is in its one form."""
    if len(text) > MAX_DISCLOSURE_CHARS:
        raise VerificationError("E3342", "a disclosed text is too long")
    array = parse_json(parse_b64url(text), max_bytes=MAX_DISCLOSURE_CHARS, max_depth=1 + MAX_VALUE_DEPTH)
    if not isinstance(array, list) or len(array) != 3:
        raise VerificationError("E3342", "a disclosed text is not an array of salt, name and value")
    salt_text, name, value = array[0], array[1], _value_in(array[2])
    if not isinstance(salt_text, str) or not isinstance(name, str):
        raise VerificationError("E3342", "the salt and the name of a disclosed text are not text")
    salt = parse_b64url(salt_text)
    # One form only: written again from its parts, the text must come out the same.
    if len(salt) != SALT_BYTES or disclosure_text(salt, name, value) != text:
        raise VerificationError("E3342", "a disclosed text is not in its one form, or its salt not 16 bytes")
    return name, value


def _value_in(value: Json) -> Value:
    if isinstance(value, list):
        return tuple(_value_in(item) for item in value)
    if isinstance(value, bool | dict):
        raise VerificationError("E3342", "the value of a disclosed text is no text, integer or list")
    return value


def parse_presented(value: Json) -> Presented:
    """Return a presented map from a pack's JSON; `open_leaf` checks it. Raises VerificationError."""
    fields = parse_shape(value, _PRESENTED, "a presented map", "E3340")
    shown: dict[int, str] = {}
    for slot, text in fields["disclosures"].items():
        if not _SLOT.fullmatch(slot) or not isinstance(text, str):
            raise VerificationError("E3340", "a presented map names a slot that is no slot")
        shown[int(slot)] = text
    return Presented(tuple(map(parse_hex32, fields["digests"])), shown)
