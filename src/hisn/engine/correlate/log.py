"""Hold the rows in reach of later windows, in their order: rows come at the end and go at the beginning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hisn.engine.correlate.plan import Column
from hisn.engine.correlate.rows import Array, Bools, Rows, no_rows
from hisn.events.batch import Int64s

_LEAST = 1024


class Log:
    """Hold sorted rows, and what is worked out for each of them.

    `slots` int32[n] number the groups, `first` marks the first row of each event in its group,
    `replaced` the rows whose value came again while they were in the window, `weights` int64[n] are
    the weights of all events so far, the row's own included.  All are views: they are valid until
    the next `append`.  `offset` is how many rows have gone: a row's place plus `offset` never changes.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        """Hold no rows."""
        empty = no_rows(columns)
        self._start = self._end = 0
        self._arrays: list[Array] = [
            empty.times,
            empty.sources,
            empty.numbers,
            empty.feeds,
            empty.weights,
            empty.assets,
            *empty.columns,
            np.zeros(0, np.int32),
            np.zeros(0, np.bool_),
            np.zeros(0, np.bool_),
            np.zeros(0, np.int64),
        ]
        self.offset = 0

    def __len__(self) -> int:
        return self._end - self._start

    def _view(self, index: int) -> Array:
        return self._arrays[index][self._start : self._end]

    @property
    def rows(self) -> Rows:
        """Return all rows."""
        times, sources, numbers, feeds, weights, assets, *columns = [
            array[self._start : self._end] for array in self._arrays[:-4]
        ]
        return Rows(times, sources, numbers, feeds, weights, assets, tuple(columns))

    @property
    def times(self) -> Int64s:
        """Return the times of all rows."""
        return self._view(0)

    @property
    def slots(self) -> Array:
        """Return the slots of all rows."""
        return self._view(-4)

    @property
    def first(self) -> Bools:
        """Return which rows are the first of their event in its group."""
        return self._view(-3)

    @property
    def replaced(self) -> Bools:
        """Return which rows' values came again in time."""
        return self._view(-2)

    @property
    def weights(self) -> Int64s:
        """Return the weights of all events up to each row's."""
        return self._view(-1)

    def column(self, index: int) -> Array:
        """Return one column of the rows."""
        return self._view(6 + index)

    def append(self, rows: Rows, slots: Array) -> None:
        """Add rows that come after all others, at later instants."""
        is_event = rows.first_of_events()
        before = int(self.weights[-1]) if len(self) else 0
        weights = before + np.cumsum(np.where(is_event, rows.weights, 0), dtype=np.int64)
        first = is_event if bool(is_event.all()) else _first_in_group(is_event, slots)
        added: list[Array] = [
            rows.times,
            rows.sources,
            rows.numbers,
            rows.feeds,
            rows.weights,
            rows.assets,
            *rows.columns,
            slots,
            first,
            np.zeros(len(rows), np.bool_),
            weights,
        ]
        self._make_room(len(rows))
        for array, values in zip(self._arrays, added, strict=True):
            array[self._end : self._end + len(rows)] = values
        self._end += len(rows)

    def _make_room(self, count: int) -> None:
        if self._end + count <= len(self._arrays[0]):
            return
        kept = len(self)
        size = kept + count + max(_LEAST, kept // 2)
        for index, array in enumerate(self._arrays):
            # New arrays, never moved ones: views that somebody holds stay what they are.
            wider = np.zeros(size, array.dtype)
            wider[:kept] = array[self._start : self._end]
            self._arrays[index] = wider
        self._start, self._end = 0, kept

    def drop(self, count: int) -> None:
        """Forget the first so many rows."""
        self._start += count
        self.offset += count

    def renumber(self, slots: Array) -> None:
        """Give all rows other slots, and forget which were replaced."""
        self.slots[:] = slots
        self.replaced[:] = False


def _first_in_group(is_event: Bools, slots: Array) -> Bools:
    """Tell which rows are the first of their event and group; events stand together."""
    events = np.cumsum(is_event)
    order = np.lexsort((slots, events))
    first = np.ones(len(slots), np.bool_)
    sorted_slots, sorted_events = slots[order], events[order]
    first[order[1:]] = (sorted_slots[1:] != sorted_slots[:-1]) | (sorted_events[1:] != sorted_events[:-1])
    return first
