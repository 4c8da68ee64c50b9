"""Find percentiles in sliding windows, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hisn.engine.correlate.frame import Frame
from hisn.engine.correlate.rows import Array


class Counts:
    """Count numbers of a known set, and find the one at a rank: a Fenwick tree, O(log n) each."""

    __slots__ = ("_size", "_top", "_tree", "total")

    def __init__(self, size: int) -> None:
        """Take how many different numbers there are; they are called 0 to size - 1, in their order."""
        self._size = size
        self._tree = [0] * (size + 1)
        self._top = 1 << (size.bit_length() - 1)
        self.total = 0

    def add(self, place: int, change: int) -> None:
        """Count a number once more (1) or once less (-1)."""
        self.total += change
        tree, size = self._tree, self._size
        place += 1
        while place <= size:
            tree[place] += change
            place += place & -place

    def at(self, rank: int) -> int:
        """Return the number at a rank below `total`, counted from 0."""
        tree, size, step, place = self._tree, self._size, self._top, 0
        while step:
            further = place + step
            if further <= size and tree[further] <= rank:
                place = further
                rank -= tree[further]
            step >>= 1
        return place


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
        different, places = np.unique(numbers[start:end], return_inverse=True)
        moving = _Moving(different.tolist(), places.tolist(), frame.first[start:end].tolist())
        ends = windows[frame.is_end[windows]]
        lows, rows = (frame.low[ends] - start).tolist(), (frame.new[ends] - start).tolist()
        for window, low, row in zip(ends.tolist(), lows, rows, strict=True):
            moving.to(low, row)
            found[window] = moving.percentile(percentile)
    return found


class _Moving:
    """Move a window along the rows of one group."""

    def __init__(self, different: Sequence[int], places: Sequence[int], first: Sequence[bool]) -> None:
        """Take the numbers in their order, and for each row its number's place and whether it counts."""
        self._different = different
        self._places = places
        self._first = first
        self._counts = Counts(len(different))
        self._low = self._end = 0

    def to(self, low: int, row: int) -> None:
        """Let the window begin at a row and end with another; neither ever moves back."""
        for at in range(self._end, row + 1):
            if self._first[at]:
                self._counts.add(self._places[at], 1)
        self._end = row + 1
        for at in range(self._low, low):
            if self._first[at]:
                self._counts.add(self._places[at], -1)
        self._low = low

    def percentile(self, percentile: int) -> int:
        """Return a percentile of the numbers in the window, times 100."""
        whole, rest = divmod((self._counts.total - 1) * percentile, 100)
        below = self._different[self._counts.at(whole)]
        above = self._different[self._counts.at(whole + 1)] if rest else below
        return below * (100 - rest) + above * rest
