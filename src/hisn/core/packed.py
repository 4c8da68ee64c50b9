"""Pack a state of plain values into bytes: the same state always gives the same bytes.

MessagePack of numbers, bytes, lists and None, in the order in which the caller puts them.  Texts
from logs and file names can hold lone surrogates, which no UTF-8 has: they are packed as bytes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from hisn.errors import StorageError

Plain: TypeAlias = "int | str | bytes | bool | list[Plain] | None"


def pack(value: Plain) -> bytes:
    """Return the bytes of a state."""
    return msgspec.msgpack.encode(value)


def unpack(data: bytes) -> Any:
    """Return the state. Raises StorageError (E5600): what was packed here is damaged."""
    try:
        return msgspec.msgpack.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise damaged() from error


def damaged() -> StorageError:
    """Return the error for a kept state that is not as it was written."""
    return StorageError(
        "E5600",
        "a state that was kept is damaged",
        hint="start again: what was sealed since is judged once more from the log",
        unchanged="the log is as it was",
    )


def packed_text(text: str) -> bytes:
    """Return a text as bytes, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def unpacked_text(data: bytes) -> str:
    """Return the text."""
    return data.decode("utf-8", "surrogatepass")
