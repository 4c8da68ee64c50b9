"""Find the lines of a byte range of a plain file, and count the lines before it."""

from __future__ import annotations

from typing import BinaryIO

from hisn.core import limits

_BLOCK_BYTES = 4 * limits.MiB


def start_of_line(stream: BinaryIO, offset: int) -> int:
    """Return where the first line begins that starts at or behind the offset."""
    stream.seek(offset - 1)
    at = offset - 1
    while block := stream.read(_BLOCK_BYTES):
        stop = block.find(b"\n")
        if stop != -1:
            return at + stop + 1
        at += len(block)
    return at


class _Counted:
    """Remember how many lines were counted up to where: ranges of a file come mostly in order.

    Without it, counting the lines before every range would read a large file again and again.
    A wrong memory cannot arise: it is dropped when size or time of change of the file differ.
    """

    def __init__(self) -> None:
        self.key: tuple[str, int, int] | None = None
        self.offset = 0
        self.lines = 0


_COUNTED = _Counted()


def lines_before(path: str, offset: int) -> int:
    """Return the number of newlines before the offset."""
    import os

    with open(path, "rb", buffering=0) as stream:
        state = os.fstat(stream.fileno())
        key = (path, state.st_size, state.st_mtime_ns)
        if _COUNTED.key != key or _COUNTED.offset > offset:
            _COUNTED.key, _COUNTED.offset, _COUNTED.lines = key, 0, 0
        stream.seek(_COUNTED.offset)
        left = offset - _COUNTED.offset
        while left and (block := stream.read(min(left, _BLOCK_BYTES))):
            _COUNTED.lines += block.count(b"\n")
            left -= len(block)
        _COUNTED.offset = offset - left
    return _COUNTED.lines
