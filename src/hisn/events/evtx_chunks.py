"""Read the records of one EVTX chunk, and of a damaged one every record that is left.

An EVTX file is a header of 4 KiB and chunks of 64 KiB; each chunk stands alone (MS-EVEN6, and
Metz/libyal's description of the format).  The binding stops at the first record header that it
cannot read.  So the chunk is read alone, and where the binding stumbles the damaged stretch is
overwritten with one well-framed record of rubbish: the binding refuses that one and reads on.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import evtx

HEADER_BYTES = 4096
CHUNK_BYTES = 65_536
FILE_MAGIC = b"ElfFile\0"
CHUNK_MAGIC = b"ElfChnk\0"

_CHUNK_COUNT_AT = 42
_RECORDS_AT = 512
_RECORD_MAGIC = b"\x2a\x2a\x00\x00"
_MIN_RECORD = 28
_NUMBERS = struct.Struct("<QQQQIII")
_FRAME = struct.Struct("<4sIQQ")
_SOME_FILETIME = 116_444_736_000_000_000
_MAX_FILETIME = 2_650_467_743_999_999_999
"""The last of the year 9999: the binding stops at a record header with a later one."""


@dataclass(frozen=True, slots=True)
class ChunkHole:
    """Say what was lost in a chunk: how many records (0: unknown), and from which byte of it."""

    reason: str
    offset: int
    count: int


WIPED = ChunkHole("chunk of zeros where the file's header says that records are", 0, 0)
"""What an attacker leaves who wipes a part of a log: unused space comes only behind the last chunk."""


def announced_chunks(header: bytes) -> int:
    """Return how many chunks a file's header says are in use; 0 where it is no sound header."""
    if len(header) < HEADER_BYTES or not header.startswith(FILE_MAGIC):
        return 0
    (count,) = struct.unpack_from("<H", header, _CHUNK_COUNT_AT)
    return int(count)


def file_header() -> bytes:
    """Return a sound file header for one chunk; the file's own may be the damaged part."""
    head = bytearray(HEADER_BYTES)
    struct.pack_into("<8sQQQIHHHH", head, 0, FILE_MAGIC, 0, 0, 1, 128, 1, 3, HEADER_BYTES, 1)
    return bytes(head)


def read_chunk(chunk: bytes) -> tuple[list[str], list[ChunkHole]]:
    """Return the JSON texts of a chunk's records in order, and its holes.

    A chunk of zeros is unused space: no record, no hole.
    """
    if chunk == bytes(len(chunk)):
        return [], []
    if len(chunk) <= _RECORDS_AT:
        return [], [ChunkHole("truncated chunk", 0, 0)]
    if not chunk.startswith(CHUNK_MAGIC):
        return _salvage_headless(chunk)
    chunk = _with_unsaved(chunk)
    texts, stumbles = _parse(chunk)
    expected = _expected(chunk)
    if not stumbles and len(texts) == expected and len(chunk) == CHUNK_BYTES:
        return texts, []
    patched, damaged = _patch(chunk)
    if damaged:
        again, stumbles_again = _parse(patched)
        if len(again) >= len(texts):
            texts, stumbles = again, stumbles_again
    return texts, _holes(len(texts), expected, stumbles, damaged, len(chunk))


def _with_unsaved(chunk: bytes) -> bytes:
    """Return the chunk with a header that names the records written after the header was.

    A log copied from a running system has them.  Behind them stand older records of a slot that
    is used again; their ids do not continue the row.
    """
    first, last, first_id, last_id, _, last_at, free = _NUMBERS.unpack_from(chunk, 8)
    at = free
    while (size := _is_record(chunk, at)) and struct.unpack_from("<Q", chunk, at + 8)[0] == last_id + 1:
        last, last_id, last_at, at = last + 1, last_id + 1, at, at + size
    if at == free:
        return chunk
    out = bytearray(chunk)
    _NUMBERS.pack_into(out, 8, first, last, first_id, last_id, 128, last_at, at)
    return bytes(out)


def _holes(
    read: int, expected: int | None, stumbles: list[str], damaged: list[tuple[int, int]], size: int
) -> list[ChunkHole]:
    lost = None if expected is None else max(expected - read, 0)
    if not stumbles and not damaged and not lost:
        # Some writers leave old numbers in the header; nothing was lost.
        return [] if size == CHUNK_BYTES else [ChunkHole("truncated chunk", size, 0)]
    holes = [ChunkHole("damaged record header", start, 0) for start, _ in damaged]
    holes += [ChunkHole(f"damaged record: {text}", 0, 1) for text in stumbles[len(damaged) :]]
    known = sum(hole.count for hole in holes)
    if not holes:
        return [ChunkHole("records missing from the chunk", 0, lost or 0)]
    if lost is not None and lost > known:
        at = 0 if not damaged else len(damaged) - 1
        holes[at] = ChunkHole(holes[at].reason, holes[at].offset, holes[at].count + lost - known)
    return holes


