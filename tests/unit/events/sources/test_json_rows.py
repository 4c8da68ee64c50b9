"""Rows to columns."""

from __future__ import annotations

import random

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
