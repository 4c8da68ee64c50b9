"""Keep counts and sums of the windows of all groups, by what comes into them and what goes out.

Work is done for rows that come and rows that go; how many are between, in the windows, does not
matter.  All is worked out anew from the held rows after `rebuild`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hisn.engine.correlate.block import Block
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.rows import Array, Bools
from hisn.events.batch import Int64s


class Totals:
    """Add something up for each event: 1 to count them, or the number that it has."""

    def __init__(self, column: int | None) -> None:
        """Take the column of the numbers; None counts events."""
        self._column = column
        self._kind = np.dtype(np.int64 if column is None else object)
        self._totals: Array = np.zeros(0, self._kind)

    def rebuild(self, log: Log, slots: int) -> None:
        """Work everything out from the held rows, of so many slots."""
        self._totals = np.zeros(slots, self._kind)
        np.add.at(self._totals, log.slots, self._amounts(log, slice(None)))

    def _amounts(self, log: Log, rows: Array | slice) -> Array:
        first = log.first[rows]
        if self._column is None:
            return first.astype(np.int64)
        return np.where(first, log.column(self._column)[rows], 0)

    def windows(self, block: Block, slots: int) -> Array:
        """Return the total of the window of each row of a block; it is whole at the end of an instant."""
        self._totals = _widened(self._totals, slots)
        gains = self._amounts(block.log, block.places)
        gone = np.arange(int(block.begins[-1]))
        lost = self._amounts(block.log, gone)
        found = self._totals[block.slots] + running(block, gains, gone, lost)
        np.add.at(self._totals, block.slots, gains)
        np.subtract.at(self._totals, block.log.slots[gone], lost)
        return found

    def drop(self, log: Log, start: int, end: int) -> None:
        """Take rows out that no later window holds; those before have been taken out already."""
        rows = slice(start, end)
        np.subtract.at(self._totals, log.slots[rows], self._amounts(log, rows))


class Distinct:
    """Count the different values in the windows.

    Of equal values in one group the newest row counts, until one comes anew or it is out.
    """

    def __init__(self, column: int | None, of_feed: Sequence[int] = ()) -> None:
        """Take the column of the values; None counts what `of_feed` gives for each row's feed."""
        self._column = column
        self._of_feed = np.array(of_feed, np.int64)
        self._totals = np.zeros(0, np.int64)
        self._newest: dict[tuple[int, int], int] = {}

    def _values(self, log: Log, rows: Array | slice) -> Int64s:
        if self._column is not None:
            values: Int64s = log.column(self._column)[rows]
            return values
        return self._of_feed[log.rows.feeds[rows]]

    def rebuild(self, log: Log, slots: int) -> None:
        """Work everything out from the held rows, of so many slots."""
        self._newest = {}
        of_rows, values = log.slots.astype(np.int64), self._values(log, slice(None))
        order = np.lexsort((values, of_rows))
        same = _same(of_rows[order], values[order])
        log.replaced[order[:-1][same]] = True
        newest = order[~np.append(same, False)] if len(order) else order
        self._set_newest(of_rows[newest], values[newest], newest + log.offset)
        self._totals = np.bincount(of_rows[newest], minlength=slots)

    def _set_newest(self, slots: Int64s, values: Int64s, places: Int64s) -> None:
        self._newest.update(
            zip(zip(slots.tolist(), values.tolist(), strict=True), places.tolist(), strict=True)
        )

    def windows(self, block: Block, slots: int) -> Int64s:
        """Return the number of values in the window of each row of a block (see `Totals.windows`)."""
        self._totals = _widened(self._totals, slots)
        log = block.log
        before = self._before(block)
        is_replacing = before >= block.begins[block.instants]
        log.replaced[before[is_replacing]] = True
        gains = 1 - is_replacing.astype(np.int64)
        gone = np.flatnonzero(~log.replaced[: int(block.begins[-1])])
        lost = np.ones(len(gone), np.int64)
        found: Int64s = self._totals[block.slots] + running(block, gains, gone, lost)
        np.add.at(self._totals, block.slots, gains)
        self._forget(log, gone)
        return found

    def _before(self, block: Block) -> Int64s:
        """Return the row with the same value before each row of a block, -1 where none is held."""
        log = block.log
        values = self._values(log, block.places)
        order = np.lexsort((values, block.slots))
        slots, values = block.slots[order], values[order]
        same = _same(slots, values)
        found = np.full(len(order), -1, np.int64)
        found[order[1:][same]] = block.places[order[:-1][same]]
        firsts = np.flatnonzero(~np.append(False, same))
        pairs = zip(slots[firsts].tolist(), values[firsts].tolist(), strict=True)
        newest = self._newest
        known = np.array([newest.get(pair, -1) for pair in pairs], np.int64)
        found[order[firsts]] = np.where(known < 0, -1, known - log.offset)
        lasts = np.flatnonzero(~np.append(same, False))
        self._set_newest(slots[lasts], values[lasts], block.places[order[lasts]] + log.offset)
        return found

    def newest(self, block: Block, value: int) -> Int64s:
        """Return the newest row with a value up to each row of a block, negative where none is held.

        Only before `windows` of the same block.
        """
        is_start = np.ones(len(block.places), np.bool_)
        np.not_equal(block.slots[1:], block.slots[:-1], out=is_start[1:])
        starts = np.flatnonzero(is_start)
        known = [self._newest.get((slot, value), -1) for slot in block.slots[starts].tolist()]
        rows = np.where(self._values(block.log, block.places) == value, block.places, -1)
        rows[starts] = np.maximum(rows[starts], np.maximum(np.array(known) - block.log.offset, -1))
        # Each group above the one before it: what was newest there is none here.
        floor = np.cumsum(is_start) * (len(block.log) + 1)
        newest: Int64s = np.maximum.accumulate(floor + rows) - floor
        return newest

    def drop(self, log: Log, start: int, end: int) -> None:
        """Take rows out that no later window holds; those before have been taken out already."""
        self._forget(log, np.flatnonzero(~log.replaced[start:end]) + start)

    def _forget(self, log: Log, gone: Int64s) -> None:
        slots = log.slots[gone]
        np.subtract.at(self._totals, slots, 1)
        newest = self._newest
        pairs = zip(slots.tolist(), self._values(log, gone).tolist(), strict=True)
        for pair, place in zip(pairs, (gone + log.offset).tolist(), strict=True):
            # Where the value came again since, that row is the newest.
            if newest.get(pair) == place:
                del newest[pair]


