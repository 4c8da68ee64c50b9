from __future__ import annotations

import numpy as np

from hisn.engine.asset_ledger import AssetLedger
from hisn.events.batch import NO_TIME

HOUR_US = 3_600_000_000


def ledger(**hours: list[int]) -> AssetLedger:
    made = AssetLedger()
    for asset, seen in hours.items():
        made.add(asset, np.array([hour * HOUR_US for hour in seen], dtype=np.int64))
    return made


def test_hours_are_counted_against_the_span_of_the_whole_run() -> None:
    early, late = ledger(early=[0, 1], late=[9]).build()
    assert (early.hours_seen, early.hours_unseen) == (2, 8)
    assert (late.hours_seen, late.hours_unseen) == (1, 9)
    assert [gap.seconds for gap in early.unseen] == [8 * 3600]
    assert [gap.seconds for gap in late.unseen] == [9 * 3600]


def test_times_may_come_in_any_order() -> None:
    assert ledger(a=[5, 1, 3]).build() == ledger(a=[1, 3, 5]).build()


def test_an_asset_without_times_was_unseen_all_along() -> None:
    made = ledger(a=[0, 3])
    made.add("b", np.array([NO_TIME, NO_TIME], dtype=np.int64))
    _first, second = made.build()
    assert (second.records, second.hours_seen, second.hours_unseen, second.first) == (2, 0, 4, None)
    assert [gap.seconds for gap in second.unseen] == [3 * 3600]


def test_without_any_time_there_are_no_hours() -> None:
    made = AssetLedger()
    made.add("b", np.array([NO_TIME], dtype=np.int64))
    (row,) = made.build()
    assert (row.hours_seen, row.hours_unseen, row.unseen) == (0, 0, ())
