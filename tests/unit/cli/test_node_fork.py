"""``hisn node fork`` writes the proof of a fork, or says that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.app.test_fork_pack import NO_QUORUM, NORTH, SOUTH, Forked, says_twice
from tests.unit.app.units import opened

from hisn.cli.node import node
from hisn.evidence.pack import parse_pack


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Forked:
    return Forked(tmp_path_factory.mktemp("forked"))


def run(forked: Forked, *arguments: str) -> tuple[int, str]:
    runner = CliRunner(env={"HISN_HOME": str(forked.roots[SOUTH])})
    done = runner.invoke(node, ["fork", *arguments], standalone_mode=False, catch_exceptions=False)
    return done.return_value, done.output


def test_a_fork_is_proven_and_written(forked: Forked, tmp_path: Path) -> None:
    pack = tmp_path / "f.evpack"
    code, text = run(forked, *forked.sides, "-o", str(pack))
    assert code == 4
    assert "signed states of its log with different entries at" in text
    assert "FORK PROVEN" in text
    assert f"hisn verify {pack} --genesis" in text
    assert "fork/a.leaf" in parse_pack(pack.read_bytes())


def test_entries_can_be_left_out(forked: Forked, tmp_path: Path) -> None:
    pack = tmp_path / "f.evpack"
    code, text = run(forked, *forked.sides, "-o", str(pack), "--without-entries")
    assert code == 4
    assert "Of 2 entries the hash alone is shown." in text
    assert "fork/a.leaf-hash" in parse_pack(pack.read_bytes())


def test_no_fork_writes_nothing(forked: Forked, tmp_path: Path) -> None:
    pack = tmp_path / "f.evpack"
    code, text = run(forked, forked.sides[0], forked.sides[0], "-o", str(pack))
    assert code == 0
    assert "No fork" in text
    assert not pack.exists()


def test_one_log_is_looked_through(forked: Forked, tmp_path: Path) -> None:
    pack = tmp_path / "f.evpack"
    code, text = run(forked, forked.sides[0], "-o", str(pack))
    assert (code, pack.exists()) == (0, False)
    assert "No author says two things under one number." in text
    says_twice(forked.roots[NORTH], 2, 2)
    with opened(forked.roots[NORTH]) as north:
        north.log.append([b"not an act"])
        north.log.publish(north.log.head().raw, NO_QUORUM)
    code, text = run(forked, forked.sides[0], "-o", str(pack))
    assert code == 4
    assert "2 acts stand elsewhere than their numbers say" in text
    assert "1 entry is no act." in text
    assert "FORK PROVEN" in text
    assert "fork/b.leaf" in parse_pack(pack.read_bytes())