def running(block: Block, gains: Array, gone: Int64s, lost: Array) -> Array:
    """Return how the total of each row's group has changed since before the block.

    `gains` come with the rows; `lost` goes out of the windows with the rows `gone` of the log.
    """
    sums: Array = np.cumsum(gains)
    starts = np.searchsorted(block.slots, block.slots)
    inside: Array = sums - sums[starts] + gains[starts]
    if not len(gone):
        return inside
    slots = block.log.slots[gone].astype(np.int64)
    order = np.argsort(slots, kind="stable")
    slots = slots[order]
    instants = len(block.begins) + 1
    left = np.zeros(len(lost) + 1, lost.dtype)
    np.cumsum(lost[order], out=left[1:])
    low = np.searchsorted(slots, block.slots)
    high = np.searchsorted(
        slots * instants + block.out_at(gone[order]), block.slots * instants + block.instants, side="right"
    )
    difference: Array = inside - (left[high] - left[low])
    return difference


def _same(slots: Int64s, values: Int64s) -> Bools:
    """Tell of sorted pairs which are followed by an equal one."""
    same: Bools = (slots[1:] == slots[:-1]) & (values[1:] == values[:-1])
    return same


def _widened(totals: Array, slots: int) -> Array:
    if len(totals) >= slots:
        return totals
    wider = np.zeros(max(slots, 2 * len(totals)), totals.dtype)
    wider[: len(totals)] = totals
    return wider
