"""``hisn evidence recheck --disclosed`` for whoever has a proof pack and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, VOTE, World, id_of, lie
from tests.unit.app.units import request_of, seal, write_logs

from hisn.app.evidence_pack import PackRequest, batches_of, find_finding, make_pack
from hisn.app.reopen import own_act
from hisn.cli.main import run


def packed(unit: World, path: Path, source: str = VOTE, **more: object) -> Path:
    with unit.open(EAST) as (east,):
        path.write_bytes(make_pack(east, PackRequest(finding=id_of(east, source), **more)).data)  # type: ignore[arg-type]
    return path


def judge(unit: World, path: Path, *more: str) -> int:
    return run(["evidence", "recheck", "--disclosed", str(path), "--rules", str(unit.rule), *more])


def test_the_rule_holds(unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(unit, packed(unit, tmp_path / "f", show=("cs-uri-query",))) == 0
    said = capsys.readouterr().out
    assert "event 0 of batch 1: the rule holds" in said
    assert "hits 2 of the events shown" in said


def test_what_is_hidden_is_named(unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(unit, packed(unit, tmp_path / "f", most=1)) == 3
    said = capsys.readouterr().out
    assert "because this is hidden: cs-uri-query" in said
    assert "1 further event" in said


def test_an_event_that_is_no_hit_is_a_difference(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unit.open(EAST) as (east,):
        ((leaf, root, _),) = batches_of(own_act(east, find_finding(east, id_of(east, VOTE))))
        lie(unit, east, VOTE, {"batches": ((leaf, root, (0, 1)),)})
    path = packed(unit, tmp_path / "f", show=("cs-uri-query",))
    assert judge(unit, path) == 4
    assert "event 1 of batch 1: the rule does NOT hold" in capsys.readouterr().out
    assert judge(unit, path, "--json") == 4
    done = json.loads(capsys.readouterr().out)
    assert [event["rule"] for event in done["events"]] == ["holds", "fails"]


def test_a_stranger_without_a_node_gives_the_genesis_or_is_told_so(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = packed(unit, tmp_path / "f", show=("cs-uri-query",))
    with unit.open(EAST) as (east,):
        genesis = east.charter.genesis.hex()
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "none"))
    assert judge(unit, path) == 0
    assert "no genesis digest" in capsys.readouterr().err
    assert judge(unit, path, "--genesis", genesis) == 0
    assert "no genesis digest" not in capsys.readouterr().err
    assert judge(unit, path, "--genesis", "00" * 32) == 4
    assert judge(unit, path, "--genesis", "short") == 2
    capsys.readouterr()


def test_whole_records_and_packs_without_events_cannot_be_told(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", whole=["/?marked"])), "whole")
        unit.publish(east)
    assert judge(unit, packed(unit, tmp_path / "f", "whole.log", whole=True)) == 3
    assert "the record itself" in capsys.readouterr().out
    assert judge(unit, packed(unit, tmp_path / "f", most=0)) == 3
    assert "shows no event" in capsys.readouterr().out


def test_many_events_are_summed_up(unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", many=["/?marked"] * 55)))
    path = packed(unit, tmp_path / "f", "many.log", show=("cs-uri-query",), most=60, unwitnessed=True)
    assert judge(unit, path) == 5
    said = capsys.readouterr().out
    assert "and 5 more events" in said
    assert "hits 55" in said


def test_another_version_is_said_so(unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unit.open(EAST) as (east,):
        lie(unit, east, VOTE, {"engine": "9.9.9"})
    assert judge(unit, packed(unit, tmp_path / "f")) == 3
    assert "9.9.9" in capsys.readouterr().out
