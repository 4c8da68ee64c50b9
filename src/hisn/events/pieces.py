r"""Read a piece of a live source: whole lines from the middle of a stream that never ends.

What a line means can depend on the beginning of its file: header lines, and the shape of the
first lines, by which a format is recognised.  So some lines from there, the *context*, stand
before the lines of the piece; they are sealed with it, and nothing in them is a record of it.
`Task.start` is the length of the context, `Task.first_record` the number of the first line.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, cast

import numpy as np

from hisn.core import limits
from hisn.errors import InputError
from hisn.events import sources
from hisn.events.batch import Block, Chunk
from hisn.events.decompress import GZIP_MAGIC, ZIP_MAGIC, ZSTD_MAGIC
from hisn.events.source import DocumentFormat, LineFormat, SourceNote
from hisn.events.stretches import parsed_lines, stretches
from hisn.events.tasks import Task
from hisn.events.text import as_utf8, has_only_text

_CONTEXT_LINES = 64
"""More than any format looks at to recognise itself (`events.lines`)."""
_FOLLOWED = {"csv": 2, "postgres-csv": 0}
"""Formats read as documents that are lines at heart, and how many lines their header takes."""
_DIRECTIVES = (b"#Fields:", b"#fields\t")
_MAX_DIRECTIVES = 16 * 1024


def context_of(head: bytes) -> bytes:
    """Return the first lines of a source, as many as its format may depend on."""
    at = 0
    for _line in range(_CONTEXT_LINES):
        stop = head.find(b"\n", at) + 1
        if not stop:
            break
        at = stop
    return head[:at] if at else head + b"\n" if head else b""


def directives_in(data: bytes) -> bytes:
    """Return the last block of directives in lines, where it names columns: a log was begun anew there."""
    for sign in _DIRECTIVES:
        at = data.rfind(b"\n" + sign) + 1
        if not at and not data.startswith(sign):
            continue
        begin, end = at, data.find(b"\n", at) + 1 or len(data)
        while begin and data[data.rfind(b"\n", 0, begin - 1) + 1 : begin].startswith(b"#"):
            begin = data.rfind(b"\n", 0, begin - 1) + 1
        while data.startswith(b"#", end):
            end = data.find(b"\n", end) + 1 or len(data)
        return data[begin:end] if end - begin <= _MAX_DIRECTIVES else b""
    return b""


def read_piece(task: Task, stream: BinaryIO) -> Iterator[Chunk | SourceNote]:
    """Yield what a piece holds, and a note where it cannot be read."""
    whole = stream.read()
    context, lines = whole[: task.start], whole[task.start :]
    look = (context or lines)[: limits.SNIFF_BYTES]
    head, plain = as_utf8(look, io.BytesIO(lines))
    if not isinstance(plain, io.BytesIO):
        yield _cannot(task, "text in UTF-16", len(lines))
        return
    if look.startswith((GZIP_MAGIC, ZSTD_MAGIC, ZIP_MAGIC)):
        yield _cannot(task, "packed data", len(lines))
        return
    if context:
        plain.seek(0)  # the mark was before the context
    found = sources.sniff(head)
    if found is None and all(line.startswith(b"#") or not line for line in lines.split(b"\n")):
        # The first directives of a log, cut in the middle: no record, and no hole either.
        yield Chunk(task.name, "directives", (), size_bytes=len(lines), lines=lines.count(b"\n"))
    elif found is None:
        what = "text" if has_only_text(head) else "binary data"
        yield SourceNote(task.name, "unknown", "partial", f"{what} of no known format", "E2003", len(lines))
    elif hasattr(found, "splittable"):
        yield from _read_lines(task, cast(LineFormat, found), head, (context, plain))
    else:
        yield from _read_document(task, found, context, lines)


def _read_lines(
    task: Task, found: LineFormat, head: bytes, parts: tuple[bytes, io.BytesIO]
) -> Iterator[Chunk]:
    context, plain = parts
    reader = found.open(head, task.declaration)
    if context and not found.splittable:
        reader.parse(context, 1)  # its directives; whatever records it holds were read before
    yield from parsed_lines(task.name, found.name, reader, stretches(plain, task.first_record or 1))


def _read_document(
    task: Task, found: DocumentFormat, context: bytes, lines: bytes
) -> Iterator[Chunk | SourceNote]:
    header = _FOLLOWED.get(found.name)
    if header is None and context:
        yield _cannot(task, found.name, len(lines))
        return
    before = b"".join(line + b"\n" for line in context.split(b"\n")[: header or 0] if line)
    skipped = before.count(b"\n")
    shift = (task.first_record or 1) - 1 - skipped
    given = False
    try:
        for parsed in found.read(io.BytesIO(before + lines), task.declaration):
            blocks = tuple(_moved(block, skipped, shift) for block in parsed.blocks)
            holes = tuple(
                replace(hole, number=None if hole.number is None else hole.number + shift)
                for hole in parsed.unparsed
                if hole.number is None or hole.number > skipped
            )
            records = sum(len(block.numbers) for block in blocks)
            yield Chunk(task.name, found.name, blocks, holes, records, 0 if given else len(lines))
            given = True
    except InputError as error:
        yield SourceNote(task.name, found.name, "partial", error.message, error.code, len(lines))


def _moved(block: Block, skipped: int, shift: int) -> Block:
    """Return the records behind the context, numbered from the start of the source."""
    first = int(np.searchsorted(block.numbers, skipped, side="right"))
    columns: Sequence[Sequence[object]] = block.columns
    if first:
        columns = [column[first:] for column in columns]
    return Block(
        block.layout,
        block.numbers[first:] + shift,
        block.times[first:],
        cast("Sequence[Sequence[str]]", columns),
        block.raws[first:],
    )


def _cannot(task: Task, what: str, size_bytes: int) -> SourceNote:
    reason = f"{what} cannot be followed while it grows"
    return SourceNote(task.name, "unknown", "partial", reason, "E2640", size_bytes)
