"""Hold what waits for the watermark, up to a cap that no order of arrival changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hisn.engine.correlate.plan import Column
from hisn.engine.correlate.rows import Array, Rows, join_rows, no_rows

_MAX_PARTS = 256


class Waiting:
    """Hold rows in any order; give them out in theirs.

    Beyond the cap the latest are dropped: what is left is the beginning of all that came, in
    whatever order it came, and is judged exactly.  `dropped` counts the others, `dropped_from` is
    the instant of the first.
    """

    def __init__(self, columns: Sequence[Column], cap: int) -> None:
        """Take the columns of the rows, and how many rows may wait."""
        self._columns = columns
        self._cap = cap
        self._parts: list[Rows] = []
        self._count = 0
        self.dropped = 0
        self.dropped_from: int | None = None

    def __len__(self) -> int:
        return self._count

    @property
    def is_over(self) -> bool:
        """Tell whether so many rows wait that `shorten` should be called."""
        return 4 * self._count > 5 * self._cap

    def put(self, rows: Rows) -> None:
        """Take rows, sorted by time."""
        self._parts.append(rows)
        self._count += len(rows)
        if len(self._parts) > _MAX_PARTS:
            whole = join_rows(self._parts)
            self._parts = [whole.take(np.argsort(whole.times, kind="stable"))]

    def rows(self, ranks: Array) -> Rows:
        """Return all that waits, sorted."""
        self.shorten(ranks)
        return join_rows(self._parts).sort(ranks) if self._parts else no_rows(self._columns)

    def take(self, upto: int, ranks: Array) -> Rows:
        """Return and forget the rows up to an instant, sorted."""
        self.shorten(ranks)
        taken: list[Rows] = []
        left: list[Rows] = []
        for part in self._parts:
            cut = int(np.searchsorted(part.times, upto, side="right"))
            if cut:
                taken.append(part.take(slice(cut)))
            if cut < len(part):
                left.append(part.take(slice(cut, None)))
        self._parts = left
        self._count = sum(len(part) for part in left)
        return join_rows(taken).sort(ranks) if taken else no_rows(self._columns)

    def shorten(self, ranks: Array) -> None:
        """Drop the latest rows beyond the cap."""
        if self._count <= self._cap:
            return
        whole = join_rows(self._parts)
        # Only rows of one instant have to be sorted to find the first so many.
        last = int(np.partition(whole.times, self._cap)[self._cap])
        before, tied = whole.take(whole.times < last), whole.take(whole.times == last).sort(ranks)
        tied = tied.take(slice(self._cap - len(before)))
        kept = join_rows((before, tied))
        self.dropped += self._count - len(kept)
        # Those that come next were later still.
        self.dropped_from = last if self.dropped_from is None else min(last, self.dropped_from)
        self._parts = [kept.take(np.argsort(kept.times, kind="stable"))]
        self._count = len(kept)
