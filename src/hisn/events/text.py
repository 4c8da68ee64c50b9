"""Bring text to UTF-8: byte order marks and the UTF-16 that Windows tools write."""

from __future__ import annotations

import codecs
from typing import Protocol, TypeVar

_UTF8_BOM = codecs.BOM_UTF8
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_ENOUGH = 64


class Readable(Protocol):
    """Give bytes in order."""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        ...


ReadableT = TypeVar("ReadableT", bound=Readable)


class Utf8Stream:
    """Read another encoding as UTF-8; what is no character becomes U+FFFD."""

    def __init__(self, stream: Readable, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, fewer only at the end."""
        parts = [self._ready]
        have = len(self._ready)
        while not self._ended and (size < 0 or have < size):
            data = self._stream.read(max(size, 4096) if size > 0 else 1 << 20)
            self._ended = not data
            part = self._decoder.decode(data, self._ended).encode("utf-8", "replace")
            parts.append(part)
            have += len(part)
        whole = b"".join(parts)
        part, self._ready = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        return part


def as_utf8(head: bytes, stream: ReadableT) -> tuple[bytes, ReadableT | Utf8Stream]:
    """Return the head and the stream as UTF-8 without a byte order mark; others stay as they are."""
    if head.startswith(_UTF8_BOM):
        stream.read(len(_UTF8_BOM))
        return head[len(_UTF8_BOM) :], stream
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            stream.read(len(mark))
            return _decoded(head[len(mark) :], encoding), Utf8Stream(stream, encoding)
    unmarked = _unmarked(head)
    if unmarked is not None:
        return _decoded(head, unmarked), Utf8Stream(stream, unmarked)
    return head, stream


def _unmarked(head: bytes) -> str | None:
    """Recognise UTF-16 without a mark: mostly ASCII, with a zero in every second byte."""
    sample = head[: _ENOUGH * 2]
    if len(sample) < 4 or b"\0" not in sample[:2]:
        return None
    for offset, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[offset::2], sample[1 - offset :: 2]
        if zeros.count(0) * 2 >= len(zeros) and not zeros[0] and b"\0" not in others:
            return encoding
    return None


def _decoded(head: bytes, encoding: str) -> bytes:
    return head.decode(encoding, "replace").encode("utf-8", "replace")


def has_only_text(head: bytes) -> bool:
    """Tell whether the head looks like text, for the message."""
    return b"\0" not in head and sum(byte < 9 or 13 < byte < 32 for byte in head[:4096]) < 8
