"""Define what a watch writes down of a cycle: enough to play it again, byte for byte.

All that a watch decides by a clock or by what its feeds noticed stands in the record: its instant,
the pieces and where they came from, the notes, and where the feeds stood behind them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from hisn.errors import StorageError
from hisn.live.feed import Position
from hisn.live.piece import FeedNote

FORMAT = "hisn-cycle/1"


@dataclass(frozen=True, slots=True)
class PieceRecord:
    """Say where a piece stands and under which key its bytes are sealed.

    The sealed bytes are `context` bytes from the beginning of its file, then `size` of its own.
    """

    source: str
    offset: int
    first_record: int
    generation: int
    context: int
    size: int
    arrived_us: int
    key: str
    ciphertext: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Hold one cycle. `previous` is the digest of the one before it, empty for the first.

    `first` is the index of the first batch act of the cycle before it (-1: it had none).
    `unread` names pieces, by their place in `pieces`, that killed the process which read them.
    `positions` has for each feed what changed.  With `is_closing` everything that is open closes:
    nothing more was to come.
    """

    number: int
    now_us: int
    previous: str
    first: int
    pieces: tuple[PieceRecord, ...] = ()
    unread: tuple[tuple[int, str], ...] = ()
    positions: Mapping[str, Position]
    notes: tuple[FeedNote, ...] = ()
    is_closing: bool = False

    def encode(self) -> bytes:
        """Return the bytes that are kept."""
        return encode_plain(
            {
                "format": FORMAT,
                "number": self.number,
                "now_us": self.now_us,
                "previous": self.previous,
                "first": self.first,
                "pieces": [list(astuple(piece)) for piece in self.pieces],
                "unread": [list(each) for each in self.unread],
                "positions": {name: dict(each) for name, each in self.positions.items()},
                "notes": [list(astuple(note)) for note in self.notes],
                "closing": self.is_closing,
            }
        )


def encode_plain(value: object) -> bytes:
    """Return plain values as JSON, always in the same bytes; any text and any number go into it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def digest_of(data: bytes) -> str:
    """Return the digest by which a record is named."""
    return hashlib.sha256(data).hexdigest()


def parse_cycle(data: bytes) -> Cycle:
    """Return what was written down. Raises StorageError (E5601)."""
    try:
        value: Any = json.loads(data)
        if value["format"] != FORMAT:
            raise _damaged()
        return Cycle(
            number=value["number"],
            now_us=value["now_us"],
            previous=value["previous"],
            first=value["first"],
            pieces=tuple(PieceRecord(*each) for each in value["pieces"]),
            unread=tuple((place, reason) for place, reason in value["unread"]),
            positions=value["positions"],
            notes=tuple(_note(each) for each in value["notes"]),
            is_closing=value["closing"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error


def _note(fields: list[Any]) -> FeedNote:
    names = FeedNote.__slots__
    return FeedNote(**dict(zip(names, fields, strict=True)))


def _damaged() -> StorageError:
    return StorageError(
        "E5601",
        "the record of a cycle of the watch is damaged",
        hint="check the disk; hisn watch --forget begins anew behind what is sealed",
        unchanged="the log is as it was",
    )
