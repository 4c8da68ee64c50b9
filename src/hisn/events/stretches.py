"""Cut a stream of lines into stretches of bounded size, at newlines only.

Boundaries depend on the bytes alone.  A line longer than the limit is passed over without ever
being held, and named as a hole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from hisn.core import limits
from hisn.events.batch import Chunk
from hisn.events.schema import Unparsed
from hisn.events.source import LineReader


class Readable(Protocol):
    """Give bytes in order."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none only at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hold whole lines (the last of a source may lack its newline).

    `first_number` is the number of the first line; `holes` are overlong lines met on the way,
    `size_bytes` counts them too, and `breaks` the newlines of lines and holes together.
    """

    lines: bytes
    first_number: int
    holes: tuple[Unparsed, ...]
    size_bytes: int
    breaks: int


def stretches(
    stream: Readable, first_number: int = 1, end: int | None = None, base: int = 0
) -> Iterator[Stretch]:
    """Yield the stretches of a stream that stands at the start of a line.

    With `end`, only lines that start before so many bytes from here.  `base` is the offset of the
    stream's position in its source, for the places of holes.
    """
    cutter = _Cutter(stream, first_number, end, base)
    while not cutter.is_done:
        stretch = cutter.next()
        if stretch.size_bytes:
            yield stretch


class _Cutter:
    def __init__(self, stream: Readable, first_number: int, end: int | None, base: int) -> None:
        self._stream = stream
        self._carry = b""
        self._at = 0  # offset of the first byte of `_carry`
        self._number = first_number
        self._end = end
        self._base = base
        self.is_done = False

    def next(self) -> Stretch:
        """Read one stretch on."""
        data = self._carry + _read_full(self._stream, limits.CHUNK_BYTES - len(self._carry))
        is_last = len(data) < limits.CHUNK_BYTES
        cut = len(data) if is_last else data.rfind(b"\n") + 1
        if self._end is not None and self._at + cut >= self._end:
            # The last line is the one that holds the byte before the end.
            inside = data.find(b"\n", max(self._end - self._at - 1, 0)) + 1
            if inside or is_last:
                cut = inside or len(data)
                self.is_done = True
        self.is_done = self.is_done or is_last
        self._carry = data[cut:]
        lines, holes = self._without_overlong(data[:cut])
        breaks = data.count(b"\n", 0, cut)
        size = cut
        if not self.is_done and len(self._carry) > limits.MAX_LINE_BYTES:
            skipped, ended = self._skip_line()
            holes.append(Unparsed("line too long", self._number + breaks, self._base + self._at + cut))
            size += skipped
            breaks += ended
            if self._end is not None and self._at + size >= self._end:
                self.is_done = True
        stretch = Stretch(lines, self._number, tuple(holes), size, breaks)
        self._number += breaks
        self._at += size
        return stretch

    def _without_overlong(self, data: bytes) -> tuple[bytes, list[Unparsed]]:
        """Blank out overlong lines, which keeps the numbers of the others."""
        holes: list[Unparsed] = []
        parts: list[bytes] = []
        at = kept = 0
        while len(data) - at > limits.MAX_LINE_BYTES:
            step = data.rfind(b"\n", at, at + limits.MAX_LINE_BYTES + 1) + 1
            if step:
                at = step
                continue
            stop = data.find(b"\n", at)
            stop = len(data) if stop == -1 else stop
            number = self._number + data.count(b"\n", 0, at)
            holes.append(Unparsed("line too long", number, self._base + self._at + at))
            parts.append(data[kept:at])
            at = kept = stop
        if not holes:
            return data, holes
        return b"".join((*parts, data[kept:])), holes

    def _skip_line(self) -> tuple[int, int]:
        """Pass over the rest of an overlong line; return its bytes and newlines (1, or 0 at the end)."""
        skipped = len(self._carry)
        while data := self._stream.read(limits.CHUNK_BYTES // 2):
            stop = data.find(b"\n") + 1
            if stop:
                self._carry = data[stop:]
                return skipped + stop, 1
            skipped += len(data)
        self._carry = b""
        self.is_done = True
        return skipped, 0


def _read_full(stream: Readable, size: int) -> bytes:
    """Read exactly so many bytes, fewer at the end: pipes give what they have."""
    part = stream.read(size)
    if len(part) == size or not part:
        return part
    parts = [part]
    size -= len(part)
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def parsed_lines(source: str, kind: str, reader: LineReader, lines: Iterable[Stretch]) -> Iterator[Chunk]:
    """Yield what a reader makes of each stretch of a source."""
    for stretch in lines:
        parsed = reader.parse(stretch.lines, stretch.first_number)
        yield Chunk(
            source,
            kind,
            parsed.blocks,
            (*stretch.holes, *parsed.unparsed),
            parsed.records,
            stretch.size_bytes,
            stretch.breaks,
        )
