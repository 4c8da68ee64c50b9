"""``hisn evidence disclose`` and ``recheck`` as two members call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, VOTE, World, id_of, lie
from tests.unit.app.units import request_of, seal, write_logs

from hisn.cli.main import run


@pytest.fixture
def north(unit: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Let this machine's node be NORTH's."""
    monkeypatch.setenv("HISN_HOME", str(unit.roots[NORTH]))
    return unit


def disclosed(
    unit: World, path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object] | None = None
) -> Path:
    """Let EAST run the command, then be NORTH."""
    with unit.open(EAST) as (east,):
        finding = lie(unit, east, VOTE, changes) if changes else id_of(east, VOTE)  # type: ignore[arg-type]
    monkeypatch.setenv("HISN_HOME", str(unit.roots[EAST]))
    assert run(["evidence", "disclose", finding, "-o", str(path)]) == 0
    monkeypatch.setenv("HISN_HOME", str(unit.roots[NORTH]))
    return path


def recheck(unit: World, path: Path, *more: str) -> int:
    return run(["evidence", "recheck", str(path), "--rules", str(unit.rule), *more])


def test_disclosing_says_in_plain_words_what_is_given_away(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disclosed(unit, tmp_path / "f.evdata", monkeypatch)
    said = capsys.readouterr().out
    assert "  vote.log\n" in said
    assert "Every record of them" in said
    assert "cannot be taken back" in said


def test_what_no_quorum_has_seen_is_disclosed_only_when_told_so(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", late=["/?marked"])))
        finding = id_of(east, "late.log")
    arguments = ["evidence", "disclose", finding, "-o", str(tmp_path / "f")]
    assert run(arguments) == 5
    assert not (tmp_path / "f").exists()
    assert run([*arguments, "--unwitnessed"]) == 5
    assert (tmp_path / "f").exists()
    capsys.readouterr()


def test_the_same(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disclosed(unit, tmp_path / "f.evdata", monkeypatch)
    assert recheck(unit, path) == 0
    said = capsys.readouterr().out
    assert "SAME" in said
    assert f"of {EAST}" in said


def test_a_difference_is_printed_field_by_field(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disclosed(
        unit, tmp_path / "f.evdata", monkeypatch, {"count": 40, "title": "Ballots\u202e stuffed"}
    )
    assert recheck(unit, path) == 4
    said = capsys.readouterr().out.partition("DIFFERENT")[2]
    assert said.split("title")[0].split()[-5:] == ["count", "stated", "40", "found", "2"]
    assert "A marked path" in said
    assert "\u202e" not in said


def test_for_scripts(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disclosed(unit, tmp_path / "f.evdata", monkeypatch, {"count": 40})
    capsys.readouterr()
    assert recheck(unit, path, "--json") == 4
    done = json.loads(capsys.readouterr().out)
    assert done["outcome"] == "different"
    assert done["differences"] == [{"field": "count", "expected": 40, "got": 2}]
    assert (done["files"], done["witnessed"], done["answer"]) == ([VOTE], True, None)


@pytest.mark.parametrize(
    ("name", "value"), [("engine", "9.9.9"), ("mapping", "ab" * 32), ("rule_digest", "cd" * 32)]
)
def test_what_cannot_be_compared_has_an_exit_code_of_its_own(
    north: World, name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disclosed(north, north.rule.parent / f"{name}.evdata", monkeypatch, {name: value})
    assert recheck(north, path) == 3
    said = capsys.readouterr().out
    assert "Cannot be compared" in said
    assert value in said
    assert recheck(north, path, "--log") == 2
    assert "E1318" in capsys.readouterr().err


def test_the_answer_is_logged_once_and_says_who_has_seen_it(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disclosed(unit, tmp_path / "f.evdata", monkeypatch)
    # No witness of this unit can be reached from a test.
    assert recheck(unit, path, "--log") == 5
    assert "It is entry 3 of this node's log." in capsys.readouterr().out
    assert recheck(unit, path, "--log", "--json") == 5
    assert json.loads(capsys.readouterr().out)["answer"] == {"entry": 3, "published": False}
    assert recheck(unit, path, "--log") == 5
    assert "has said the same before" in capsys.readouterr().out


def test_a_dissent_is_logged(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = disclosed(unit, tmp_path / "f.evdata", monkeypatch, {"level": "low"})
    assert recheck(unit, path, "--log") == 4
    capsys.readouterr()
    with unit.open(NORTH) as (north,):
        assert north.member.fold.table.counts()["dissent"] == 1


def test_what_no_quorum_has_seen_is_said_so(
    north: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HISN_HOME", str(north.roots[EAST]))
    with north.open(EAST) as (east,):
        seal(east, request_of(north.rule, write_logs(tmp_path / "w", late=["/?marked"])))
        finding = id_of(east, "late.log")
    assert run(["evidence", "disclose", finding, "--unwitnessed", "-o", str(tmp_path / "f")]) == 5
    monkeypatch.setenv("HISN_HOME", str(north.roots[NORTH]))
    assert recheck(north, tmp_path / "f") == 5
    assert "No quorum" in capsys.readouterr().err


def test_options_that_do_not_go_together(
    north: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert recheck(north, tmp_path / "f", "--disclosed", "--log") == 2
    assert recheck(north, tmp_path / "f", "--genesis", "00" * 32) == 2
    assert recheck(north, tmp_path / "missing") == 6
    (tmp_path / "damaged").write_bytes(b"hello")
    assert recheck(north, tmp_path / "damaged") == 4
    capsys.readouterr()
