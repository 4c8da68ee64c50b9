"""Arrange new rows group by group, and find where the windows of their instants begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hisn.engine.correlate.log import Log
from hisn.engine.correlate.rows import Array, Bools
from hisn.events.batch import Int64s

BEFORE_ALL = int(np.iinfo(np.int64).min)
"""An instant before all others; no record has it."""


@dataclass(frozen=True, slots=True)
class Block:
    """Hold m new rows by (slot, time, source, number, feed), and the u instants at which they are.

    They are the last of `log`, from row `held` on; `places` int64[m] are their rows there, in the
    order of the block, in which all else stands: `slots`, `instants` (counted from 0) and
    `is_end`, which marks the last row of each group at each instant, where its window is judged.
    `begins` int64[u] are the rows with which the windows of the instants begin: the same for all
    groups, never going back.  `let_go` counts events that the lookback takes from them too early.
    """

    log: Log
    held: int
    places: Int64s
    slots: Int64s
    instants: Int64s
    is_end: Bools
    begins: Int64s
    let_go: int

    def out_at(self, rows: Int64s) -> Int64s:
        """Return the instant from which on rows are in no window any more."""
        return np.searchsorted(self.begins, rows, side="right")


def block_of(log: Log, held: int, span_us: int, lookback: int) -> Block:
    """Arrange the rows of a log from `held` on; there is at least one."""
    times = log.times
    new_times = times[held:]
    is_start = np.ones(len(new_times), np.bool_)
    np.not_equal(new_times[1:], new_times[:-1], out=is_start[1:])
    starts = np.flatnonzero(is_start) + held
    of_row = np.cumsum(is_start) - 1
    begins = np.searchsorted(times, np.maximum(times[starts], BEFORE_ALL + span_us) - span_us)
    let_go = 0
    if int(log.weights[-1]) - _weight_before(log) > lookback:
        kept = _kept(log, starts, lookback)
        let_go = _too_early(log, begins, kept)
        begins = np.maximum(begins, kept)

    slots = log.slots[held:].astype(np.int64)
    order = np.argsort(slots, kind="stable")
    slots, instants = slots[order], of_row[order]
    is_end = np.ones(len(order), np.bool_)
    is_end[:-1] = (slots[1:] != slots[:-1]) | (instants[1:] != instants[:-1])
    return Block(log, held, order + held, slots, instants, is_end, begins, let_go)


def _weight_before(log: Log) -> int:
    """Return the weight of all events that have gone."""
    return int(log.weights[0]) - int(log.rows.weights[0])


def _kept(log: Log, starts: Int64s, lookback: int) -> Int64s:
    """Return the first row that the lookback still holds at each new instant: whole instants only."""
    times, weights = log.times, log.weights
    ends = weights[np.append(starts[1:], len(log)) - 1]
    kept = np.searchsorted(weights, ends - lookback, side="right")
    kept = np.minimum(kept, len(log) - 1)
    inside = (kept > 0) & (times[np.maximum(kept - 1, 0)] == times[kept])
    kept = np.where(inside, np.searchsorted(times, times[kept], side="right"), kept)
    # An instant is always held at itself, however many events it has.
    return np.maximum.accumulate(np.minimum(kept, starts))


def _too_early(log: Log, begins: Int64s, kept: Int64s) -> int:
    """Count the events that are in time and not held any more, each at the instant of its going."""
    already = np.append(0, kept[:-1])
    low = np.minimum(np.maximum(already, begins), kept)
    events = np.append(0, np.cumsum(log.rows.first_of_events()))
    return int((events[kept] - events[low]).sum())


def chosen_rows(log: Log, slots: Array, start: int, count: int) -> tuple[Int64s, Int64s]:
    """Return the rows of some slots from `start` on, by (slot, row), and their slots.

    `count` is the number of slots in use.
    """
    is_wanted = np.zeros(count, np.bool_)
    is_wanted[slots] = True
    of_rows = log.slots[start:]
    rows = np.flatnonzero(is_wanted[of_rows])
    order = rows[np.argsort(of_rows[rows], kind="stable")]
    return order + start, of_rows[order].astype(np.int64)
