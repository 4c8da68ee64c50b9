"""Find the sources that arguments name, and read them, whatever their names say they are."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, cast

from hisn.core import limits
from hisn.errors import InputError
from hisn.events import sources
from hisn.events.batch import Chunk
from hisn.events.decompress import ZIP_EMPTY, ZIP_MAGIC, Unpacked, unpacked
from hisn.events.discover import discover
from hisn.events.source import DocumentFormat, LineFormat, SourceNote
from hisn.events.stretches import Readable, Stretch, parsed_lines, stretches
from hisn.events.tasks import STDIN, Discovery, Task
from hisn.events.text import as_utf8, has_only_text

_SPOOL_BYTES = 32 * limits.MiB
_MAX_DEPTH = 3
"""Layers of compression in one another: a gzip in a zip in a gzip is the limit."""


def read(task: Task) -> Iterator[Chunk | SourceNote]:
    """Yield what a source (or a range of one) holds, in order, and a note where something is missing.

    Never raises on hostile bytes; a file that cannot be read at all is a note too.
    """
    yield from _guarded(task.name, lambda: _read_whole(task))


def read_bytes(task: Task, data: bytes) -> Iterator[Chunk | SourceNote]:
    """Yield what a piece of a live source holds, as `read` would from a file with these bytes."""
    from hisn.events.pieces import read_piece

    yield from _guarded(task.name, lambda: read_piece(task, io.BytesIO(data)))


def _read_whole(task: Task) -> Iterator[Chunk | SourceNote]:
    with _opened(task) as stream:
        if task.first_record is not None:
            from hisn.events.pieces import read_piece

            yield from read_piece(task, stream)
            return
        yield from _Reader(task, task.name, stream, 0).read()


def _guarded(name: str, items: Callable[[], Iterator[Chunk | SourceNote]]) -> Iterator[Chunk | SourceNote]:
    """Yield the items; what stops them becomes a note. What was yielded before stands."""
    status = "skipped"
    try:
        for item in items():
            status = "partial"
            yield item
    except OSError as error:
        yield SourceNote(name, "unknown", status, error.strerror or type(error).__name__, "E2001")
    except InputError as error:
        yield SourceNote(name, "unknown", status, error.message, error.code)


def _opened(task: Task) -> BinaryIO:
    if task.path == STDIN:
        return cast(BinaryIO, io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), limits.MiB))
    if task.member is not None:
        from hisn.events.archives import open_member

        return open_member(task.path, task.member)
    return open(task.path, "rb", buffering=0)


class _Headed:
    """Read a stream again from its start after a look at its head, without seeking."""

    def __init__(self, head: bytes, stream: BinaryIO | Unpacked) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        if size < 0 or size >= len(self._head):
            part, self._head = self._head, b""
            rest = self._stream.read(size - len(part) if size > 0 else size)
            return part + rest if rest else part
        part, self._head = self._head[:size], self._head[size:]
        return part


class _Reader:
    """Read one stream: peel off compression, recognise the format, cut and parse."""

    def __init__(self, task: Task, name: str, stream: BinaryIO | Unpacked, depth: int) -> None:
        self._task = task
        self._name = name
        self._stream = stream
        self._depth = depth

    def read(self) -> Iterator[Chunk | SourceNote]:
        if self._task.start:
            yield from self._read_range()
            return
        head = _head(self._stream)
        if not head:
            yield Chunk(self._name, "empty", ())
            return
        whole = _Headed(head, self._stream)
        plain = unpacked(cast(BinaryIO, whole), head)
        if plain is not None or head.startswith((ZIP_MAGIC, ZIP_EMPTY)):
            if self._depth >= _MAX_DEPTH:
                yield SourceNote(self._name, "unknown", "skipped", "compressed too often", "E2009")
            elif plain is not None:
                yield from _Reader(self._task, self._name, plain, self._depth + 1).read()
                if plain.problem is not None:
                    code, reason = plain.problem
                    yield SourceNote(self._name, "compressed", "partial", reason, code)
            else:
                yield from self._read_archive(whole)
            return
        yield from self._read_plain(head, whole)

    def _read_archive(self, whole: _Headed) -> Iterator[Chunk | SourceNote]:
        from hisn.events.archives import members

        with _spooled(whole) as copy:
            for member, note in members(copy, self._name):
                if note is not None:
                    yield note
                    continue
                name = f"{self._name}!{member}"
                yield from _guarded(name, partial(self._read_stored, copy, member, name))

    def _read_stored(self, copy: BinaryIO, member: str, name: str) -> Iterator[Chunk | SourceNote]:
        from hisn.events.archives import open_stored

        with open_stored(copy, member) as stream:
            yield from _Reader(self._task, name, stream, self._depth + 1).read()

    def _read_plain(self, head: bytes, whole: _Headed) -> Iterator[Chunk | SourceNote]:
        text_head, stream = as_utf8(head, whole)
        found = sources.sniff(text_head)
        if found is None:
            what = "text" if has_only_text(text_head) else "binary data"
            reason = f"{what} of no known format"
            yield SourceNote(self._name, "unknown", "skipped", reason, "E2003", _size(self._stream))
        elif hasattr(found, "splittable"):
            lines = stretches(stream, 1, self._task.end)
            yield from self._read_lines(cast(LineFormat, found), text_head, lines)
        else:
            plain = self._stream if stream is whole else None
            yield from self._read_document(found, stream, plain)

    def _read_range(self) -> Iterator[Chunk | SourceNote]:
        """Read a later range of a plain file: the head is read once more, for the format."""
        from hisn.events.ranges import lines_before, start_of_line

        stream = cast(BinaryIO, self._stream)
        head = _head(stream)
        found = sources.sniff(as_utf8(head, _Headed(head, stream))[0])
        start = start_of_line(stream, self._task.start)
        end = self._task.end
        if found is None or (end is not None and start >= end):
            return
        number = 1 + lines_before(self._task.path, start)
        stream.seek(start)
        lines = stretches(stream, number, None if end is None else end - start, start)
        yield from self._read_lines(cast(LineFormat, found), head, lines)

    def _read_lines(self, found: LineFormat, head: bytes, lines: Iterator[Stretch]) -> Iterator[Chunk]:
        reader = found.open(head, self._task.declaration)
        yield from parsed_lines(self._name, found.name, reader, lines)

    def _read_document(
        self, found: DocumentFormat, stream: Readable, plain: BinaryIO | Unpacked | None
    ) -> Iterator[Chunk | SourceNote]:
        """Read a format that needs a seekable stream."""
        if isinstance(plain, io.FileIO):
            plain.seek(0)
            source: BinaryIO = cast(BinaryIO, plain)
        else:
            source = _spooled(stream)
        total = _size(source)
        given = 0
        try:
            for parsed in found.read(source, self._task.declaration):
                # The first stretch carries the size: documents have no places of their own in bytes.
                size = total - given
                given = total
                yield Chunk(self._name, found.name, parsed.blocks, parsed.unparsed, parsed.records, size)
            if not given:
                yield Chunk(self._name, found.name, (), size_bytes=total)
        except InputError as error:
            status = "partial" if given else "skipped"
            yield SourceNote(self._name, found.name, status, error.message, error.code, total - given)
        finally:
            if source is not plain:
                source.close()


def _head(stream: BinaryIO | Unpacked) -> bytes:
    parts: list[bytes] = []
    wanted = limits.SNIFF_BYTES
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def _spooled(stream: Readable) -> BinaryIO:
    """Copy a stream to memory, or to a file where it is large, so that it can be read anywhere."""
    import tempfile

    copy = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, prefix="hisn-")  # noqa: SIM115
    while part := stream.read(limits.MiB):
        copy.write(part)
    copy.seek(0)
    return cast(BinaryIO, copy)


def _size(stream: BinaryIO | Unpacked) -> int:
    if isinstance(stream, Unpacked):
        return 0
    try:
        at = stream.tell()
        size = stream.seek(0, os.SEEK_END)
        stream.seek(at)
    except OSError:
        return 0
    return size


__all__ = ["Discovery", "Task", "discover", "read", "read_bytes"]
