"""Rows to columns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from hisn.events.batch import NO_TIME
from hisn.events.flatten import flatten
from hisn.events.schema import Declaration
from hisn.events.sources.json_rows import RowReader


def test_blocks_hold_the_same_as_records_one_by_one() -> None:
    seeded = random.Random(5)
    values = [1, "1", True, False, None, "1.5", [1, True], [], {"x": 1}, {}, {"x": [{"y": 2}, 3]}]
    rows = [
        {name: seeded.choice(values) for name in seeded.sample("abcd", seeded.randrange(1, 4))}
        for _ in range(400)
    ]
    parsed = RowReader(Declaration()).read(rows, range(10, 410), [b""] * 400)
    found = {
        int(block.numbers[row]): block.fields(row)
        for block in parsed.blocks
        for row in range(len(block.numbers))
    }
    assert parsed.records == len(found) == 400
    for number, row in enumerate(rows, 10):
        assert found[number] == flatten(row)
        assert {name: type(cell) for name, cell in found[number].items()} == {
            name: type(cell) for name, cell in flatten(row).items()
        }


def test_numbers_ascend_within_a_block() -> None:
    rows = [{"EventID": number % 3, "Channel": "c", "Source": "s"} for number in range(50)]
    parsed = RowReader(Declaration()).read(rows, range(1, 51), [b""] * 50)
    assert len(parsed.blocks) == 3
    assert all(list(block.numbers) == sorted(block.numbers) for block in parsed.blocks)


def test_second_time_field_fills_what_the_first_leaves_open() -> None:
    rows = [
        {"@timestamp": "2024-11-05T20:15:00Z", "timestamp": "2020-01-01T00:00:00Z"},
        {"@timestamp": "never", "timestamp": "2024-11-05T20:15:00Z"},
        {"@timestamp": "never", "timestamp": "neither"},
        {"message": "x"},
    ]
    parsed = RowReader(Declaration()).read(rows, range(4), [b""] * 4)
    times = {
        int(number): int(time)
        for block in parsed.blocks
        for number, time in zip(block.numbers, block.times, strict=True)
    }
    assert times == {0: 1_730_837_700_000_000, 1: 1_730_837_700_000_000, 2: NO_TIME, 3: NO_TIME}


def test_declared_zone_makes_the_local_time_count() -> None:
    row = {
        "EventID": 1,
        "Channel": "c",
        "EventTime": "2024-11-05 15:15:00",
        "@timestamp": "2024-11-05T20:15:07Z",
    }
    (block,) = RowReader(Declaration(zone_s=-18000)).read([row], [1], [b""]).blocks
    assert block.times.tolist() == [1_730_837_700_000_000]
    (block,) = RowReader(Declaration()).read([row], [1], [b""]).blocks
    assert block.times.tolist() == [1_730_837_707_000_000]


def test_flood_of_new_names_does_not_fill_the_memory() -> None:
    reader = RowReader(Declaration())
    reader.read([{f"n{number}": 1} for number in range(6000)], range(6000), [b""] * 6000)
    assert len(reader._known) <= 4096


EVENT_IDS: tuple[object, ...] = (1, 12, "12", "4657", 4657, "0012", None, [12, 4657], "x")
CELLS: tuple[object, ...] = (
    "CreateKey",
    "%%1904",
    "",
    None,
    12,
    True,
    ["a", None],
    {"x": 1},
    {"x": [{"y": 2}]},
)
TIMES = ("2024-11-05T20:15:00Z", "never", None)
PLAIN = ("EventType", "OperationType", "ObjectName", "ObjectValueName", "Message")


@st.composite
def windows_rows(draw: st.DrawFn) -> list[dict[str, object]]:
    """Return records of two forms: a flat export, winlogbeat, the EVTX tree; each with any id and values."""
    forms = [
        (draw(st.sampled_from(("flat", "winlog", "tree"))), draw(st.sets(st.sampled_from(PLAIN))))
        for _ in range(2)
    ]
    chosen = draw(st.lists(st.sampled_from(forms), min_size=1, max_size=12))
    return [windows_row(draw, shape, sorted(names)) for shape, names in chosen]


def windows_row(draw: st.DrawFn, shape: str, names: list[str]) -> dict[str, object]:
    event_id, time = draw(st.sampled_from(EVENT_IDS)), draw(st.sampled_from(TIMES))
    data = {name: draw(st.sampled_from(CELLS)) for name in names}
    if shape == "flat":
        return {"EventID": event_id, "Channel": draw(st.sampled_from("ab")), "EventTime": time, **data}
    if shape == "winlog":
        return {"winlog": {"event_id": event_id, "channel": "a", "event_data": data}, "@timestamp": time}
    return {"Event": {"System": {"EventID": event_id, "Channel": "a"}, "EventData": data}}


def meaning(rows: Sequence[object], declaration: Declaration) -> dict[int, object]:
    """Return by number what rules see of each record: kind, constants, fields, time."""
    found: dict[int, object] = {}
    for block in RowReader(declaration).read(rows, range(len(rows)), [b""] * len(rows)).blocks:
        for at, number in enumerate(block.numbers):
            constants = sorted(block.layout.constants)
            found[int(number)] = block.layout.kind, constants, block.fields(at), int(block.times[at])
    return found


@given(windows_rows(), st.randoms(), st.sampled_from((None, 3600)))
def test_what_a_record_becomes_hangs_on_no_other_record(
    rows: list[dict[str, object]], chance: random.Random, zone_s: int | None
) -> None:
    """Who could choose the record before it could hide an event from its rules."""
    declaration = Declaration(zone_s=zone_s)
    alone = [meaning([row], declaration)[0] for row in rows]
    order = list(range(len(rows)))
    chance.shuffle(order)
    for places in (range(len(rows)), order):
        together = meaning([rows[place] for place in places], declaration)
        assert [together[at] for at in range(len(rows))] == [alone[place] for place in places]


def test_registry_events_among_others_have_their_target_and_their_constant() -> None:
    common = {"Channel": "Security", "ObjectName": "\\REGISTRY\\MACHINE\\S", "OperationType": "%%1904"}
    for ids in permutations((1, 4657, 12)):
        rows = [{"EventID": event_id, **common} for event_id in ids]
        blocks = RowReader(Declaration()).read(rows, range(3), [b""] * 3).blocks
        found = {block.fields(0)["EventID"]: block for block in blocks}
        assert [found[each].fields(0).get("TargetObject") for each in (1, 4657, 12)] == [
            None,
            "HKLM\\S",
            None,
        ]
        assert ("OperationType", "%%1904") in found[4657].layout.constants
        assert "OperationType" in found[1].layout.names
