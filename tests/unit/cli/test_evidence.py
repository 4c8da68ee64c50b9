"""``hisn evidence list``, ``show`` and ``pack`` as people and scripts call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, VOTE, WEB, World, id_of, lie
from tests.unit.app.units import alone, request_of, seal, write_logs

from hisn.app.erase import ErasureRequest, erase, plan_erasure
from hisn.app.member import Draft
from hisn.cli.main import run


def finding(unit: World, source: str = VOTE) -> str:
    with unit.open(EAST) as (east,):
        return id_of(east, source)


def test_list_names_every_finding(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "list"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == [finding(unit, VOTE), finding(unit, WEB)]
    assert all("A marked path" in line for line in printed)


def test_list_for_scripts(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["id"] for row in rows] == [finding(unit, VOTE), finding(unit, WEB)]


def test_list_names_what_was_erased_by_its_place(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    with unit.open(EAST) as (east,):
        erase(east, plan_erasure(east, ErasureRequest(finding=id_of(east, VOTE), bodies=True)))
    assert run(["evidence", "list"]) == 0
    assert "entry 5: its body is not there" in capsys.readouterr().out


def test_an_empty_log_says_how_findings_come_into_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alone(tmp_path / "home").close()
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    assert run(["evidence", "list"]) == 0
    assert "guard --seal" in capsys.readouterr().out


def test_without_a_node_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "none"))
    assert run(["evidence", "list"]) == 2
    assert "E1301" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_show_prints_what_can_be_disclosed(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "show", finding(unit)[:10]]) == 0
    printed = capsys.readouterr().out
    for text in ("cs-uri-query", "vote.log", "1, 3", "A marked path"):
        assert text in printed


def test_pack_writes_a_file_that_verify_takes(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "f.evpack"
    assert run(["evidence", "pack", finding(unit), "--show", "cs-method, c-ip", "-o", str(path)]) == 0
    command = capsys.readouterr().out.splitlines()[-1].split()
    assert command[:2] == ["hisn", "verify"]
    assert run(command[1:]) == 0
    assert "203.0.113.7" in capsys.readouterr().out


def test_pack_says_what_it_did_not_find_and_left_out(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evidence", "pack", finding(unit), "--show", "nowhere", "--records", "3"]
    assert run([*arguments, "-o", str(tmp_path / "f")]) == 0
    said = capsys.readouterr().err
    assert "nowhere" in said
    assert "1 " in said


def test_pack_names_members_whose_answer_does_not_verify(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "hisn.app.evidence_pack.with_answers", lambda _node, _place, parts: (parts, ("north.example",))
    )
    assert run(["evidence", "pack", finding(unit), "-o", str(tmp_path / "f")]) == 0
    assert "north.example" in capsys.readouterr().err


def test_pack_exit_codes(unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f"
    assert run(["evidence", "pack", "f-nothing", "-o", str(path)]) == 2
    assert run(["evidence", "pack", finding(unit), "--records", "5-3", "-o", str(path)]) == 2
    assert run(["evidence", "pack", finding(unit), "-o", str(tmp_path / "no" / "f")]) == 6
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", late=["/?marked"])))
    assert run(["evidence", "pack", finding(unit, "late.log"), "-o", str(path)]) == 5
    assert not path.exists()
    assert run(["evidence", "pack", finding(unit, "late.log"), "--unwitnessed", "-o", str(path)]) == 5
    assert path.exists()
    with unit.open(EAST) as (east,):
        east.member.record([Draft(kind="observation", public={"what": "x", "digest": "0" * 64})])
        lie(unit, east, VOTE, {"batches": (("x",),)})
    assert run(["evidence", "pack", finding(unit), "-o", str(path)]) == 4
    capsys.readouterr()
