"""Put old copies of a node's folder, or of parts of it, back in place: nothing is signed over them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.faults.appender import NO_QUORUM, ORIGIN, open_log, signer

from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.tlog.adopt import adopt
from hisn.tlog.append import LogWriter
from hisn.tlog.fsck import fsck
from hisn.tlog.staging import LogNames

NAMES = LogNames(ORIGIN)
OLD = [b"old %d" % number for number in range(300)]
NEW = [b"new %d" % number for number in range(400)]


def node_and_old_copy(tmp_path: Path) -> tuple[Path, Path, bytes]:
    """Return a node, a copy of it from before the newest appends, and the head that witnesses keep."""
    node, copy = tmp_path / "node", tmp_path / "copy"
    (node / "state").mkdir(parents=True)
    register = SqliteRegister(node / "state" / "commit.db")
    writer = LogWriter.create(signer(), FileBlobs(node), register)
    writer.append(OLD)
    writer.publish(writer.head().raw, NO_QUORUM)
    shutil.copytree(node, copy)
    writer.append(NEW[:100])
    writer.append(NEW[100:])
    witnessed = writer.head().raw
    register.close()
    return node, copy, witnessed


def put_back(copy: Path, node: Path, *parts: str) -> None:
    for part in parts:
        target = node / part
        if target.is_dir():
            shutil.rmtree(target)
        for path in [copy / part] if (copy / part).exists() else []:
            (shutil.copytree if path.is_dir() else shutil.copy)(path, target)


def refuses(node: Path) -> str:
    writer = open_log(node, signer())
    with pytest.raises(StorageError) as caught:
        writer.append([b"fork"])
    assert "hisn node recover" in caught.value.hint
    return caught.value.code


def recovers(node: Path, witnessed: bytes) -> None:
    """Recover from a mirror, and look at every file."""
    entries = [*OLD, *NEW]
    blobs, register = FileBlobs(node), SqliteRegister(node / "state" / "commit.db")
    adopt(signer().keys, blobs, register, witnessed, lambda start, end: entries[start:end])
    register.close()
    writer = open_log(node, signer())
    assert writer.append([b"gap"]).first_index == len(entries)
    writer.publish(writer.head().raw, NO_QUORUM)
    names = [name.removeprefix(NAMES.folder) for name in blobs.list(NAMES.folder)]
    report = fsck(lambda name: blobs.get(NAMES.folder + name), writer.keys, names=names)
    assert report.require_sound().size == len(entries) + 1


@pytest.mark.parametrize(
    "parts", [["state"], ["state/commit.db", "state/commit.db-wal", "state/commit.db-shm"]]
)
def test_an_old_register_beside_new_files(tmp_path: Path, parts: list[str]) -> None:
    node, copy, witnessed = node_and_old_copy(tmp_path)
    put_back(copy, node, *parts)
    assert refuses(node) == "E5207"
    recovers(node, witnessed)


def test_old_files_beside_a_new_register(tmp_path: Path) -> None:
    node, copy, witnessed = node_and_old_copy(tmp_path)
    put_back(copy, node, "log")
    assert refuses(node) == "E5208"
    recovers(node, witnessed)


def test_the_whole_folder(tmp_path: Path) -> None:
    node, copy, witnessed = node_and_old_copy(tmp_path)
    shutil.rmtree(node)
    shutil.copytree(copy, node)
    with pytest.raises(StorageError) as caught:
        open_log(node, signer()).check_witness_head(witnessed)
    assert caught.value.code == "E5207"
    assert refuses(node) == "E5207", "every later process knows it, too"
    recovers(node, witnessed)


def test_the_whole_folder_used_while_no_witness_answered(tmp_path: Path) -> None:
    node, copy, witnessed = node_and_old_copy(tmp_path)
    shutil.rmtree(node)
    shutil.copytree(copy, node)
    astray = open_log(node, signer())
    astray.append([b"unseen %d" % number for number in range(500)])
    with pytest.raises(StorageError) as caught:
        astray.check_witness_head(witnessed)
    assert caught.value.code == "E5211"
    assert refuses(node) == "E5207"
    recovers(node, witnessed)
    kept = b"".join(path.read_bytes() for path in (node / "state" / "suspect").rglob("*") if path.is_file())
    assert all(b"unseen %d" % number in kept for number in range(500))


@pytest.mark.parametrize("part", ["state/commit.db", "log"])
def test_a_part_that_is_gone(tmp_path: Path, part: str) -> None:
    node, _, witnessed = node_and_old_copy(tmp_path)
    target = node / part
    if target.is_dir():
        shutil.rmtree(target)
        assert refuses(node) == "E5208"
    else:
        for path in (node / "state").glob("commit.db*"):
            path.unlink()
        with pytest.raises(StorageError) as caught:
            open_log(node, signer())
        assert caught.value.code == "E5207"
    recovers(node, witnessed)
