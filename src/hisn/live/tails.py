"""Read on in one file, and tell when it is no longer the one that was read before."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

from hisn.core.limits import SNIFF_BYTES, MiB
from hisn.errors import StorageError
from hisn.events.decompress import GZIP_MAGIC, ZIP_MAGIC, ZSTD_MAGIC
from hisn.live.cutter import Cutter, Hole
from hisn.live.feed import Json
from hisn.live.marks import MARK_BYTES, Identity, Mark, Seen, read_mark
from hisn.live.piece import longer_head

_HEAD_SCAN_BYTES = 64 * MiB
_MAGIC_BYTES = 8
_FRUITLESS = 64
"""Holes in one reading; the other files want their turn, too."""
_SEEK_DATA: int = getattr(os, "SEEK_DATA", 3)
_NOT_LINES = {
    GZIP_MAGIC: "it is compressed",
    ZSTD_MAGIC: "it is compressed",
    ZIP_MAGIC: "it is an archive",
    b"\xfd7zXZ": "it is compressed",
    b"BZh": "it is compressed",
    b"ElfFile\0": "it is a Windows event log, which does not grow by lines",
    b"\xff\xfe": "it is UTF-16",
    b"\xfe\xff": "it is UTF-16",
}


class Replaced(Exception):  # noqa: N818 -- a signal between functions of this room, never shown
    """Say that a file does not hold what was read from it before."""


class NoLines(Exception):  # noqa: N818 -- the same
    """Say that a file cannot be followed, and why."""


@dataclass(slots=True, eq=False)
class Tail:
    """Stand in one file: up to `mark.offset` it was given; `begin` is where following it began.

    `skipped` counts what was passed of an overlong line in whose middle it stands, `emptied` is how
    the file looked when nothing more could be taken from it, `head` what was given of it first
    (None: must be read again).  `peek` marks what was seen of a first line that has no end yet.
    """

    path: str
    identity: Identity
    generation: int
    seen: Seen
    mark: Mark = field(default_factory=Mark)
    begin: int = 0
    skipped: int = 0
    quiet_since_us: int = 0
    emptied: Seen | None = None
    refused: str = ""
    head: bytes | None = None
    peek: Mark = field(default_factory=Mark)

    @property
    def known(self) -> Mark:
        """Return what to know the file's content by."""
        return self.mark if self.mark.offset else self.peek

    @property
    def unread(self) -> int:
        """Return how many bytes were seen and not given."""
        return max(self.seen.size - self.mark.offset, 0)

    def let_go(self) -> None:
        """Drop what can be read again."""
        self.head = None

    def dump(self) -> Json:
        """Return what has to be known to go on; paths as Latin-1, for they may be any bytes."""
        path = os.fsencode(self.path).decode("latin-1")
        identity: list[Json] = list(self.identity)
        seen: list[Json] = list(self.seen)
        place: list[Json] = [self.generation, self.begin, self.skipped]
        return [path, identity, seen, dump_mark(self.mark), dump_mark(self.peek), place]


def load_tail(value: Json, now_us: int) -> Tail:
    """Return the tail that was dumped. Raises StorageError (E5640)."""
    match value:
        case [
            str(path),
            [int(device), int(inode)],
            [int(size), int(modified), int(changed)],
            [int(offset), str(head), str(tail)],
            [int(peeked), str(peeked_head), str(peeked_tail)],
            [int(generation), int(begin), int(skipped)],
        ]:
            return Tail(
                os.fsdecode(path.encode("latin-1")),
                Identity(device, inode),
                generation,
                Seen(size, modified, changed),
                Mark(offset, head, tail),
                begin,
                skipped,
                now_us,
                peek=Mark(peeked, peeked_head, peeked_tail),
            )
        case _:
            raise broken_position(f"not a place in a file: {value!r:.200}")


def dump_mark(mark: Mark) -> list[Json]:
    """Return a mark as JSON."""
    return [mark.offset, mark.head, mark.tail]


