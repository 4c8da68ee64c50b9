"""The findings are a function of the set of hits: no order, division or merging changes a byte."""

from __future__ import annotations

from collections import defaultdict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.findings.samples import HOUR_US, NIGHT_US, block, rule

from hisn.core import limits
from hisn.engine.hits import HitBlock, runs_of
from hisn.events.batch import NO_TIME
from hisn.findings import build
from hisn.findings.build import FindingBuilder

RULES = (rule(0, "high"), rule(1, "low"))
Hit = tuple[int, str, str, int, int]

times = st.one_of(
    st.integers(0, 40).map(lambda steps: NIGHT_US + steps * HOUR_US // 3),
    st.just(NO_TIME),
    st.integers(0, 40).map(lambda years: NIGHT_US + years * 8_766 * HOUR_US),
)


@st.composite
def hits(draw: st.DrawFn) -> list[Hit]:
    """Draw hits; one record is hit by a rule once and has one time and one asset."""
    found = draw(
        st.dictionaries(
            st.tuples(st.integers(0, 1), st.sampled_from("ab"), st.integers(1, 40)),
            st.tuples(st.sampled_from(("EMS", "DB", "", "WEB")), times),
            max_size=40,
        )
    )
    return [(at, source, asset, time, number) for (at, source, number), (asset, time) in found.items()]


def blocks_of(some: list[Hit]) -> list[HitBlock]:
    grouped: dict[tuple[int, str, str], list[tuple[int, int]]] = defaultdict(list)
    for at, source, asset, time, number in some:
        grouped[at, source, asset].append((time, number))
    made = []
    for (at, source, asset), pairs in grouped.items():
        whole = block(at, pairs, source, asset)
        ordered = sorted(pairs)
        made += [block(at, ordered[low:high], source, asset) for low, high in runs_of(whole.times)]
    return made


def builder_of(blocks: list[HitBlock]) -> FindingBuilder:
    builder = FindingBuilder(RULES, "mapping", "1.0")
    for each in blocks:
        builder.add(each)
    return builder


def bytes_of(builder: FindingBuilder) -> bytes:
    return msgspec.json.encode((builder.findings(), builder.activity()))


FLOODS: dict[str, dict[str, int]] = {
    "no flood": {},
    "records": {"MAX_RECORDS_PER_FINDING": 6, "MIN_RECORDS_PER_FINDING": 2, "MAX_RECORDS_HELD": 10},
    "cells of one rule": {"MAX_JOIN_CELLS": 4},
    "everything": {
        "MAX_RECORDS_PER_FINDING": 4,
        "MIN_RECORDS_PER_FINDING": 1,
        "MAX_RECORDS_HELD": 8,
        "MAX_JOIN_CELLS": 6,
        "MAX_JOIN_CELLS_HELD": 10,
        "MAX_ACTIVITY_CELLS": 3,
    },
}


@pytest.mark.parametrize("flood", FLOODS)
@given(data=st.data(), some=hits())
def test_no_order_and_no_division_changes_a_byte(flood: str, data: st.DataObject, some: list[Hit]) -> None:
    parts = data.draw(st.lists(st.integers(0, 4), min_size=len(some), max_size=len(some)))
    groups = [[hit for hit, part in zip(some, parts, strict=True) if part == at] for at in range(5)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in FLOODS[flood].items():
            patch.setattr(limits, name, value)
        patch.setattr(build, "_LEAST_CELLS", 2)
        expected = bytes_of(builder_of(blocks_of(some)))
        divided = data.draw(st.permutations([each for group in groups for each in blocks_of(group)]))
        assert bytes_of(builder_of(divided)) == expected
        merged = FindingBuilder(RULES, "mapping", "1.0")
        for group in data.draw(st.permutations(groups)):
            merged.merge(builder_of(blocks_of(group)))
        assert bytes_of(merged) == expected


@given(some=hits())
def test_counts_and_records_are_exact(some: list[Hit]) -> None:
    findings = builder_of(blocks_of(some)).findings()
    assert sum(finding.count for finding in findings) == len(some)
    assert all(finding.records_complete and finding.count == len(finding.records) for finding in findings)
    assert all(list(finding.records) == sorted(finding.records) for finding in findings)
    assert len({finding.id for finding in findings}) == len(findings)
    assert all(finding.why for finding in findings)
