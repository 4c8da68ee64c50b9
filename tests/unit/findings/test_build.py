from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.unit.findings.samples import HOUR_US, NIGHT_US, block, rule, why

from hisn.core import limits
from hisn.engine.hits import HitBlock
from hisn.events.batch import NO_TIME
from hisn.findings.build import FindingBuilder, techniques_of
from hisn.findings.join import MANY_ASSETS

RULES = (rule(0, "high", "stable"), rule(1, "low"))


def builder(*blocks: HitBlock) -> FindingBuilder:
    made = FindingBuilder(RULES, "mapping", "1.0")
    for each in blocks:
        made.add(each)
    return made


def test_hits_within_an_hour_are_one_finding() -> None:
    (finding,) = builder(
        block(0, [(NIGHT_US, 5)]), block(0, [(NIGHT_US + HOUR_US, 9), (NIGHT_US + 1, 6)])
    ).findings()
    assert (finding.count, finding.records, finding.records_complete) == (3, (5, 6, 9), True)
    assert (finding.first, finding.last) == ("2026-11-03T18:20:00.000000Z", "2026-11-03T19:20:00.000000Z")
    assert finding.why[0].value == f"mimikatz {(NIGHT_US, 5)}"


def test_a_longer_silence_parts_findings() -> None:
    findings = builder(block(0, [(NIGHT_US, 5)]), block(0, [(NIGHT_US + HOUR_US + 1, 9)])).findings()
    assert [finding.records for finding in findings] == [(5,), (9,)]
    assert findings[0].id != findings[1].id


def test_other_sources_assets_and_rules_are_other_findings() -> None:
    findings = builder(
        block(0, [(NIGHT_US, 1)]),
        block(1, [(NIGHT_US, 1)]),
        block(0, [(NIGHT_US, 1)], source="b.evtx"),
        block(0, [(NIGHT_US, 2)], asset="EMS-02"),
    ).findings()
    assert len(findings) == 4
    assert [finding.source for finding in findings] == ["a.evtx", "a.evtx", "a.evtx", "b.evtx"]


def test_hits_without_time_are_one_finding_and_come_last() -> None:
    findings = builder(
        block(0, [(NO_TIME, 3), (NO_TIME, 900)]), block(0, [(NIGHT_US + 30 * 24 * HOUR_US, 4)])
    ).findings()
    assert [(finding.first, finding.records) for finding in findings][1] == (None, (3, 900))
    assert "unknown time" in findings[1].sentence


def test_the_author_and_the_licence_travel_with_the_finding() -> None:
    # DRL 1.1 asks for it wherever a match is shown.
    (finding,) = builder(block(0, [(NIGHT_US, 1)])).findings()
    assert (finding.author, finding.licence, finding.confidence) == ("An author", "DRL-1.1", "high")
    assert finding.techniques == ("T1003.001", "T1059")


def test_ids_are_functions_of_rule_mapping_engine_source_and_record() -> None:
    def id_of(**change: str) -> str:
        made = FindingBuilder(
            (rule(1 if "rule" in change else 0),), change.get("mapping", "m"), change.get("engine", "1")
        )
        made.add(block(0, [(NIGHT_US, int(change.get("record", "1")))], source=change.get("source", "a")))
        return made.findings()[0].id

    changes = [{}, {"rule": "x"}, {"mapping": "n"}, {"engine": "2"}, {"record": "2"}, {"source": "b"}]
    assert len({id_of(**change) for change in changes}) == len(changes)
    assert id_of() == id_of()


def test_a_source_name_that_is_not_text_has_an_id() -> None:
    (finding,) = builder(block(0, [(NIGHT_US, 1)], source="logs/\udc80.log")).findings()
    assert finding.id.startswith("f-")


def test_a_flood_of_records_keeps_an_exact_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RECORDS_PER_FINDING", 100)
    blocks = [block(0, [(NIGHT_US + n, n + 1) for n in range(at, at + 500)]) for at in range(0, 5_000, 500)]
    (finding,) = builder(*reversed(blocks)).findings()
    assert (finding.count, finding.records_complete) == (5_000, False)
    assert finding.records == tuple(range(1, 101))


def test_millions_of_hits_hold_bounded_memory() -> None:
    made = FindingBuilder(tuple(rule(at) for at in range(40)), "m", "1")
    count = 100_000
    for at in range(40):
        numbers = np.arange(1, count + 1, dtype=np.int64)
        made.add(HitBlock(at, "a.log", "web", numbers, NIGHT_US + numbers, why()))
    held = sum(strand.held for strand in made._strands.values())
    assert held <= 2 * limits.MAX_RECORDS_HELD
    findings = made.findings()
    assert sum(finding.count for finding in findings) == 40 * count
    assert sum(len(finding.records) for finding in findings) <= limits.MAX_RECORDS_HELD


def test_a_flood_of_host_names_becomes_one_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    # Anybody can send syslog lines with a new host name each.
    monkeypatch.setattr(limits, "MAX_JOIN_CELLS", 50)
    made = builder(*(block(0, [(NIGHT_US + n, n + 1)], asset=f"host-{n}") for n in range(60)))
    made.add(block(1, [(NIGHT_US, 1)], asset="EMS-01"))
    flooded, quiet = sorted(made.findings(), key=lambda finding: finding.rule_id)
    assert (flooded.asset, flooded.count) == (MANY_ASSETS, 60)
    assert "many assets" in flooded.sentence
    assert quiet.asset == "EMS-01"


def test_a_long_value_is_cut_visibly() -> None:
    (finding,) = builder(block(0, [(NIGHT_US, 1)], value="x" * 5_000)).findings()
    assert finding.why[0].value == "x" * limits.MAX_REASON_CHARS + f"… (+{5_000 - limits.MAX_REASON_CHARS})"


def test_activity_counts_hits_by_level_and_hour() -> None:
    rows = builder(
        block(0, [(NIGHT_US, 1), (NIGHT_US + 1, 2)]), block(1, [(NIGHT_US, 1)]), block(1, [(NO_TIME, 2)])
    ).activity()
    assert [(row.level, row.start, row.hits) for row in rows] == [
        ("high", "2026-11-03T18:00:00.000000Z", 2),
        ("low", "2026-11-03T18:00:00.000000Z", 1),
    ]


def test_an_empty_block_is_nothing() -> None:
    empty = np.array([], dtype=np.int64)
    assert builder(HitBlock(0, "a", "b", empty, empty, ())).findings() == ()


def test_a_builder_crosses_process_borders() -> None:
    made = builder(block(0, [(NIGHT_US, 1)]))
    assert pickle.loads(pickle.dumps(made)).findings() == made.findings()


def test_techniques_are_written_as_attack_writes_them() -> None:
    assert techniques_of(("attack.T1059", "attack.t1003.001", "attack.execution", "attack.t1059x")) == (
        "T1003.001",
        "T1059",
    )
