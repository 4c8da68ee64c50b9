"""A run is sealed into this machine's node from its opening to its publishing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.app.units import alone, nobody, opened, request_of, write_logs, write_rule

from hisn.app.guard import guard
from hisn.app.member import Member
from hisn.app.places import Places
from hisn.app.sealer import NodeSealer
from hisn.errors import HisnError, StorageError
from hisn.evidence.batch import Mode


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_logs(tmp_path / "logs", a=["/", "/?marked", "/x"], b=["/?marked"])


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_a_run_is_sealed_and_published(tmp_path: Path, logs: Path, mode: Mode) -> None:
    alone(tmp_path / "home").close()
    with NodeSealer(tmp_path / "home", mode, nobody) as sealer:
        opening = sealer.open()
        assert (opening.origin, opening.is_new) == ("vesna.example", False)
        result = guard(request_of(write_rule(tmp_path), logs), None, sealer)
        assert result.sealed is not None
        assert (result.sealed.batches, result.sealed.findings, result.sealed.size) == (2, 2, 5)
        outcome = sealer.finish()
        assert (outcome.is_published, outcome.signed, outcome.missing) == (True, (), ())
    with opened(tmp_path / "home") as node:
        published = node.log.published()
        assert published is not None
        assert published.checkpoint.size == 5
        assert node.charter.genesis.hex() == opening.genesis


def test_the_copies_are_gone_before_anybody_is_asked_for_a_signature(tmp_path: Path, logs: Path) -> None:
    alone(tmp_path / "home").close()
    with NodeSealer(tmp_path / "home", "fields", nobody) as sealer:
        sealer.open()
        guard(request_of(write_rule(tmp_path), logs), None, sealer)
        assert folders(tmp_path / "home")
        sealer.finish()
        assert folders(tmp_path / "home") == []


def test_the_copies_are_gone_when_a_run_fails(tmp_path: Path, logs: Path) -> None:
    alone(tmp_path / "home").close()

    def fail() -> None:
        with NodeSealer(tmp_path / "home", "fields", nobody) as sealer:
            sealer.open()
            guard(request_of(write_rule(tmp_path), logs), None, sealer)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert folders(tmp_path / "home") == []


def test_an_old_copy_of_a_log_is_found_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone(tmp_path / "home").close()

    def seen_more(_member: Member) -> None:
        raise StorageError("E5207", "a witness has seen more")

    monkeypatch.setattr(Member, "look_out", seen_more)
    with (
        NodeSealer(tmp_path / "home", "fields", nobody) as sealer,
        pytest.raises(StorageError, match="has seen more"),
    ):
        sealer.open()


def folders(home: Path) -> list[Path]:
    return [path for path in Places(home).intake.iterdir() if path.is_dir()]


def test_nothing_is_committed_before_files_were_taken_in(tmp_path: Path) -> None:
    alone(tmp_path / "home").close()
    with NodeSealer(tmp_path / "home", "fields", nobody) as sealer:
        with pytest.raises(HisnError):
            sealer.finish()
        sealer.open()
        with pytest.raises(HisnError):
            sealer.commit([])


def test_what_holds_the_keys_loads_no_parser_and_no_arrays() -> None:
    code = "import sys, hisn.app.apart as a; a._load(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    names = set(loaded.stdout.split())
    assert "hisn.app.intake" in names
    hostile = {"hisn.events.open", "hisn.events.sources", "hisn.engine.scan", "hisn.rules.pack"}
    assert names & (hostile | {"numpy", "httpx", "hyperscan"}) == set()
