r"""Cut whole lines out of a file that grows, and pass over what can be no line.

Three things stand in such files that nobody wants to hold: a line without an end, zeros where a
writer went on at its old place after the file was emptied (the file may be a terabyte of nothing),
and zeros at the end, which a writer has reserved and will fill.  The last are waited for.

What is cut depends on the file's bytes alone, not on when they were written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hisn.core import limits

WINDOW = limits.MAX_LINE_BYTES + 1
"""A line with its end fits into it, or it is too long."""
_ZEROS = 64 * 1024
_SKIPPED_AT_ONCE = 64 * limits.MiB
_MAX_RESERVED = 1024 * limits.MiB
"""Zeros at the end, really written, that are looked through each time before they count as passed."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Hole:
    """Count the bytes that were passed over."""

    kind: Literal["hole", "overlong"]
    count: int


class Cutter:
    """Stand at an offset of a file; `skipped` counts what was passed of an overlong line.

    `read` gives up to so many bytes from an offset; `data_from` where, from an offset on, the next
    byte is that may not be zero (a sparse file's own knowledge).
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        data_from: Callable[[int], int],
        offset: int,
        skipped: int = 0,
    ) -> None:
        self._read = read
        self._data_from = data_from
        self.offset = offset
        self.skipped = skipped

    def step(self, limit: int) -> bytes | Hole | None:
        """Return whole lines (at most `limit` bytes, or one line), a hole, or None: nothing is there yet.

        No bytes: it has looked through much for nothing, and will go on.
        """
        if self.skipped:
            return self._skip()
        data = self._read(self.offset, min(limit, WINDOW))
        if self.offset == 0 and data.startswith(_BOM):
            self.offset, data = len(_BOM), data[len(_BOM) :]
        if data.startswith(b"\0"):
            return self._pass_zeros()
        if b"\n" not in data and len(data) >= limit:
            data = self._read(self.offset, WINDOW)
        zeros = data.find(b"\n\0") + 1
        stop = zeros or data.rfind(b"\n") + 1
        if stop:
            self.offset += stop
            return data[:stop]
        if len(data) < WINDOW:
            return None
        self.offset += len(data)
        self.skipped = len(data)
        return self._skip()

    def rest(self) -> bytes | Hole | None:
        """Return the last line, which nobody will end any more (without an end), or what hides it."""
        if self.skipped:
            hole = Hole("overlong", self.skipped)
            self.skipped = 0
            return hole
        data = self._read(self.offset, WINDOW)
        self.offset += len(data)
        return data.rstrip(b"\0") or None

    def _skip(self) -> Hole | bytes | None:
        for _ in range(_SKIPPED_AT_ONCE // WINDOW):
            data = self._read(self.offset, WINDOW)
            stop = data.find(b"\n") + 1
            self.offset += stop or len(data)
            self.skipped += stop or len(data)
            if stop:
                hole = Hole("overlong", self.skipped)
                self.skipped = 0
                return hole
            if not data:
                return None
        return b""

    def _pass_zeros(self) -> Hole | None:
        at = self.offset
        while True:
            at = self._data_from(at)
            data = self._read(at, _ZEROS)
            if not data:
                return None
            behind = data.lstrip(b"\0")
            at += len(data) - len(behind)
            if behind or at - self.offset > _MAX_RESERVED:
                hole = Hole("hole", at - self.offset)
                self.offset = at
                return hole
