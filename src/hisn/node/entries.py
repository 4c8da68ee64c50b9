"""Write and read the body of add-entries (C2SP tlog-mirror): a head, then packages of entries.

Packages follow the bundles of the tiled log: package *i* of `[start, end)` ends at a multiple of
256, or at `end`.  The reader takes the body in pieces as they arrive and holds one package at most,
so that a body of any length costs bounded memory, and one that breaks off loses nothing that was
complete.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hisn.core.canon import MAX_DECIMAL
from hisn.errors import InputError
from hisn.node.body import MAX_PROOF_LINES
from hisn.tlog.merkle import HASH_BYTES
from hisn.tlog.tile import WIDTH

MAX_ORIGIN_BYTES = 255
"""ML-DSA cosignatures carry the origin behind one byte of length; a longer one cannot be cosigned."""

_LENGTH = struct.Struct(">H")
_BOUNDS = struct.Struct(">QQ")


@dataclass(frozen=True, slots=True)
class UploadHead:
    """Say which entries of which log follow."""

    origin: str
    start: int
    end: int
    ticket: bytes


@dataclass(frozen=True, slots=True)
class Span:
    """Hold the place of one package: its subtree is `[low, end)`, its entries are `[start, end)`."""

    low: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Package:
    """Hold the entries of one span and the proof that its subtree lies in the tree of the upload's end."""

    span: Span
    entries: tuple[bytes, ...]
    proof: tuple[bytes, ...]


def _malformed(why: str) -> InputError:
    return InputError(
        "E2401", f"an upload of entries is malformed: {why}", hint="C2SP tlog-mirror has its form"
    )


def spans(start: int, end: int) -> Iterator[Span]:
    """Yield the places of the packages of `[start, end)`, none if it is empty."""
    for low in range(start - start % WIDTH, end, WIDTH) if start < end else ():
        yield Span(low, max(start, low), min(end, low + WIDTH))


def format_head(head: UploadHead) -> bytes:
    """Write the head of an upload."""
    origin = head.origin.encode()
    return b"".join(
        (
            _LENGTH.pack(len(origin)),
            origin,
            _BOUNDS.pack(head.start, head.end),
            _LENGTH.pack(len(head.ticket)),
            head.ticket,
        )
    )


def format_package(entries: Sequence[bytes], proof: Sequence[bytes]) -> bytes:
    """Write one package."""
    parts = [part for entry in entries for part in (_LENGTH.pack(len(entry)), entry)]
    return b"".join((*parts, bytes((len(proof),)), *proof))


class UploadReader:
    """Take the bytes of an upload in any pieces; hand out its head and each package when complete."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._spans: Iterator[Span] = iter(())
        self._span: Span | None = None
        self._cursor = 0
        self._entries: list[bytes] = []
        self.head: UploadHead | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether the last package was handed out."""
        return self.head is not None and self._span is None

    def read_head(self, data: bytes) -> UploadHead | None:
        """Take bytes; return the head once it is complete. Raises InputError (E2401)."""
        self._buffer += data
        held = self._buffer
        if len(held) < 2:
            return None
        origin_bytes = _LENGTH.unpack_from(held)[0]
        if not 0 < origin_bytes <= MAX_ORIGIN_BYTES:
            raise _malformed(f"an origin of {origin_bytes} bytes")
        bounds_at = 2 + origin_bytes
        ticket_at = bounds_at + _BOUNDS.size + 2
        if len(held) < ticket_at:
            return None
        end_at = ticket_at + _LENGTH.unpack_from(held, ticket_at - 2)[0]
        if len(held) < end_at:
            return None
        start, end = _BOUNDS.unpack_from(held, bounds_at)
        if not start <= end <= MAX_DECIMAL:
            raise _malformed(f"it goes from entry {start} to {end}")
        try:
            origin = held[2:bounds_at].decode()
        except UnicodeDecodeError as error:
            raise _malformed("its origin is not UTF-8") from error
        self.head = UploadHead(origin, start, end, bytes(held[ticket_at:end_at]))
        del held[:end_at]
        self._spans = spans(start, end)
        self._span = next(self._spans, None)
        return self.head

    def read_packages(self, data: bytes) -> Iterator[Package]:
        """Take bytes behind the head; yield the packages that are complete. Raises InputError (E2401)."""
        self._buffer += data
        while package := self._next_package():
            yield package
        if self.is_done and self._buffer:
            raise _malformed("bytes follow its last package")

    def _next_package(self) -> Package | None:
        span = self._span
        if span is None or not self._scan_entries(span.end - span.start):
            return None
        if len(self._buffer) == self._cursor:
            return None
        count = self._buffer[self._cursor]
        if count > MAX_PROOF_LINES:
            raise _malformed(f"a proof of {count} hashes")
        first = self._cursor + 1
        last = first + count * HASH_BYTES
        if len(self._buffer) < last:
            return None
        proof = tuple(bytes(self._buffer[at : at + HASH_BYTES]) for at in range(first, last, HASH_BYTES))
        package = Package(span, tuple(self._entries), proof)
        del self._buffer[:last]
        self._cursor, self._entries, self._span = 0, [], next(self._spans, None)
        return package

    def _scan_entries(self, wanted: int) -> bool:
        """Cut off the entries that are complete; tell whether all of the package are."""
        buffer, cursor = self._buffer, self._cursor
        while len(self._entries) < wanted:
            if len(buffer) < cursor + 2:
                break
            end = cursor + 2 + (buffer[cursor] << 8 | buffer[cursor + 1])
            if len(buffer) < end:
                break
            self._entries.append(bytes(buffer[cursor + 2 : end]))
            cursor = end
        self._cursor = cursor
        return len(self._entries) == wanted
