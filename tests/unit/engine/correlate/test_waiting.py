from __future__ import annotations

import numpy as np
from tests.unit.engine.correlate.test_log import COLUMNS
from tests.unit.engine.correlate.test_rows import rows_of

from hisn.engine.correlate.rows import ranks_of
from hisn.engine.correlate.waiting import Waiting

RANKS = ranks_of(["a", "b"], 0)


def test_rows_are_given_out_in_order_up_to_an_instant() -> None:
    waiting = Waiting(COLUMNS, 100)
    waiting.put(rows_of((1, 1, 1, 0), (5, 1, 2, 0)))
    waiting.put(rows_of((1, 0, 9, 0), (2, 0, 8, 0)))
    assert waiting.rows(RANKS).numbers.tolist() == [9, 1, 8, 2]
    assert waiting.take(2, RANKS).numbers.tolist() == [9, 1, 8]
    assert len(waiting) == 1
    assert len(waiting.take(4, RANKS)) == 0
    assert waiting.take(5, RANKS).numbers.tolist() == [2]
    assert len(waiting.rows(RANKS)) == 0


def test_many_small_parts_become_one() -> None:
    waiting = Waiting(COLUMNS, 10_000)
    for number in range(1_000, 0, -1):
        waiting.put(rows_of((number, 0, number, 0)))
    assert waiting.take(500, RANKS).numbers.tolist() == list(range(1, 501))


def test_the_first_rows_wait_ties_by_source_and_number() -> None:
    waiting = Waiting(COLUMNS, 3)
    waiting.put(rows_of((1, 0, 1, 0), (2, 1, 5, 0), (2, 1, 6, 0), (2, 1, 7, 0)))
    assert waiting.is_over
    waiting.put(rows_of((2, 0, 9, 0), (3, 0, 9, 0)))
    assert waiting.take(10, RANKS).numbers.tolist() == [1, 9, 5]
    assert (waiting.dropped, waiting.dropped_from) == (3, 2)


def test_below_the_cap_nothing_is_dropped() -> None:
    waiting = Waiting(COLUMNS, 3)
    waiting.put(rows_of((1, 0, 1, 0), (2, 1, 5, 0), (2, 1, 6, 0)))
    waiting.shorten(np.zeros(2, np.int32))
    assert (len(waiting), waiting.dropped, waiting.dropped_from, waiting.is_over) == (3, 0, None, False)
