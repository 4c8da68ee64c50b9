"""What an owner asks to be shown around a finding is what a stranger reads, and is called context."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, VOTE, id_of, sealed_world

from hisn.cli.main import run


def test_context_and_the_whole_batch_are_asked_for_and_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    world = sealed_world(tmp_path)
    monkeypatch.setenv("HISN_HOME", str(world.roots[EAST]))
    with world.open(EAST) as (node,):
        finding, genesis = id_of(node, VOTE), node.charter.genesis.hex()
    pack = str(tmp_path / "f.evpack")
    packed = ["evidence", "pack", finding, "--show", "cs-uri-query", "-o", pack]
    verify = ["verify", pack, "--genesis", genesis]

    assert run([*packed, "--context", "1", "--show-context", "cs-method"]) == 0
    assert "Events shown that the finding does not name, as context: 1" in capfd.readouterr().err
    assert run(verify) == 0
    text = capfd.readouterr().out
    assert "Event 1 of batch 1, context: the finding does not name it" in text
    assert "Batch 1 has these 3 events and no other: none is withheld." in text
    assert "That the 1 events shown as context belong to the finding" in text

    assert run([*packed, "--most", "1", "--whole-batch"]) == 0
    capfd.readouterr()
    assert run([*verify, "--json"]) == 0
    events = json.loads(capfd.readouterr().out)["shown"]["events"]
    assert [(each["index"], each["context"]) for each in events] == [(0, False), (1, True), (2, False)]

    assert run([*packed, "--show-context", "cs-method"]) == 2
