"""Arrange rows group by group, and find the window of every new row: all groups at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hisn.engine.correlate.rows import Array, Bools, Rows
from hisn.events.batch import Int64s


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold n rows by (group, time, source, number, feed), and windows of the m new ones.

    `rows` are sorted by time; `order` int64[n] takes them into the order of the frame, in which
    all else stands.  `groups` int64[n] counts groups from 0, `first` marks the first row of each
    event in its group.  `new` int64[m] are the positions of new rows, `low` int64[m] where their
    windows begin, `is_end` which are the last of their group at their instant: there all windows
    are judged.
    """

    rows: Rows
    order: Int64s
    groups: Int64s
    first: Bools
    new: Int64s
    low: Int64s
    is_end: Bools

    def column(self, index: int) -> Array:
        """Return a column of the rows."""
        return self.rows.columns[index][self.order]


@dataclass(frozen=True, slots=True)
class Ages:
    """Hold what is known of the instants of sorted rows.

    `starts` are positions of their first rows; `first_weights` and `end_weights` the weights of
    all events up to and with their first event, and up to their end.
    """

    starts: Int64s
    times: Int64s
    of_row: Int64s
    first_weights: Int64s
    end_weights: Int64s
    row_weights: Int64s


def ages_of(rows: Rows) -> Ages:
    """Return what is known of the instants of sorted rows."""
    is_start = np.ones(len(rows), np.bool_)
    np.not_equal(rows.times[1:], rows.times[:-1], out=is_start[1:])
    starts = np.flatnonzero(is_start)
    weights = np.cumsum(np.where(rows.first_of_events(), rows.weights, 0), dtype=np.int64)
    ends = np.append(starts[1:], len(rows)) - 1
    return Ages(starts, rows.times[starts], np.cumsum(is_start) - 1, weights[starts], weights[ends], weights)


def frame_of(rows: Rows, ages: Ages, held: int, span_us: int, lookback: int) -> Frame:
    """Arrange sorted rows of which the first `held` are not new; at least one is."""
    first_new = int(ages.of_row[held])
    times = ages.times[first_new:]
    begins = np.searchsorted(ages.times, times - span_us)
    if ages.end_weights[-1] > lookback:
        kept = np.searchsorted(ages.first_weights, ages.end_weights[first_new:] - lookback, side="right")
        begins = np.maximum(begins, np.minimum(kept, np.arange(first_new, len(ages.times))))
    begins = ages.starts[begins]

    keys = rows.columns[0]
    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    is_group = np.ones(len(rows), np.bool_)
    np.not_equal(sorted_keys[1:], sorted_keys[:-1], out=is_group[1:])
    groups = np.cumsum(is_group) - 1
    events = np.cumsum(rows.first_of_events())[order]
    first = is_group.copy()
    first[1:] |= events[1:] != events[:-1]

    new = np.flatnonzero(order >= held)
    instants = ages.of_row[order[new]]
    size = len(rows)
    low = np.searchsorted(groups * size + order, groups[new] * size + begins[instants - first_new])
    after = np.minimum(new + 1, size - 1)
    is_end = (groups[after] != groups[new]) | (ages.of_row[order[after]] != instants) | (new == size - 1)
    return Frame(rows, order, groups, first, new, low, is_end)
