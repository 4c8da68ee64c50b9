"""Arrange all rows that the windows of a block hold, group by group, for what needs them one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hisn.engine.correlate.block import Block, chosen_rows
from hisn.engine.correlate.rows import Array, Bools, Rows
from hisn.events.batch import Int64s


@dataclass(frozen=True, slots=True)
class Frame:
    """Hold n rows by (slot, time, source, number, feed), and the windows of the m new ones.

    `order` int64[n] takes `rows` into the order of the frame, in which all else stands.  `first`
    marks the first row of each event in its group.  `new` int64[m] are the positions of the rows
    of the block, in its order, `low` int64[m] where their windows begin, `is_end` which of them
    are the last of their group at their instant: there windows are judged.
    """

    rows: Rows
    order: Int64s
    slots: Int64s
    first: Bools
    new: Int64s
    low: Int64s
    is_end: Bools

    def column(self, index: int) -> Array:
        """Return a column of the rows."""
        return self.rows.columns[index][self.order]


def frame_of(block: Block, slots: int) -> Frame:
    """Return the rows behind a block, of all groups that have rows in it; `slots` are in use."""
    order, of_rows = chosen_rows(block.log, block.slots, int(block.begins[0]), slots)
    size = len(block.log)
    begins = block.begins[block.instants]
    return Frame(
        rows=block.log.rows,
        order=order,
        slots=of_rows,
        first=block.log.first[order],
        new=np.flatnonzero(order >= block.held),
        low=np.searchsorted(of_rows * size + order, block.slots * size + begins),
        is_end=block.is_end,
    )