def broken_position(why: str) -> StorageError:
    """Return the error for a position that no feed has written."""
    return StorageError(
        "E5640",
        f"the kept position of a live source cannot be used: {why}",
        hint="restore the state of the watch from a backup, or let it begin anew",
        unchanged="nothing was read",
    )


@dataclass(slots=True)
class Taken:
    """Hold what one reading gave: lines, and the holes with the count of bytes before each.

    `is_all`: nothing more was there.
    """

    data: bytes
    holes: list[tuple[int, Hole]]
    is_all: bool = True


def take(tail: Tail, file: int, limit: int) -> Taken:
    """Read whole lines, about `limit` bytes, and move the tail behind them.

    Raises OSError, Replaced, NoLines; then the tail stands where it stood.
    """
    if tail.mark.offset == 0:
        start = os.pread(file, _MAGIC_BYTES, 0)
        for magic, reason in _NOT_LINES.items():
            if start.startswith(magic):
                raise NoLines(reason)
    cutter = cutter_of(file, tail.mark.offset, tail.skipped)
    head = tail.head if tail.head is not None else read_head(tail, file)
    taken = _cut(cutter, limit)
    mark = read_mark(file, cutter.offset)
    # Between the caller's look and now, somebody may have emptied it and written other lines.
    if not tail.known.holds(file):
        raise Replaced
    tail.mark, tail.skipped = mark, cutter.skipped
    tail.peek = Mark() if mark.offset else read_mark(file, min(tail.seen.size, MARK_BYTES))
    tail.head = longer_head(head, taken.data)
    return taken


def _cut(cutter: Cutter, limit: int) -> Taken:
    parts: list[bytes] = []
    holes: list[tuple[int, Hole]] = []
    given = fruitless = 0
    while given < limit and fruitless < _FRUITLESS:
        got = cutter.step(limit - given)
        if got is None:
            return Taken(b"".join(parts), holes)
        if isinstance(got, Hole):
            holes.append((given, got))
        else:
            parts.append(got)
            given += len(got)
        fruitless += not isinstance(got, bytes) or not got
    return Taken(b"".join(parts), holes, is_all=False)


def take_rest(tail: Tail, file: int) -> Taken:
    """Read what stands behind the last end of a line, and end it. Raises OSError, Replaced."""
    cutter = cutter_of(file, tail.mark.offset, tail.skipped)
    head = tail.head if tail.head is not None else read_head(tail, file)
    rest = cutter.rest()
    mark = read_mark(file, cutter.offset)
    if not tail.known.holds(file):
        raise Replaced
    tail.mark, tail.skipped = mark, 0
    if isinstance(rest, Hole):
        return Taken(b"", [(0, rest)])
    data = rest + b"\n" if rest else b""
    tail.head = longer_head(head, data)
    return Taken(data, [])


def read_head(tail: Tail, file: int) -> bytes:
    """Return the beginning of what was given of a file, by cutting it again. Raises OSError."""
    offset, head = tail.begin, b""
    cutter = cutter_of(file, offset, 0)
    while len(head) < SNIFF_BYTES and cutter.offset < min(tail.mark.offset, tail.begin + _HEAD_SCAN_BYTES):
        got = cutter.step(min(SNIFF_BYTES, tail.mark.offset - cutter.offset))
        if got is None:
            break
        if not isinstance(got, Hole):
            head = longer_head(head, got)
    return head


def cutter_of(file: int, offset: int, skipped: int) -> Cutter:
    """Return a cutter of lines that stands in an open file."""

    def read(at: int, size: int) -> bytes:
        return os.pread(file, size, at)

    def data_from(at: int) -> int:
        try:
            return os.lseek(file, at, _SEEK_DATA)
        except OSError as error:
            # Nothing but a hole follows, up to the end; any other error: the system cannot tell.
            return os.fstat(file).st_size if error.errno == errno.ENXIO else at

    return Cutter(read, data_from, offset, skipped)
