"""Records become rows of slots: sorted names, constants apart, times as text."""

from __future__ import annotations

import numpy as np
from tests.unit.evidence.sealing import KEY, block_of

from hisn.core.instant import MAX_INSTANT, MIN_INSTANT, format_instant
from hisn.events.batch import NO_TIME
from hisn.events.schema import Layout
from hisn.evidence.rows import (
    SlotKind,
    raw_bytes,
    rows_of,
    sealed_names,
    slot_plan,
    time_texts,
    value_json,
    value_of,
)


def test_slots_stand_in_the_order_of_their_sealed_names() -> None:
    plan = slot_plan(Layout("generic", ("b", "Z", "_time"), (("a", 1),)))
    assert plan.names == ("Z", "__time", "_raw", "_record", "_time", "a", "b")
    assert plan.columns == (1, 2, 3, 4, 0)
    kinds = [SlotKind(kind).name[:3] for kind in plan.kinds]
    assert kinds == ["CON", "COL", "COL", "RAW", "COL", "COL", "CON", "COL"]
    assert plan.heads[0] == b'","_names",["Z","__time","_raw","_record","_time","a","b"]]'
    assert plan.heads[1] == b'","Z",'
    assert plan.heads[6] == b'","a",1]'


def test_slots_are_padded_to_eight() -> None:
    plan = slot_plan(Layout("generic", ("b",)))
    assert len(plan.kinds) == len(plan.heads) == 8
    assert plan.heads[5:] == (b'","_pad",null]',) * 3


def test_columns_come_in_the_order_of_the_slots() -> None:
    block = block_of([{"b": 1, "a": "x"}], [9])
    rows = rows_of(block, [None], [b""], KEY, np.array([0]))
    assert [list(column) for column in rows.columns] == [[9], [None], ["x"], [1]]


def test_times_are_written_as_everywhere_else() -> None:
    times = np.array(
        [0, -1, MIN_INSTANT, MAX_INSTANT, 1_700_000_000_000_001, NO_TIME, MAX_INSTANT + 1, MIN_INSTANT - 1]
    )
    assert time_texts(times) == [format_instant(int(time)) for time in times[:5]] + [None] * 3


def test_values_are_what_every_reader_can_hold() -> None:
    assert value_of((10**64, None, -(10**64), 10**64 - 1, "a")) == (
        "1" + "0" * 64,
        None,
        "-1" + "0" * 64,
        10**64 - 1,
        "a",
    )
    assert value_json(("é", None, -5)) == '["é",null,-5]'.encode()


def test_no_raw_record_is_too_odd_to_be_sealed() -> None:
    assert raw_bytes(["a\udc00", b"b"]) == [b"a\xed\xb0\x80", b"b"]


def test_lone_surrogates_are_written_out() -> None:
    assert value_of(("a\udc80", "é")) == ("a\\udc80", "é")
    assert value_json("\ud800") == b'"\\\\ud800"'


def test_names_stay_apart_when_they_are_written_out() -> None:
    names = sealed_names(Layout("generic", ("\udc80", "\\udc80", "\\udc80_", "_raw"), (("_time", 1),)))
    assert list(names.values()) == ["__time", "\\udc80", "\\udc80_", "\\udc80__", "__raw"]
