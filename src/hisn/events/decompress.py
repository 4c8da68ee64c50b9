"""Decompress streams within bounds of ratio and size, keeping what comes before any damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from hisn.core import limits

GZIP_MAGIC = b"\x1f\x8b\x08"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZIP_MAGIC = b"PK\x03\x04"
ZIP_EMPTY = b"PK\x05\x06"
_INPUT_BYTES = 256 * 1024


class _Step(Protocol):
    """Turn compressed bytes into plain ones, at most `limit` at once; hold back the rest."""

    def feed(self, data: bytes, limit: int) -> bytes: ...

    @property
    def is_hungry(self) -> bool:
        """Whether more input is needed before more can come out."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the input may end here."""
        ...


class Unpacked:
    """Read plain bytes out of a compressed stream.

    Damage, truncation and bombs end the stream as if it ended there; `problem` then says
    (code, reason) and the caller reports the source as partial.
    """

    def __init__(self, stream: BinaryIO, step: _Step) -> None:
        self._stream = stream
        self._step = step
        self._ready = bytearray()
        self._taken = 0
        self._given = 0
        self._ended = False
        self.problem: tuple[str, str] | None = None

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, fewer only at the end; all of them if negative."""
        while not self._ended and (size < 0 or len(self._ready) < size):
            self._fill()
        part = bytes(self._ready) if size < 0 else bytes(self._ready[:size])
        del self._ready[: len(part)]
        return part

    def _fill(self) -> None:
        data = b""
        if self._step.is_hungry:
            data = self._stream.read(_INPUT_BYTES)
            self._taken += len(data)
            if not data:
                self._ended = True
                if not self._step.is_complete:
                    self.problem = ("E2006", "compressed data ends in the middle")
                return
        try:
            plain = self._step.feed(data, limits.MiB)
        except ValueError as error:
            self._ended = True
            self.problem = ("E2007", f"compressed data is damaged: {error}")
            return
        self._given += len(plain)
        self._ready += plain
        floor = limits.RATIO_FLOOR_BYTES
        if self._given > floor and self._given > limits.MAX_RATIO * max(self._taken, 1):
            self._stop("E2008", f"decompresses to more than {limits.MAX_RATIO} times its size")
        elif self._given > limits.MAX_DECOMPRESSED_BYTES:
            self._stop("E2008", "decompresses to more than the limit")

    def _stop(self, code: str, reason: str) -> None:
        self._ended = True
        self.problem = (code, reason)


class _Gzip:
    """Decompress gzip, member after member (rotated logs are often joined)."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._held = b""
        self._members = 0
        self._in_member = False

    @property
    def is_hungry(self) -> bool:
        return not self._held

    @property
    def is_complete(self) -> bool:
        return self._members > 0 and not self._in_member

    def feed(self, data: bytes, limit: int) -> bytes:
        data = self._held + data
        self._held = b""
        if not self._in_member:
            data = data.lstrip(b"\0")  # Tape and some tools pad with zeros between members.
            if not data:
                return b""
            self._in_member = True
            self._inflate = zlib.decompressobj(wbits=31)
        try:
            plain = self._inflate.decompress(data, limit)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        if self._inflate.eof:
            self._members += 1
            self._in_member = False
            self._held = self._inflate.unused_data
        else:
            self._held = self._inflate.unconsumed_tail
        return plain


class _Zstd:
    """Decompress zstd, frame after frame, with a bounded window."""

    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._make: Callable[[], zstandard.ZstdDecompressionObj] = zstandard.ZstdDecompressor(
            max_window_size=1 << 27
        ).decompressobj
        self._frame = self._make()
        self._held = b""
        self._frames = 0
        self._fed = False

    @property
    def is_hungry(self) -> bool:
        return not self._held

    @property
    def is_complete(self) -> bool:
        return self._frames > 0 and not self._fed

    def feed(self, data: bytes, limit: int) -> bytes:
        # A window of 128 MiB bounds the state; small bites of input bound the output of one step:
        # a block of zstd gives at most 128 KiB and takes at least 4 bytes.
        data = self._held + data
        bite, self._held = data[:256], data[256:]
        out = bytearray()
        while True:
            try:
                out += self._frame.decompress(bite)
            except self._error as error:
                raise ValueError(str(error)) from None
            self._fed = True
            if self._frame.eof:
                self._frames += 1
                self._fed = False
                self._held = self._frame.unused_data + self._held
                self._frame = self._make()
            if len(out) >= limit or not self._held:
                return bytes(out)
            bite, self._held = self._held[:256], self._held[256:]


def unpacked(stream: BinaryIO, head: bytes) -> Unpacked | None:
    """Return the plain stream if the head is that of gzip or zstd, else None."""
    if head.startswith(GZIP_MAGIC):
        return Unpacked(stream, _Gzip())
    if head.startswith(ZSTD_MAGIC):
        return Unpacked(stream, _Zstd())
    return None
