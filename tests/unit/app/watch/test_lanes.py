"""Correlations are judged as the watermark passes, and their findings are those of one run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.app.units import RULE
from tests.unit.app.watch import world as world_module
from tests.unit.app.watch.world import LINE, World

from hisn.app.guard import GuardRequest, guard
from hisn.app.rules import load_rules
from hisn.app.watch.analysis import Analysis, Policy
from hisn.app.watch.lanes import CorrelationLane
from hisn.app.watch.pieces import PieceJudge
from hisn.core.packed import pack, unpack
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner
from hisn.events.declare import Declarations
from hisn.events.mapping import load_mapping
from hisn.rules.correlation import silenced
from hisn.storage.files import Cache

MANY = """
title: Many marked paths
id: 5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0002
status: test
correlation:
    type: event_count
    rules: [5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0001]
    group-by: [c-ip]
    timespan: 1m
    condition:
        gte: 5
level: critical
"""


@pytest.fixture
def rules_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "correlated"
    folder.mkdir()
    (folder / "marked.yml").write_text(RULE)
    (folder / "many.yml").write_text(MANY)
    return folder


def lines() -> bytes:
    made = []
    for minute in range(60):
        for second in range(0, 60, 7):
            target = "/?marked" if minute % 10 < 3 else "/"
            made.append(LINE.format(host=minute % 2, hour=20, minute=minute, second=second, target=target))
    return "".join(made).encode()


def test_a_watch_finds_what_guard_finds(
    tmp_path: Path, rules_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = load_rules((rules_folder,), Cache(tmp_path / "cache"))
    mapping = load_mapping()
    declared = Declarations().digest_of

    def lane() -> CorrelationLane:
        return CorrelationLane(rules, mapping.digest, declared)

    def analysis(*_: object) -> Analysis:
        return Analysis(rules, mapping.digest, declared, Policy(), lanes=[made := lane()], tally=made.tally)

    monkeypatch.setattr(world_module, "Analysis", analysis)
    world = World(tmp_path, {"a.log": lines()})
    world.make_judge = lambda: PieceJudge(
        Scanner(
            compile_plan(rules), mapping, use_hyperscan=False, wanted=lane().wanted, silenced=silenced(rules)
        )
    )
    for _start in range(3):  # killed twice
        with world.process() as (watch, _feeds):
            for _ in range(5):
                world.clock.advance(1)
                watch.step()
    world.run()
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_bytes(lines())
    request = GuardRequest(
        (str(logs),), Declarations(), rules=(rules_folder,), processes=1, use_hyperscan=False
    )
    expected = {finding.id: finding for finding in guard(request).findings}
    told = {each.finding.id: each.finding for each in world.told.values()}
    assert told.keys() == expected.keys()
    assert [msgspec.to_builtins(told[id_]) for id_ in sorted(told)] == [
        msgspec.to_builtins(expected[id_]) for id_ in sorted(expected)
    ]
    assert len(expected) >= 6
    assert {finding.level for finding in expected.values()} == {"critical"}


def test_a_lane_comes_back_as_it_was(tmp_path: Path, rules_folder: Path) -> None:
    rules = load_rules((rules_folder,), Cache(tmp_path / "cache"))
    lane = CorrelationLane(rules, "m", Declarations().digest_of)
    lane.advance(1_000_000)
    other = CorrelationLane(rules, "m", Declarations().digest_of)
    other.load(unpack(pack(lane.dump())))
    assert pack(other.dump()) == pack(lane.dump())
    assert lane.span_us == 240_000_000
    assert lane.tally() == other.tally()
