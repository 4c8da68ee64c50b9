"""Lay out the records of a block as rows of slots, ready to be hashed.

Every disclosure text is base64url of ``["<salt>","<name>",<value>]``.  The salt's text has 22
characters, so that ``["`` and the salt are 24 bytes and make exactly 32 characters of base64: what
follows, the *tail* ``","<name>",<value>]``, is encoded apart from the salt.  A *head* is a tail
without its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from hisn.core.canon import Json, canonical
from hisn.core.instant import MAX_INSTANT, MIN_INSTANT
from hisn.core.proof_limits import MAX_NUMBER_CHARS
from hisn.events.batch import Block, Int64s
from hisn.events.schema import Cell, Layout
from hisn.evidence.disclosure import NAMES, PAD, RAW, Value, slot_count
from hisn.evidence.sealed_map import RECORD, TIME, sealed_name

_MAX_INTEGER = 10**MAX_NUMBER_CHARS - 1
_KNOWN_LAYOUTS = 1_024


class SlotKind(IntEnum):
    """Say where a slot's value comes from."""

    CONSTANT = 0
    COLUMN = 1
    RAW = 2


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """Hold what all records of one layout have in common, slot by slot.

    `heads` are whole tails for constant slots.  `columns` says for each column slot which column
    of the block it is; the two behind the last are the record numbers and the times.
    """

    names: tuple[str, ...]
    kinds: bytes
    heads: tuple[bytes, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold n records of one layout, to be sealed field by field.

    `indexes` int64[n]: each record's index in its batch.  `columns`: n cells for each column slot,
    in slot order.  `raws`: the bytes of the records.
    """

    plan: SlotPlan
    salt_key: bytes
    indexes: Int64s
    columns: Sequence[Sequence[Cell]]
    raws: Sequence[bytes]


class Hasher(Protocol):
    """Hash records to leaves: in plain Python or in C, the same bytes."""

    name: str

    def seal_fields(self, rows: Rows) -> bytes:
        """Return the RFC 6962 leaf hashes of n events sealed field by field, 32 bytes each, in order."""
        ...

    def seal_whole(self, salt_key: bytes, indexes: Int64s, raws: Sequence[bytes]) -> bytes:
        """Return the RFC 6962 leaf hashes of n records sealed as wholes, 32 bytes each, in order."""
        ...

    def root(self, leaf_hashes: bytes) -> bytes:
        """Return the RFC 6962 root over leaf hashes of 32 bytes each."""
        ...


def value_of(cell: Cell) -> Value:
    """Return a cell as it is sealed: an absurdly long integer becomes the text of its digits."""
    if isinstance(cell, tuple):
        return tuple(value_of(item) for item in cell)
    if isinstance(cell, str):
        return _writable(cell)
    return str(cell) if cell is not None and abs(cell) > _MAX_INTEGER else cell


def _writable(text: str) -> str:
    r"""Return a text with lone surrogates written out (``\udc80``): no UTF-8 can say them.

    Readers leave none; one that slips through must not stop the sealing.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()
    return text


@lru_cache(maxsize=_KNOWN_LAYOUTS)
def sealed_names(layout: Layout) -> dict[str, str]:
    """Return the sealed name of every field of a layout; no two are the same."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for name in (*dict(layout.constants), *layout.names):
        sealed = sealed_name(_writable(name))
        while sealed in taken:
            sealed += "_"
        taken.add(sealed)
        names[name] = sealed
    return names


def value_json(cell: Cell) -> bytes:
    """Return the JSON of a cell as it is sealed."""
    value = value_of(cell)
    listed: Json = list(value) if isinstance(value, tuple) else value  # type: ignore[arg-type]
    return canonical(listed, wide=True)


def raw_bytes(raws: Sequence[bytes | str]) -> Sequence[bytes]:
    """Return records as bytes; no text, however odd, may stop the sealing."""
    if str not in set(map(type, raws)):
        return cast("Sequence[bytes]", raws)
    return [raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw for raw in raws]


def is_writable(times: Int64s) -> npt.NDArray[np.bool_]:
    """Tell which instants a calendar holds; `NO_TIME` is none of them."""
    return (times >= MIN_INSTANT) & (times <= MAX_INSTANT)


def time_texts(times: Int64s) -> list[str | None]:
    """Return RFC 3339 texts of instants; None where there is no time, or none that can be written."""
    usable = is_writable(times)
    moments = np.where(usable, times, 0).astype("datetime64[us]")
    texts = np.datetime_as_string(moments, unit="us").tolist()
    return [f"{text}Z" if is_usable else None for text, is_usable in zip(texts, usable, strict=True)]


@lru_cache(maxsize=_KNOWN_LAYOUTS)
def slot_plan(layout: Layout) -> SlotPlan:
    """Return the slots of a layout: its fields and ours, sorted by their sealed names."""
    width = len(layout.names)
    sealed = sealed_names(layout)
    constants = {sealed[name]: cell for name, cell in layout.constants}
    columns = {sealed[name]: at for at, name in enumerate(layout.names)}
    columns |= {RECORD: width, TIME: width + 1}
    names = sorted((*constants, *columns, RAW))
    kinds = [SlotKind.CONSTANT]
    heads = [_head(NAMES) + canonical(list(names)) + b"]"]
    for name in names:
        is_constant = name in constants
        kinds.append(SlotKind.RAW if name == RAW else SlotKind.CONSTANT if is_constant else SlotKind.COLUMN)
        heads.append(_head(name) + (value_json(constants[name]) + b"]" if is_constant else b""))
    padding = slot_count(len(names)) - len(kinds)
    kinds += [SlotKind.CONSTANT] * padding
    heads += [_head(PAD) + b"null]"] * padding
    at = tuple(columns[name] for name in names if name in columns)
    return SlotPlan(tuple(names), bytes(kinds), tuple(heads), at)


def _head(name: str) -> bytes:
    return b'",%b,' % canonical(name)


def rows_of(
    block: Block, times: Sequence[str | None], raws: Sequence[bytes], salt_key: bytes, indexes: Int64s
) -> Rows:
    """Return a block's records as rows; `times` are the texts of its instants."""
    plan = slot_plan(block.layout)
    cells: list[Sequence[Cell]] = [*block.columns, block.numbers.tolist(), times]
    return Rows(plan, salt_key, indexes, [cells[at] for at in plan.columns], raws)
