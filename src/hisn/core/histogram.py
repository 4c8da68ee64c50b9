"""Count points in time by cells of equal width, in bounded memory and in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hisn.core.packed import Plain
from hisn.core.spans import MAX_GRADE, WIDENING


class Histogram:
    """Count points by cells of `width` (the unit of the points); at most `limit` cells are kept.

    With more occupied cells the width grows by `WIDENING`.  Occupied cells only grow with more
    points, so the width depends on the points alone, never on their order.
    """

    __slots__ = ("_base", "_limit", "counts", "grade", "width")

    def __init__(self, width: int, limit: int) -> None:
        self._base = width
        self._limit = limit
        self.width = width
        self.grade = 0
        self.counts: dict[int, int] = {}

    def add(self, points: npt.NDArray[np.int64]) -> None:
        """Count points, in any order."""
        cells, counts = np.unique(points // self.width, return_counts=True)
        self._enter(dict(zip(cells.tolist(), counts.tolist(), strict=True)))

    def merge(self, other: Histogram) -> None:
        """Add the counts of a histogram that was made with the same width and limit."""
        self._widen(other.grade)
        for cell, count in other.counts.items():
            # The width may grow on the way.
            self._enter({cell * other.width // self.width: count})

    def starts(self) -> list[tuple[int, int]]:
        """Return (start of the cell, count), in order."""
        return [(cell * self.width, self.counts[cell]) for cell in sorted(self.counts)]

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        return [self.grade, [[cell, count] for cell, count in sorted(self.counts.items())]]

    def load(self, plain: Any) -> None:
        """Take back what was dumped by one of the same width and limit."""
        self.grade, cells = plain
        self.width = self._base * WIDENING**self.grade
        self.counts = dict(cells)

    def _enter(self, counts: dict[int, int]) -> None:
        for cell, count in counts.items():
            self.counts[cell] = self.counts.get(cell, 0) + count
        while len(self.counts) > self._limit and self.grade < MAX_GRADE:
            self._widen(self.grade + 1)

    def _widen(self, grade: int) -> None:
        if grade <= self.grade:
            return
        factor = WIDENING ** (grade - self.grade)
        counts, self.counts = self.counts, {}
        self.grade, self.width = grade, self._base * WIDENING**grade
        for cell, count in counts.items():
            self.counts[cell // factor] = self.counts.get(cell // factor, 0) + count
