"""Find percentiles in sliding windows, exactly."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from itertools import compress

import numpy as np

from hisn.engine.correlate.frame import Frame
from hisn.engine.correlate.rows import Array

_CHUNK = 1_000


class Numbers:
    """Keep numbers in order, in chunks: to add one, take one away or find one moves few of them."""

    def __init__(self, numbers: Iterable[int]) -> None:
        """Take the numbers to begin with."""
        ordered = sorted(numbers)
        starts = range(0, max(1, len(ordered)), _CHUNK)
        self._chunks = [ordered[start : start + _CHUNK] for start in starts]
        self._lasts = [chunk[-1] for chunk in self._chunks if chunk]
        self._count = len(ordered)

    def __len__(self) -> int:
        return self._count

    def add(self, number: int) -> None:
        """Add a number."""
        self._count += 1
        index = min(bisect_left(self._lasts, number), len(self._chunks) - 1)
        chunk = self._chunks[index]
        insort(chunk, number)
        if len(chunk) > 2 * _CHUNK:
            self._chunks[index : index + 1] = [chunk[:_CHUNK], chunk[_CHUNK:]]
            self._lasts[index : index + 1] = [chunk[_CHUNK - 1], chunk[-1]]
        else:
            self._lasts[index : index + 1] = chunk[-1:]

    def remove(self, number: int) -> None:
        """Take away a number that is there."""
        self._count -= 1
        index = bisect_left(self._lasts, number)
        chunk = self._chunks[index]
        del chunk[bisect_left(chunk, number)]
        self._lasts[index : index + 1] = chunk[-1:]
        if not chunk and len(self._chunks) > 1:
            del self._chunks[index]

    def at(self, rank: int) -> int:
        """Return the number at a rank, counted from 0."""
        for chunk in self._chunks:
            if rank < len(chunk):
                return chunk[rank]
            rank -= len(chunk)
        raise IndexError(rank)


def at_rank(frame: Frame, percentile: int) -> Array:
    """Return a percentile of the numbers in each window at the end of an instant, times 100.

    With n numbers it is the one at rank (n - 1) * percentile / 100, counted from 0; between two
    ranks, the share of the way between them.
    """
    found = np.zeros(len(frame.new), object)
    numbers = frame.column(1)
    cuts = np.flatnonzero(np.diff(frame.slots[frame.new])) + 1
    for windows in np.split(np.arange(len(frame.new)), cuts):
        start, end = int(frame.low[windows[0]]), int(frame.new[windows[-1]]) + 1
        moving = _Moving(numbers[start:end].tolist(), frame.first[start:end].tolist())
        ends = windows[frame.is_end[windows]]
        lows, rows = (frame.low[ends] - start).tolist(), (frame.new[ends] - start).tolist()
        for window, low, row in zip(ends.tolist(), lows, rows, strict=True):
            moving.to(low, row)
            found[window] = moving.percentile(percentile)
    return found


class _Moving:
    """Move a window along the rows of one group."""

    def __init__(self, numbers: Sequence[int], first: Sequence[bool]) -> None:
        """Take for each row its number, and whether it counts."""
        self._numbers = numbers
        self._first = first
        self._inside: Numbers | None = None
        self._low = self._end = 0

    def to(self, low: int, row: int) -> None:
        """Let the window begin at a row and end with another; neither ever moves back."""
        if self._inside is None:
            self._inside = Numbers(compress(self._numbers[: row + 1], self._first))
        else:
            for at in range(self._end, row + 1):
                if self._first[at]:
                    self._inside.add(self._numbers[at])
        self._end = row + 1
        for at in range(self._low, low):
            if self._first[at]:
                self._inside.remove(self._numbers[at])
        self._low = low

    def percentile(self, percentile: int) -> int:
        """Return a percentile of the numbers in the window, times 100."""
        inside = self._inside or Numbers(())
        whole, rest = divmod((len(inside) - 1) * percentile, 100)
        below = inside.at(whole)
        above = inside.at(whole + 1) if rest else below
        return below * (100 - rest) + above * rest
