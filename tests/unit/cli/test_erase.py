"""``hisn evidence erase`` asks before it erases for ever, and says what it does not reach."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pytest
from tests.unit.app.nodes import EAST, VOTE, World, id_of
from tests.unit.app.units import request_of, seal, write_logs

from hisn.cli.main import run


def finding(unit: World) -> str:
    with unit.open(EAST) as (east,):
        return id_of(east, VOTE)


def erased(unit: World) -> int:
    with unit.open(EAST) as (east,):
        east.member.fold.catch_up(east.log)
        return len(east.member.fold.table.positions("key-event"))


def test_nothing_is_erased_where_nobody_can_be_asked(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "erase", "--finding", finding(unit)]) == 2
    printed = capsys.readouterr()
    assert "E1316" in printed.err
    assert "vote.log" in printed.out
    assert erased(unit) == 0


@pytest.mark.parametrize("agrees", [True, False])
def test_a_person_is_asked(
    unit: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, agrees: bool
) -> None:
    def answered(text: str, *, abort: bool) -> bool:
        assert "for ever" in text
        if abort and not agrees:
            raise click.Abort
        return True

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(click, "confirm", answered)
    assert run(["evidence", "erase", "--finding", finding(unit)]) == (0 if agrees else 130)
    assert erased(unit) == int(agrees)
    capsys.readouterr()


def test_it_says_what_erasing_does_not_reach(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    name = finding(unit)
    assert run(["evidence", "erase", "--finding", name, "--yes"]) == 0
    said = capsys.readouterr().out
    for text in (
        "1 key",
        "1 batch",
        "vote.log",
        name,
        "disclosed before",
        "copies of the keys folder",
        "--bodies",
    ):
        assert text in said
    assert run(["evidence", "pack", name, "-o", "never"]) == 6
    assert "E5300" in capsys.readouterr().err


def test_bodies_are_erased_when_told_so(unit: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "erase", "--finding", finding(unit), "--bodies", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "The body of 1 finding is erased, too." in said
    assert "--bodies erases them" not in said
    assert run(["node", "fsck"]) == 0
    capsys.readouterr()


def test_all_that_was_sealed_before_a_day(
    unit: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {f"n{number}": ["/"] for number in range(22)}
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "w", **many)))
    assert run(["evidence", "erase", "--before", "2101-01-01", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "24 keys" in said
    assert "… and 4 more" in said
    assert run(["evidence", "erase", "--before", "2101-01-01", "--yes"]) == 2
    assert "E1315" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--finding", "f-1", "--intake", "00"],
        ["--before", "yesterday"],
        ["--intake", "zz"],
        ["--finding", "f-1"],
    ],
)
def test_what_is_to_be_erased_must_be_said_exactly(
    unit: World, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evidence", "erase", *arguments, "--yes"]) == 2
    assert erased(unit) == 0
    capsys.readouterr()
