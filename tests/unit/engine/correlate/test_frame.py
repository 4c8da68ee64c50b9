from __future__ import annotations

from tests.unit.engine.correlate.test_block import log_of

from hisn.engine.correlate.block import block_of
from hisn.engine.correlate.frame import frame_of


def test_a_frame_holds_the_windows_of_the_groups_in_a_block() -> None:
    log = log_of((1, 0), (2, 1), (3, 0), (4, 2), (7, 0), (7, 1), (8, 0))
    frame = frame_of(block_of(log, 4, 5, 100), 3)
    # Row 0 is out of time for all, row 3 is of a group in which nothing is new.
    assert frame.order.tolist() == [2, 4, 6, 1, 5]
    assert frame.slots.tolist() == [0, 0, 0, 1, 1]
    assert frame.new.tolist() == [1, 2, 4]
    assert frame.low.tolist() == [0, 0, 3]
    assert frame.is_end.tolist() == [True, True, True]
    assert frame.column(0).tolist() == frame.order.tolist()
