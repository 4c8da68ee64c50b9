from __future__ import annotations

import numpy as np

from hisn.engine.correlate.episode import Part
from hisn.engine.correlate.evidence import Evidence, Records, join_records
from hisn.engine.correlate.rows import ranks_of

SOURCES, RULES = ["b", "a"], ["r1", "r0"]


def records_of(*members: tuple[int, int, int]) -> Records:
    sources, rules, numbers = zip(*members, strict=True)
    return Records(np.array(sources, np.int32), np.array(rules, np.int32), np.array(numbers, np.int64))


def test_parts_are_by_source_and_rule_each_record_once() -> None:
    evidence = Evidence(100)
    assert evidence.build(SOURCES, RULES) == ()
    evidence.add(records_of((0, 0, 5), (1, 1, 3), (0, 0, 2)))
    evidence.add(records_of((0, 0, 5), (0, 1, 5)))
    assert evidence.build(SOURCES, RULES) == (
        Part("a", "r0", (3,), is_complete=True),
        Part("b", "r0", (5,), is_complete=True),
        Part("b", "r1", (2, 5), is_complete=True),
    )


def test_the_plain_way_gives_the_same() -> None:
    evidence = Evidence(100)
    evidence.add(records_of((1, 0, 2), (1, 0, 5)))
    assert evidence.build(SOURCES, RULES) == (Part("a", "r1", (2, 5), is_complete=True),)
    evidence.add(records_of((1, 0, 3)))
    assert evidence.build(SOURCES, RULES) == (Part("a", "r1", (2, 3, 5), is_complete=True),)


def test_beyond_the_cap_nothing_more_is_named_and_it_is_said() -> None:
    evidence = Evidence(2)
    evidence.add(records_of((0, 0, 9)))
    evidence.add(records_of((0, 0, 7), (1, 0, 1)))
    evidence.add(records_of((0, 1, 3)))
    assert (evidence.named, evidence.is_full) == (2, True)
    assert evidence.build(SOURCES, RULES) == (
        Part("a", "r1", (), is_complete=False),
        Part("b", "r0", (), is_complete=False),
        Part("b", "r1", (7, 9), is_complete=True),
    )


def test_a_shortened_evidence_names_no_more() -> None:
    evidence = Evidence(10)
    evidence.add(records_of((0, 0, 1), (0, 0, 2), (0, 0, 3)))
    evidence.shorten(2)
    evidence.add(records_of((0, 0, 4)))
    assert evidence.build(SOURCES, RULES) == (Part("b", "r1", (1, 2), is_complete=False),)


def test_distinct_records_are_sorted_by_the_names_of_sources() -> None:
    records = records_of((0, 0, 5), (1, 1, 3), (1, 0, 9), (0, 0, 5), (0, 0, 2)).distinct(ranks_of(SOURCES, 0))
    assert list(zip(records.sources, records.rules, records.numbers, strict=True)) == [
        (1, 0, 9), (1, 1, 3), (0, 0, 2), (0, 0, 5),
    ]  # fmt: skip
    assert len(join_records(())) == 0