def _parse(chunk: bytes) -> tuple[list[str], list[str]]:
    """Return the texts that the binding gives, and what it says of those that it does not."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        texts: list[str] = []
        problems: list[str] = []
        try:
            source = io.BytesIO(file_header() + chunk.ljust(CHUNK_BYTES, b"\0"))
            parser = evtx.PyEvtxParser(source, number_of_threads=1, skip_errors=True)
            texts.extend(record["data"] for record in parser.records_json() if record is not None)
        except (RuntimeError, OSError, ValueError) as error:
            problems.append(_short(str(error)))
    problems.extend(_short(str(item.message)) for item in caught)
    return texts, problems


def _short(text: str) -> str:
    text = text.removeprefix("Skipping EVTX data: ").removeprefix("RuntimeError: ")
    return text if len(text) <= 160 else text[:159] + "…"


def _expected(chunk: bytes) -> int | None:
    """Return how many records the chunk's header announces, None where it cannot be true."""
    first, last, *_ = _NUMBERS.unpack_from(chunk, 8)
    count = last - first + 1
    return count if 0 <= count <= CHUNK_BYTES // _MIN_RECORD else None


def _is_record(chunk: bytes, at: int) -> int:
    """Return the size of the record at an offset, 0 if none begins there."""
    if at + _MIN_RECORD > len(chunk) or not chunk.startswith(_RECORD_MAGIC, at):
        return 0
    (size,) = struct.unpack_from("<I", chunk, at + 4)
    if size < _MIN_RECORD or at + size > len(chunk):
        return 0
    return size if struct.unpack_from("<I", chunk, at + size - 4)[0] == size else 0


def _next_record(chunk: bytes, at: int) -> int:
    """Return where the next sound record begins, -1 if there is none."""
    at = chunk.find(_RECORD_MAGIC, at)
    while at != -1 and not _is_record(chunk, at):
        at = chunk.find(_RECORD_MAGIC, at + 1)
    return at


def _patch(chunk: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the chunk with each stretch that is no record framed as one, and those stretches."""
    out = bytearray(chunk)
    damaged: list[tuple[int, int]] = []
    (free,) = struct.unpack_from("<I", chunk, 48)
    end = free if _RECORDS_AT <= free <= len(chunk) else len(chunk)
    at = _RECORDS_AT
    while at < end:
        size = _is_record(chunk, at)
        if size:
            if struct.unpack_from("<Q", chunk, at + 16)[0] > _MAX_FILETIME:
                damaged.append((at, at + size))
                struct.pack_into("<Q", out, at + 16, _SOME_FILETIME)
            at += size
            continue
        after = _next_record(chunk, at + 1)
        if after == -1 or after - at < _MIN_RECORD:
            if after == -1 and chunk[at:end].strip(b"\0"):
                damaged.append((at, end))
                struct.pack_into("<II", out, 44, at, at)
            if after == -1:
                break
        else:
            damaged.append((at, after))
            _FRAME.pack_into(out, at, _RECORD_MAGIC, after - at, 0, _SOME_FILETIME)
            struct.pack_into("<I", out, after - 4, after - at)
        at = after
    return bytes(out), damaged


def _salvage_headless(chunk: bytes) -> tuple[list[str], list[ChunkHole]]:
    """Read a chunk whose header is broken, by the records that can be seen in it."""
    first = _next_record(chunk, _RECORDS_AT)
    if first == -1:
        return [], [ChunkHole("damaged chunk", 0, 0)]
    out = bytearray(chunk)
    out[:8] = CHUNK_MAGIC
    last = at = first
    while at != -1:
        last = at
        at = _next_record(chunk, at + _is_record(chunk, at))
    # The binding stops at the record that the header names as the last.
    ids = [struct.unpack_from("<Q", chunk, place + 8)[0] for place in (first, last)]
    _NUMBERS.pack_into(out, 8, *ids, *ids, 128, last, last + _is_record(chunk, last))
    patched, damaged = _patch(bytes(out))
    texts, stumbles = _parse(patched)
    if not texts:
        # The tables of strings and templates may be the damaged part; records can do without.
        out = bytearray(patched)
        out[128:_RECORDS_AT] = bytes(_RECORDS_AT - 128)
        texts, stumbles = _parse(bytes(out))
    lost = [ChunkHole(f"damaged record: {text}", 0, 1) for text in stumbles[len(damaged) :]]
    return texts, [ChunkHole("damaged chunk header", 0, 0), *lost]
