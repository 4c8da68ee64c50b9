"""Keep the newest checkpoint of a log in one row of the register, and read it back."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.core.canon import b64, canonical, parse_b64, parse_canonical, parse_hex32
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, VerificationError

_MAX_ROW_BYTES = 2 * MAX_NOTE_BYTES


@dataclass(frozen=True, slots=True)
class Held:
    """Hold a checkpoint that was accepted: its note as served, and the time in seconds it was signed at.

    The note has the log's own signatures and those of this node, and no others.  The time is 0
    where this node has not signed.
    """

    size: int
    root: bytes
    time_s: int
    note: bytes


def format_held(held: Held) -> bytes:
    """Write a row."""
    return canonical(
        {"note": b64(held.note), "root": held.root.hex(), "size": held.size, "time": held.time_s}, wide=True
    )


def parse_held(name: str, row: bytes | None) -> Held | None:
    """Read a row; None if there is none. Raises StorageError (E5400): our own register is damaged."""
    if row is None:
        return None
    try:
        match parse_canonical(row, max_bytes=_MAX_ROW_BYTES, wide=True):
            case {"note": str(note), "root": str(root), "size": int(size), "time": int(time_s)}:
                return Held(size, parse_hex32(root), time_s, parse_b64(note))
            case _:
                raise _damaged(name)
    except VerificationError as error:
        raise _damaged(name) from error


def _damaged(name: str) -> StorageError:
    return StorageError(
        "E5400",
        f"the row {name} of the register is damaged",
        hint="stop the node, keep the register's file, and run: hisn node doctor",
        unchanged="nothing was signed or stored",
    )
