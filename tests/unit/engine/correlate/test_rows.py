from __future__ import annotations

import numpy as np

from hisn.engine.correlate.plan import Column
from hisn.engine.correlate.rows import Rows, join_rows, no_rows, ranks_of


def rows_of(*rows: tuple[int, int, int, int]) -> Rows:
    """Return rows of (time, source code, number, feed); the column tells them apart."""
    times, sources, numbers, feeds = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return Rows(
        times,
        sources.astype(np.int32),
        numbers,
        feeds.astype(np.int32),
        np.ones(len(rows), np.int32),
        np.zeros(len(rows), np.int64),
        (np.arange(len(rows)),),
    )


def test_sources_are_ranked_by_name_and_episodes_behind_them() -> None:
    ranks = ranks_of(["b", "c", "a"], 2)
    assert [int(ranks[code]) for code in (2, 0, 1, -1, -2)] == [0, 1, 2, 3, 4]


def test_rows_are_sorted_by_time_source_number_and_feed() -> None:
    rows = rows_of((2, 0, 1, 0), (1, 0, 2, 0), (1, 1, 3, 0), (1, 0, 1, 1), (1, 0, 1, 0), (1, -1, 0, 0))
    order = rows.sort(ranks_of(["b", "a"], 1))
    assert order.columns[0].tolist() == [2, 4, 3, 1, 5, 0]
    assert order.sort(ranks_of(["b", "a"], 1)) is order


def test_rows_of_one_record_are_one_event() -> None:
    rows = rows_of((1, 0, 1, 0), (1, 0, 1, 1), (1, 1, 1, 0), (1, 1, 2, 0), (2, 1, 2, 0))
    assert rows.first_of_events().tolist() == [True, False, True, True, True]


def test_rows_are_joined_column_by_column() -> None:
    one, two = rows_of((1, 0, 1, 0)), rows_of((2, 0, 2, 0), (3, 0, 3, 0))
    joined = join_rows((one, two))
    assert (joined.times.tolist(), joined.columns[0].tolist()) == ([1, 2, 3], [0, 0, 1])
    assert join_rows((one,)) is one
    assert len(joined.take(slice(1, None))) == 2


def test_no_rows_have_columns_of_their_kind() -> None:
    empty = no_rows((Column(("a",)), Column(("n",), is_number=True)))
    assert [column.dtype for column in empty.columns] == [np.int64, np.dtype(object)]
    assert len(empty) == 0
