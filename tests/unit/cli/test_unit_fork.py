"""``hisn unit fork`` writes the proof that a unit has two rosters, or says that there is one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.app.nodes import EAST, NORTH, SOUTH, sealed_world
from tests.unit.app.test_roster_fork import Split

from hisn.cli.unit import unit
from hisn.evidence.pack import parse_pack


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    folder = tmp_path_factory.mktemp("split")
    return Split(sealed_world(folder), folder)


def run(split: Split, *arguments: str) -> tuple[int, str]:
    runner = CliRunner(env={"HISN_HOME": str(split.unit.roots[EAST])})
    done = runner.invoke(unit, ["fork", *arguments], standalone_mode=False, catch_exceptions=False)
    return done.return_value, done.output


def test_a_fork_of_the_roster_is_proven_and_written(split: Split, tmp_path: Path) -> None:
    pack = tmp_path / "f.evpack"
    code, text = run(split, str(split.rosters(NORTH)), "-o", str(pack))
    assert code == 4
    assert "FORK PROVEN" in text
    assert f"{EAST}, {NORTH}, {SOUTH} signed two different rosters as epoch 1: the unit is forked." in text
    assert f"hisn verify {pack} --genesis" in text
    assert {"fork/a.dsse", "fork/b.dsse"} <= parse_pack(pack.read_bytes()).keys()


def test_one_roster_writes_nothing(split: Split, tmp_path: Path) -> None:
    pack = tmp_path / "f.evpack"
    code, text = run(split, str(split.rosters(SOUTH)), str(split.rosters(EAST)), "-o", str(pack))
    assert (code, pack.exists()) == (0, False)
    assert "No fork: both have the same rosters of Delta unit, in epochs 0, 1." in text
