"""Join points in time to spans: two points belong together if no gap between them is too long.

The spans are the connected components of the points, so they do not depend on the order in which
points arrive, nor on how they were divided before merging.

Memory is bounded by *cells*.  Cut time into cells as wide as the gap.  Inside a span every cell
is occupied, and two spans never share a cell; so the number of occupied cells can be counted from
the spans alone, it bounds the number of spans, and it only grows with more points.  A set that
may hold so many cells and no more widens its gap by `WIDENING` when they become too many: whether
it does depends on the points alone, never on their order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

WIDENING = 4
MAX_GRADE = 8
"""At the widest the gap is 65,536 times what was asked for: all of years 1 to 9999 is few cells."""


class SpanSet(Generic[T]):
    """Hold disjoint spans of time, in order, each with one item (a count, a summary of its points).

    `gap` is the longest silence inside a span, in the unit of the points (microseconds), and
    `join` makes one item of two; it must be associative and commutative.  With `limit`, at most
    so many cells are kept.
    """

    __slots__ = ("_base", "_ends", "_items", "_join", "_limit", "_starts", "cells", "gap", "grade")

    def __init__(self, gap: int, join: Callable[[T, T], T], limit: int | None = None) -> None:
        self._base = gap
        self._join = join
        self._limit = limit
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._items: list[T] = []
        self.gap = gap
        self.grade = 0
        self.cells = 0

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[tuple[int, int, T]]:
        """Yield (first, last, item) of each span, in order of time."""
        return zip(self._starts, self._ends, self._items, strict=True)

    def add(self, first: int, last: int, item: T) -> None:
        """Put in a run of points from `first` to `last` that has no gap too long inside."""
        self._put(first, last, item)
        if self._limit is not None:
            while self.cells > self._limit and self.grade < MAX_GRADE:
                self.widen(self.grade + 1)

    def merge(self, other: SpanSet[T]) -> None:
        """Put in all spans of another set that was made with the same gap and limit."""
        self.widen(other.grade)
        for first, last, item in other:
            self.add(first, last, item)

    def widen(self, grade: int) -> None:
        """Join further: let the gap be `WIDENING` to the power of `grade` times what was asked for."""
        if grade <= self.grade:
            return
        spans = list(self)
        self.grade = grade
        self.gap = self._base * WIDENING**grade
        self._starts, self._ends, self._items, self.cells = [], [], [], 0
        for first, last, item in spans:
            self._put(first, last, item)

    def at(self, point: int) -> tuple[int, int, T] | None:
        """Return the span that holds a point, if there is one."""
        place = bisect_right(self._starts, point) - 1
        if place < 0 or self._ends[place] < point:
            return None
        return self._starts[place], self._ends[place], self._items[place]

    def has_within(self, low: int, high: int) -> bool:
        """Tell whether a span lies wholly in ``[low, high)``."""
        return bisect_left(self._starts, low) < bisect_left(self._ends, high)

    def take(self, low: int, high: int) -> list[tuple[int, int, T]]:
        """Remove the spans that lie wholly in ``[low, high)``, and return them in order."""
        begin, end = bisect_left(self._starts, low), bisect_left(self._ends, high)
        if begin >= end:
            return []
        taken = list(self)[begin:end]
        del self._starts[begin:end], self._ends[begin:end], self._items[begin:end]
        self.cells -= sum(self._cells_of(first, last) for first, last, _item in taken)
        return taken

    def load(self, grade: int, spans: Iterable[tuple[int, int, T]]) -> None:
        """Take back what a set with the same gap and limit has dumped; this one is empty yet."""
        self.widen(grade)
        for first, last, item in spans:
            self._put(first, last, item)

    def _put(self, first: int, last: int, item: T) -> None:
        low = bisect_left(self._ends, first - self.gap)
        high = bisect_right(self._starts, last + self.gap)
        for at in range(low, high):
            item = self._join(self._items[at], item)
            self.cells -= self._cells_of(self._starts[at], self._ends[at])
        if low < high:
            first = min(first, self._starts[low])
            last = max(last, self._ends[high - 1])
        self._starts[low:high] = [first]
        self._ends[low:high] = [last]
        self._items[low:high] = [item]
        self.cells += self._cells_of(first, last)

    def _cells_of(self, first: int, last: int) -> int:
        return last // self.gap - first // self.gap + 1
