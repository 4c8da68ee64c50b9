"""Know a file again: by what it is to the system, and by bytes of it that we have read.

Device and inode number alone are not enough: a file can be emptied and filled again, and the number
of a deleted file is given to the next one.  Size and times are not enough either.  So a mark holds
digests of the first bytes and of those just before the place up to which the file was read.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import NamedTuple

MARK_BYTES = 1024


class Identity(NamedTuple):
    """Name a file as the system does; numbers are used again."""

    device: int
    inode: int


class Seen(NamedTuple):
    """Hold what changes whenever somebody writes to a file."""

    size: int
    modified_ns: int
    changed_ns: int


def identity_of(state: os.stat_result) -> Identity:
    """Return which file this is."""
    return Identity(state.st_dev, state.st_ino)


def seen_of(state: os.stat_result) -> Seen:
    """Return how the file looks now."""
    return Seen(state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Mark:
    """Hold digests of the first and the last (at most) `MARK_BYTES` bytes before `offset`.

    Digests, not bytes: a mark is written down in the open, and log lines are not.
    """

    offset: int = 0
    head: str = ""
    tail: str = ""

    def holds(self, file: int) -> bool:
        """Tell whether a file (a handle) has these bytes. Raises OSError."""
        return self.offset == 0 or read_mark(file, self.offset) == self

    def begins(self, file: int) -> bool | None:
        """Tell whether a file begins like the marked one; None if it is still too short to tell."""
        size = min(self.offset, MARK_BYTES)
        data = os.pread(file, size, 0)
        if len(data) < size:
            return None
        return _digest(data) == self.head


def read_mark(file: int, offset: int) -> Mark:
    """Return the mark of a file read up to an offset. Raises OSError."""
    if offset == 0:
        return Mark()
    size = min(offset, MARK_BYTES)
    head, tail = os.pread(file, size, 0), os.pread(file, size, offset - size)
    return Mark(offset, _digest(head), _digest(tail))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
