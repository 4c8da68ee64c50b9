from __future__ import annotations

from tests.unit.engine.correlate.test_log import COLUMNS, slots
from tests.unit.engine.correlate.test_rows import rows_of

from hisn.engine.correlate.block import BEFORE_ALL, block_of, chosen_rows
from hisn.engine.correlate.log import Log


def log_of(*times_and_slots: tuple[int, int]) -> Log:
    log = Log(COLUMNS)
    rows = rows_of(*[(time, 0, number, 0) for number, (time, _) in enumerate(times_and_slots)])
    log.append(rows, slots(*[slot for _, slot in times_and_slots]))
    return log


def test_new_rows_are_arranged_by_group_and_judged_at_the_end_of_each_instant() -> None:
    block = block_of(log_of((1, 0), (5, 1), (5, 0), (5, 1), (6, 1)), 1, 4, 100)
    assert block.places.tolist() == [2, 1, 3, 4]
    assert block.slots.tolist() == [0, 1, 1, 1]
    assert block.instants.tolist() == [0, 0, 0, 1]
    assert block.is_end.tolist() == [True, False, True, True]


def test_windows_begin_with_the_first_row_in_time() -> None:
    block = block_of(log_of((1, 0), (2, 1), (3, 0), (7, 0), (8, 0)), 2, 5, 100)
    assert block.begins.tolist() == [0, 1, 2]
    assert block.out_at(block.places).tolist() == [3, 3, 3]
    assert block.out_at(block.places - 2).tolist() == [1, 2, 3]


def test_the_lookback_lets_whole_instants_go_and_counts_what_was_in_time() -> None:
    log = log_of((1, 0), (2, 0), (2, 0), (3, 0), (4, 0))
    block = block_of(log, 3, 100, 3)
    # At 3 the newest three would cut the instant 2 in half; at 4, only 3 and 4 are whole.
    assert block.begins.tolist() == [1, 3]
    assert block.let_go == 3
    assert block_of(log, 3, 1, 3).let_go == 0


def test_an_instant_is_held_at_itself() -> None:
    block = block_of(log_of((1, 0), (2, 0), (2, 0), (2, 0)), 1, 100, 2)
    assert block.begins.tolist() == [1]


def test_a_window_can_begin_before_all_that_can_be_said() -> None:
    assert block_of(log_of((BEFORE_ALL + 1, 0)), 0, 5, 100).begins.tolist() == [0]


def test_rows_of_some_groups_are_found() -> None:
    rows, of_rows = chosen_rows(log_of((1, 0), (2, 2), (3, 1), (4, 0), (5, 2)), slots(2, 0), 1, 3)
    assert (rows.tolist(), of_rows.tolist()) == ([3, 1, 4], [0, 2, 2])
