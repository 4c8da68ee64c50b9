r"""Keep what cannot be asked for again until somebody has it for good: whole batches, or nothing.

A spool is a folder of segments ``00000000000000000001.seg``.  A segment begins with `MAGIC`; frames
follow, each of

====================  ===============================================================
size (4 bytes)        of the payload, big-endian, as all numbers
flags (1)             1: the last frame of its batch
size of the key (1)
zeros (2)
number (8)            of the batch; one that is tried again keeps it
checksum (4)          CRC-32 of all that stands before it, key and payload
key, payload          the payload is whole lines, each ended by ``\n``
====================  ===============================================================

`append` returns when its batches survive loss of power; only then may a sender be told.  A segment
is never written to again after a failure or a restart, so a torn end stays an end: what follows the
last whole batch is cut when reading, and so are batches that a later segment begins with again,
which were tried twice and kept once.  Segments go when what they hold is committed; the last
one of these stays, for the keys of senders that come back.
"""

from __future__ import annotations

import errno
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from hisn.core.limits import MiB
from hisn.errors import StorageError

MAGIC = b"hisn spool/1\n"
SEGMENT_BYTES = 16 * MiB
FRAME_BYTES = 1 * MiB
"""Lines of one frame, about; a batch of many has several."""
MAX_KEYS = 50_000
"""Keys remembered of senders that mark what they send; the oldest are forgotten."""
MAX_KEY_BYTES = 255
_HEAD = struct.Struct(">IBBHQI")
_UNSUMMED = _HEAD.size - 4
_MAX_FRAME = 64 * MiB
_LAST = 1
_READ_BYTES = 1 * MiB


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Disk(Protocol):
    """Do what the operating system does; every method raises OSError as that would.

    `storage.disk.RealDisk` is one, and the crash simulator has another.
    """

    def make_folder(self, path: str) -> None:
        """Make a folder for the owner alone; raises FileExistsError."""
        ...

    def open_folder(self, path: str) -> int:
        """Return a handle of a folder."""
        ...

    def create(self, folder: int) -> tuple[int, str]:
        """Create an empty file under a fresh temporary name; return handle and name."""
        ...

    def open(self, folder: int, name: str) -> int:
        """Return a handle of a file."""
        ...

    def read(self, file: int, size: int) -> bytes:
        """Return the next bytes of a file."""
        ...

    def write(self, file: int, data: memoryview) -> int:
        """Write at the file's end; return how many bytes went."""
        ...

    def sync(self, handle: int) -> None:
        """Return when a file's bytes, or a folder's names, survive loss of power."""
        ...

    def close(self, handle: int) -> None:
        """Close a handle."""
        ...

    def rename(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Rename a file."""
        ...

    def unlink(self, folder: int, name: str) -> None:
        """Remove a name."""
        ...

    def names(self, path: str) -> Sequence[_Named]:
        """Return what a folder holds."""
        ...


class Full(Exception):  # noqa: N818 -- a signal between modules of this room, never shown
    """Say that the spool has no place, and why; what was to be kept is not kept."""


class Batch(NamedTuple):
    """Hold lines that are kept together or not at all, and the sender's key for them, if it has one."""

    lines: bytes
    key: bytes = b""


class Frame(NamedTuple):
    """Hold one frame, and where the next one begins."""

    payload: bytes
    key: bytes
    number: int
    is_last: bool
    end: int


@dataclass(slots=True)
class Segment:
    """Know of a segment up to where it is whole, and the size that it has on the disk."""

    number: int
    end: int
    size: int
    first: int | None = None
    """The number of its first batch."""
    keys: list[bytes] = field(default_factory=list)


class Spool:
    """Keep batches in a folder of at most `max_bytes`. Calls from several threads are safe."""

    def __init__(self, disk: Disk, path: str, max_bytes: int) -> None:
        self._disk = disk
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._segments: dict[int, Segment] = {}
        self._keys: OrderedDict[bytes, None] = OrderedDict()
        self._next_batch = 1
        self._next_segment = 1
        self._writing: tuple[int, Segment] | None = None
        self._folder = -1
        self.torn_bytes = 0
        """Bytes behind the last whole batches that were found at the start: never acknowledged."""

    def open(self, least_segment: int = 1) -> None:
        """Find what is there. New segments have at least this number. Raises StorageError (E5641)."""
        try:
            self._make_folder()
            self._folder = self._disk.open_folder(self._path)
            names = [each.name for each in self._disk.names(self._path)]
            numbers = sorted(number for name in names if (number := _number(name)))
            self._clean(names)
            following: Segment | None = None
            for number in reversed(numbers):
                segment = self._scanned(number, following.first if following else None)
                self._segments[number] = segment
                following = segment if segment.first is not None else following
        except OSError as error:
            raise cannot("opened", error) from error
        self._segments = dict(sorted(self._segments.items()))
        for segment in self._segments.values():
            self._learn(segment.keys)
            segment.keys = []
        self._next_segment = max([least_segment, *(number + 1 for number in numbers)])

    def _make_folder(self) -> None:
        try:
            self._disk.make_folder(self._path)
        except FileExistsError:
            return
        above = self._disk.open_folder(self._path.rpartition("/")[0] or "/")
        try:
            self._disk.sync(above)
        finally:
            self._disk.close(above)

    def _clean(self, names: Sequence[str]) -> None:
        for name in names:
            if name.startswith("."):
                with suppress(OSError):
                    self._disk.unlink(self._folder, name)

    def close(self) -> None:
        """Close the files; what is kept stays."""
        with self._lock:
            self._abandon()
            if self._folder >= 0:
                self._disk.close(self._folder)
                self._folder = -1

    def append(self, batches: Sequence[Batch]) -> list[bool]:
        """Keep batches for good, by one sync; False for one whose key was seen before: it is left out.

        Raises Full if there is no place, StorageError (E5641) if the disk fails: then none is kept.
        """
        with self._lock:
            fresh: list[Batch] = []
            seen: set[bytes] = set()
            result = []
            for batch in batches:
                is_new = not batch.key or (batch.key not in self._keys and batch.key not in seen)
                result.append(is_new)
                if is_new:
                    fresh.append(batch)
                    seen.add(batch.key)
            if fresh:
                self._write(fresh)
                self._learn([batch.key for batch in fresh if batch.key])
            return result

    def room(self) -> int:
        """Return how many bytes can be kept now."""
        with self._lock:
            return max(self._max_bytes - sum(each.size for each in self._segments.values()), 0)

    def segments(self) -> list[tuple[int, int]]:
        """Return number and whole size of what is there, in order."""
        with self._lock:
            return [(each.number, each.end) for each in self._segments.values()]

    def reader(self, number: int, at: int) -> SegmentReader:
        """Return a reader of a segment that stands at a place. Raises StorageError (E5641)."""
        try:
            reader = SegmentReader(self._disk, self._disk.open(self._folder, _name(number)))
            reader.skip_to(at or len(MAGIC))
        except OSError as error:
            raise cannot("read", error) from error
        return reader

    def drop_before(self, number: int) -> None:
        """Remove the segments before this one, which are committed, but the last if there is room for it."""
        with self._lock:
            committed = [each for each in self._segments if each < number]
            used = sum(each.size for each in self._segments.values())
            for old in committed if 2 * used > self._max_bytes else committed[:-1]:
                try:
                    with suppress(FileNotFoundError):
                        self._disk.unlink(self._folder, _name(old))
                except OSError:
                    return  # It takes place, no more; the next time it is tried again.
                del self._segments[old]

    # Writing

    def _write(self, batches: Sequence[Batch]) -> None:
        frames = []
        number = self._next_batch
        for batch in batches:
            frames += _frames(batch, number)
            number += 1
        data = b"".join(frames)
        used = sum(each.size for each in self._segments.values())
        if used + len(data) + len(MAGIC) > self._max_bytes:
            raise Full(f"its {self._max_bytes // MiB} MiB are full")
        try:
            file, segment = self._writable()
            view = memoryview(data)
            while view:
                sent = self._disk.write(file, view)
                segment.size += sent
                view = view[sent:]
            self._disk.sync(file)
        except OSError as error:
            # Nobody knows what of it the disk has: another segment is begun, with the same numbers.
            self._abandon()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Full(error.strerror or str(error)) from error
            raise cannot("written", error) from error
        segment.end = segment.size
        segment.first = self._next_batch if segment.first is None else segment.first
        self._next_batch = number

    def _writable(self) -> tuple[int, Segment]:
        if self._writing and self._writing[1].size < SEGMENT_BYTES:
            return self._writing
        self._abandon()
        number = self._next_segment
        file, temporary = self._disk.create(self._folder)
        try:
            self._disk.write(file, memoryview(MAGIC))
            self._disk.rename(self._folder, temporary, self._folder, _name(number))
            self._disk.sync(self._folder)
            self._next_segment += 1
        except OSError:
            self._disk.close(file)
            self._clean([temporary])
            raise
        segment = Segment(number, len(MAGIC), len(MAGIC))
        self._segments[number] = segment
        self._writing = (file, segment)
        return self._writing

    def _abandon(self) -> None:
        writing, self._writing = self._writing, None
        if not writing:
            return
        file, segment = writing
        with suppress(OSError):
            self._disk.close(file)
        if segment.first is None:
            # Nothing of it was acknowledged; on a full disk, each attempt would leave one behind.
            with suppress(OSError):
                self._disk.unlink(self._folder, _name(segment.number))
                del self._segments[segment.number]

    def _learn(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            self._keys[key] = None
            self._keys.move_to_end(key)
        while len(self._keys) > MAX_KEYS:
            self._keys.popitem(last=False)

    # Finding what is there

    def _scanned(self, number: int, limit: int | None) -> Segment:
        """Look through a segment; batches from number `limit` on were tried again behind it."""
        segment = Segment(number, 0, 0)
        file = self._disk.open(self._folder, _name(number))
        try:
            reader = SegmentReader(self._disk, file)
            if reader.take(len(MAGIC)) == MAGIC:
                segment.end = len(MAGIC)
                keys = []
                while (frame := reader.frame()) and (limit is None or frame.number < limit):
                    keys.append(frame.key)
                    if frame.is_last:
                        segment.first = frame.number if segment.first is None else segment.first
                        segment.end = frame.end
                        segment.keys += filter(None, keys)
                        self._next_batch = max(self._next_batch, frame.number + 1)
                        keys = []
            segment.size = reader.length()
        finally:
            self._disk.close(file)
        self.torn_bytes += max(segment.size - segment.end, 0)
        return segment


class SegmentReader:
    """Read frames one after the other."""

    def __init__(self, disk: Disk, file: int) -> None:
        self._disk = disk
        self._file = file
        self._buffer = bytearray()
        self.at = 0

    def take(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end."""
        while len(self._buffer) < size:
            data = self._disk.read(self._file, _READ_BYTES)
            if not data:
                break
            self._buffer += data
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        self.at += len(taken)
        return taken

    def skip_to(self, at: int) -> None:
        """Go on at an offset."""
        while self.at < at and self.take(min(_READ_BYTES, at - self.at)):
            pass

    def length(self) -> int:
        """Return the size of the file, by reading to its end."""
        while self.take(_READ_BYTES):
            pass
        return self.at

    def frames_to(self, end: int) -> Iterator[Frame]:
        """Yield the frames before a place up to which the segment is whole. Raises StorageError (E5641)."""
        while self.at < end:
            try:
                frame = self.frame()
            except OSError as error:
                raise cannot("read", error) from error
            if frame is None:
                raise cannot("read", OSError(errno.EIO, "a frame is damaged"))
            yield frame

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError):
            self._disk.close(self._file)

    def frame(self) -> Frame | None:
        """Return the next frame, or None if none is whole."""
        head = self.take(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        size, flags, key_size, _, number, checksum = _HEAD.unpack(head)
        if size > _MAX_FRAME:
            return None
        body = self.take(key_size + size)
        if len(body) < key_size + size or zlib.crc32(body, zlib.crc32(head[:_UNSUMMED])) != checksum:
            return None
        return Frame(body[key_size:], body[:key_size], number, bool(flags & _LAST), self.at)


def _frames(batch: Batch, number: int) -> list[bytes]:
    parts = []
    lines, key = batch
    while len(lines) > FRAME_BYTES:
        stop = lines.rfind(b"\n", 0, FRAME_BYTES) + 1 or lines.find(b"\n") + 1
        parts.append(lines[:stop])
        lines = lines[stop:]
    parts += [lines] if lines or not parts else []
    frames = []
    for at, part in enumerate(parts):
        is_last = at == len(parts) - 1
        head = _HEAD.pack(len(part), _LAST if is_last else 0, len(key), 0, number, 0)[:_UNSUMMED]
        checksum = zlib.crc32(key + part, zlib.crc32(head))
        frames.append(b"".join((head, checksum.to_bytes(4, "big"), key, part)))
        key = b""
    return frames


def _name(number: int) -> str:
    return f"{number:020}.seg"


def _number(name: str) -> int | None:
    digits, _, ending = name.partition(".")
    is_ours = ending == "seg" and len(digits) == 20 and digits.isascii() and digits.isdigit()
    return int(digits) if is_ours else None


def cannot(done: str, error: OSError) -> StorageError:
    """Return the error for a spool that the disk keeps from us."""
    return StorageError(
        "E5641",
        f"a spool cannot be {done}: {error.strerror or error}",
        hint="check the disk, its free space and the folder's permissions",
        unchanged="nothing that was acknowledged to a sender is lost",
    )
