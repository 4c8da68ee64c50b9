"""Find percentiles in sliding windows, exactly."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from hisn.engine.correlate.block import Block
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.rows import Array
from hisn.events.batch import Int64s

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


class Percentiles:
    """Find a percentile of the numbers in the windows, times 100.

    With n numbers it is the one at rank (n - 1) * percentile / 100, counted from 0; between two
    ranks, the share of the way between them.
    """

    def __init__(self, column: int, percentile: int) -> None:
        """Take the column of the numbers."""
        self._column = column
        self._percentile = percentile
        self._inside: dict[int, Numbers] = {}

    def rebuild(self, log: Log, _slots: int) -> None:
        """Work everything out from the held rows."""
        self._inside = {}
        for slot, number in self._counted(log, np.argsort(log.slots, kind="stable")):
            self._add(slot, number)

    def _counted(self, log: Log, rows: Int64s) -> Iterator[tuple[int, int]]:
        """Yield slot and number of those rows that count."""
        rows = rows[log.first[rows]]
        return zip(log.slots[rows].tolist(), log.column(self._column)[rows].tolist(), strict=True)

    def _add(self, slot: int, number: int) -> None:
        numbers = self._inside.get(slot)
        if numbers is None:
            self._inside[slot] = Numbers((number,))
        else:
            numbers.add(number)

    def _remove(self, slot: int, number: int) -> None:
        numbers = self._inside[slot]
        numbers.remove(number)
        if not len(numbers):
            del self._inside[slot]

    def windows(self, block: Block, _slots: int) -> Array:
        """Return the percentile of the window of each row at the end of an instant."""
        found = np.zeros(len(block.places), object)
        log = block.log
        gone = np.arange(int(block.begins[-1]))
        gone = gone[log.first[gone]]
        gone = gone[np.argsort(log.slots[gone], kind="stable")]
        leaving = zip(block.out_at(gone).tolist(), self._counted(log, gone), strict=True)
        by_slot: dict[int, deque[tuple[int, int]]] = {}
        for instant, (slot, number) in leaving:
            by_slot.setdefault(slot, deque()).append((instant, number))
        rows = zip(
            block.slots.tolist(),
            block.instants.tolist(),
            log.first[block.places].tolist(),
            log.column(self._column)[block.places].tolist(),
            block.is_end.tolist(),
            strict=True,
        )
        for row, (slot, instant, is_first, number, is_end) in enumerate(rows):
            if is_first:
                self._add(slot, number)
            if is_end:
                out = by_slot.get(slot)
                while out and out[0][0] <= instant:
                    self._remove(slot, out.popleft()[1])
                found[row] = self._at(self._inside[slot])
        for slot, out in by_slot.items():
            for _, number in out:
                self._remove(slot, number)
        return found

    def _at(self, numbers: Numbers) -> int:
        whole, rest = divmod((len(numbers) - 1) * self._percentile, 100)
        below = numbers.at(whole)
        above = numbers.at(whole + 1) if rest else below
        return below * (100 - rest) + above * rest

    def drop(self, log: Log, start: int, end: int) -> None:
        """Take rows out that no later window holds; those before have been taken out already."""
        for slot, number in self._counted(log, np.arange(start, end)):
            self._remove(slot, number)
