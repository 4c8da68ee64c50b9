"""Sealing says what was made, what was put into the log, and who has seen it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.app.units import write_logs, write_rule

from hisn.cli.main import run
from hisn.cli.seal import witnessing
from hisn.errors import StorageError
from hisn.node.published import Published, Signed
from hisn.node.without import Missing, Why

HEAD = None


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HISN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_the_first_sealing_makes_a_node_and_says_where_its_key_is(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules").mkdir()
    logs = write_logs(tmp_path / "logs", portal=("/", "/marked"))
    rule = write_rule(tmp_path / "rules")
    command = ["guard", str(logs), "--rules", str(rule), "--seal", "--json", "-q"]
    assert run(command) in (0, 3)
    first = capfd.readouterr()
    assert str(home / "keys") in first.err
    assert "Sealed: 2 events in 1 batch, 1 finding" in first.err
    assert "No witness is known" in first.err
    document = json.loads(first.out)
    assert run(["guard", *command[1:-3], "--json", "-q"]) in (0, 3)
    assert json.loads(capfd.readouterr().out) == document
    assert run(command) in (0, 3)
    assert "Made a node" not in capfd.readouterr().err


def published(
    *, is_published: bool, signed: tuple[str, ...] = (), missing: tuple[str, ...] = ()
) -> Published:
    return Published(
        head=HEAD,  # type: ignore[arg-type]  # the sentence does not look at it
        is_published=is_published,
        signed=tuple(Signed(name, 1) for name in signed),
        missing=tuple(Missing(name, Why.AWAY) for name in missing),
    )


def test_it_is_never_called_witnessed_without_a_quorum() -> None:
    assert "Witnessed by b, c" in witnessing(published(is_published=True, signed=("b", "c")))
    assert "unwitnessed" in witnessing(published(is_published=True))
    text = witnessing(published(is_published=False, signed=("b",), missing=("c",)))
    assert text.startswith("Sequenced, unwitnessed")
    assert "c" in text


def test_a_restored_backup_is_said_so() -> None:
    error = StorageError("E5207", "a witness has seen more than is here")
    told = published(is_published=False)
    setback = Published(told.head, is_published=False, signed=(), missing=(), setback=error)
    assert "old copy" in witnessing(setback)
