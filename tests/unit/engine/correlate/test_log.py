from __future__ import annotations

import numpy as np
from tests.unit.engine.correlate.test_rows import rows_of

from hisn.engine.correlate.log import Log
from hisn.engine.correlate.plan import Column

COLUMNS = (Column(("a",)),)


def slots(*values: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def test_rows_come_at_the_end_and_go_at_the_beginning() -> None:
    log = Log(COLUMNS)
    log.append(rows_of((1, 0, 1, 0), (2, 0, 2, 0)), slots(0, 1))
    log.drop(1)
    log.append(rows_of((3, 0, 3, 0)), slots(0))
    assert (len(log), log.offset) == (2, 1)
    assert (log.times.tolist(), log.slots.tolist(), log.rows.numbers.tolist()) == ([2, 3], [1, 0], [2, 3])
    assert log.column(0).tolist() == [1, 0]


def test_weights_count_events_from_the_first_held_one_on() -> None:
    log = Log(COLUMNS)
    log.append(rows_of((1, 0, 1, 0), (1, 0, 1, 1), (1, 0, 2, 0)), slots(0, 0, 0))
    log.append(rows_of((2, 0, 3, 0)), slots(0))
    assert log.weights.tolist() == [1, 1, 2, 3]
    log.drop(3)
    log.append(rows_of((4, 0, 4, 0)), slots(0))
    assert log.weights.tolist() == [3, 4]


def test_a_record_is_first_once_in_each_group() -> None:
    log = Log(COLUMNS)
    log.append(rows_of((1, 0, 1, 0), (1, 0, 1, 1), (1, 0, 1, 2), (1, 0, 2, 0)), slots(0, 1, 0, 1))
    assert log.first.tolist() == [True, True, False, True]


def test_views_stay_what_they_are_when_more_rows_come() -> None:
    log = Log(COLUMNS)
    log.append(rows_of((1, 0, 1, 0)), slots(0))
    times = log.times
    for number in range(2, 5_000):
        log.append(rows_of((number, 0, number, 0)), slots(0))
        log.drop(1)
    assert times.tolist() == [1]
    assert log.times.tolist() == [4_999]


def test_slots_can_be_given_anew() -> None:
    log = Log(COLUMNS)
    log.append(rows_of((1, 0, 1, 0), (2, 0, 2, 0)), slots(5, 9))
    log.replaced[0] = True
    log.renumber(slots(0, 1))
    assert (log.slots.tolist(), log.replaced.tolist()) == ([0, 1], [False, False])
