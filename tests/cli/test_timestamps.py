"""A pack with a token of a time-stamping service, from the owner's command line to a stranger's."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, sealed_world
from tests.unit.app.tsa import make_authority, serving

from hisn.cli.main import run


@pytest.mark.needs("openssl")
def test_a_token_is_packed_and_shown_to_who_trusts_its_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    world = sealed_world(tmp_path)
    monkeypatch.setenv("HISN_HOME", str(world.roots[EAST]))
    with world.open(EAST) as (node,):
        node.member.fold.catch_up(node.log)
        (finding, _), *_ = node.member.fold.table.findings("f-")
        genesis = node.charter.genesis.hex()
    ours, theirs = (make_authority(tmp_path / name) for name in ("ours", "theirs"))
    pack = str(tmp_path / "f.evpack")
    with serving(ours.reply) as url:
        assert run(["evidence", "pack", finding, "--timestamp", url, "-o", pack]) == 0
    verify = ["verify", pack, "--genesis", genesis]
    capfd.readouterr()

    assert run([*verify, "--timestamp-root", str(ours.root)]) == 0
    text = capfd.readouterr().out
    assert "Act 0 existed before" in text
    assert "1 tokens are there" in text

    assert run([*verify, "--timestamp-root", str(theirs.root)]) == 0
    assert "The token of act 0 does not hold" in capfd.readouterr().out

    assert run(verify) == 0
    assert "Act 0 existed before" not in capfd.readouterr().out

    assert run([*verify, "--timestamp-root", pack]) == 2
    with serving(lambda _query: b"no token") as url:
        other = tmp_path / "g.evpack"
        assert run(["evidence", "pack", finding, "--timestamp", url, "-o", str(other)]) == 6
        assert "E5321" in capfd.readouterr().err
        assert not other.exists()
    assert run([*verify, "--timestamp-root", str(ours.root), "--lang", "ar"]) == 0
