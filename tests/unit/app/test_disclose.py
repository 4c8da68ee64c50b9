"""What another member needs to find a finding again is in one file, and it says what it gives away."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, VOTE, World, disclosed, id_of
from tests.unit.app.units import LINE, request_of, seal, write_logs

from hisn.app import disclose as module
from hisn.app.disclose import disclose, prepare_disclosure
from hisn.app.heads import Heads
from hisn.errors import PolicyError, StorageError, UsageError
from hisn.evidence.key_record import key_commitment
from hisn.verify.check import verify_pack
from hisn.verify.steps import Result


def test_the_file_holds_pack_keys_and_encrypted_files_and_any_zip_program_opens_it(
    unit: World, tmp_path: Path
) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        keys = json.loads(archive.read("keys.json"))
        pack = archive.read("f.evpack")
    assert names[:2] == ["f.evpack", "keys.json"]
    assert len(names) == 3
    for commitment, key in keys.items():
        assert key_commitment(bytes.fromhex(key)).hex() == commitment
    with unit.open(EAST) as (east,):
        report = verify_pack(pack, genesis=east.charter.genesis)
    assert report.result is Result.VALID
    assert report.shown is not None
    assert (report.shown.hidden, report.shown.events) == ((), ())
    assert report.shown.finding["why.0.value"]
    assert report.shown.batches[0].fields["source"] == VOTE


def test_it_names_the_whole_files_that_it_gives_away(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        given = disclose(east, id_of(east, VOTE), tmp_path / "f.evdata")
    assert given.files == (VOTE,)
    assert len(given.batches) == 1


def test_the_files_are_named_before_anything_is_written(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        assert prepare_disclosure(east, id_of(east, VOTE)).files == (VOTE,)
        assert list(tmp_path.glob("*.evdata")) == []


def test_of_an_archive_it_names_the_whole(unit: World, tmp_path: Path) -> None:
    """The finding is in one log of the archive; its key opens the others, too."""
    with zipfile.ZipFile(tmp_path / "evening.zip", "w") as archive:
        archive.writestr("a.log", LINE.format(minute=1, target="/?marked"))
        archive.writestr("secret.log", LINE.format(minute=1, target="/"))
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, tmp_path / "evening.zip"))
        given = disclose(east, id_of(east, "evening.zip!a.log"), tmp_path / "f.evdata", unwitnessed=True)
    assert given.files == ("evening.zip",)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
def test_nobody_else_on_the_machine_reads_the_keys(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_no_quorum_has_seen_does_not_leave_the_node(unit: World, tmp_path: Path) -> None:
    logs = write_logs(tmp_path / "late", late=["/?marked"])
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, logs))
        finding = id_of(east, "late.log")
        with pytest.raises(PolicyError):
            disclose(east, finding, tmp_path / "f.evdata")
        assert not (tmp_path / "f.evdata").exists()
        given = disclose(east, finding, tmp_path / "f.evdata", unwitnessed=True)
    assert given.report.result is Result.VALID_UNWITNESSED


def test_the_state_that_was_disclosed_is_kept_for_those_who_will_cite_it(unit: World, tmp_path: Path) -> None:
    disclosed(unit, tmp_path / "f.evdata")
    with unit.open(EAST) as (east,):
        published = east.log.published()
        assert published is not None
        kept = Heads(east).at(EAST, published.checkpoint.size)
        assert kept is not None
        assert kept.raw == published.raw


def test_an_erased_file_is_not_disclosed(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        vault = east.vault()
        vault.erase([bytes.fromhex(name) for name in (p.name for p in keys_of(unit))])
        with pytest.raises(StorageError) as caught:
            disclose(east, id_of(east, VOTE), tmp_path / "f.evdata")
    assert caught.value.code == "E5300"
    assert not (tmp_path / "f.evdata").exists()


def keys_of(unit: World) -> list[Path]:
    return [path for path in (unit.roots[EAST] / "keys" / "wrapped").rglob("*") if path.is_file()]


def test_a_lost_encrypted_file_is_named_and_leaves_no_half_file(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        finding = id_of(east, VOTE)
        for path in (unit.roots[EAST] / "blob").rglob("*"):
            if path.is_file() and path.read_bytes().startswith(b"hisn-raw/1\n"):
                path.unlink()
        with pytest.raises(StorageError) as caught:
            disclose(east, finding, tmp_path / "f.evdata")
    assert caught.value.code == "E5341"
    assert list(tmp_path.glob("*.evdata")) + list(tmp_path.glob(".*")) == []


def test_a_finding_of_more_batches_than_a_pack_can_number_is_refused(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PACK_NUMBER", 1)
    with unit.open(EAST) as (east,), pytest.raises(UsageError) as caught:
        disclose(east, id_of(east, VOTE), tmp_path / "f.evdata")
    assert caught.value.code == "E1319"
