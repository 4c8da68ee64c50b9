"""Damage the look-up table of a node's log: every command says so, and deleting the table mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app import nodes
from tests.unit.app.nodes import EAST, VOTE, World, id_of

from hisn.cli.main import run

BUG = 70
COMMANDS = (["node", "status"], ["evidence", "list"], ["node", "fsck"])


@pytest.fixture(scope="module")
def sealed_unit(tmp_path_factory: pytest.TempPathFactory) -> World:
    return nodes.sealed_world(tmp_path_factory.mktemp("unit"))


def test_no_command_ends_as_a_bug_and_deleting_the_table_mends_it(
    sealed_unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unit = sealed_unit.copy(tmp_path / "unit")
    with unit.open(EAST) as (east,):
        finding = id_of(east, VOTE)
    home = unit.roots[EAST]
    monkeypatch.setenv("HISN_HOME", str(home))
    commands = [*COMMANDS, ["evidence", "pack", finding, "-o", str(tmp_path / "f.evpack")]]
    table = home / "state" / "projection.db"
    sound = table.read_bytes()
    answers = set()
    for at in [*range(0, len(sound), 4_099), *range(12, 100, 17)]:
        for left in table.parent.glob("projection.db*"):
            left.unlink()
        damaged = bytearray(sound)
        damaged[at : at + 64] = bytes(byte ^ 0x5A for byte in damaged[at : at + 64])
        table.write_bytes(damaged)
        for command in commands:
            code = run(command)
            said = capsys.readouterr().err
            assert code != BUG, (at, command, said)
            if code == 6:
                assert "E503" in said
                assert "projection.db" in said
            answers.add(code)
    assert answers >= {0, 6}
    for left in table.parent.glob("projection.db*"):
        left.unlink()
    assert [run(command) for command in commands] == [0, 0, 0, 0]
