"""Wrapped keys are private, replaced whole, and stay erased."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.keyring import FileKeyStore

ONE, TWO = "11" * 32, "22" * 32


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore(tmp_path / "keys")


def test_records_come_back_in_order_and_can_be_replaced(store: FileKeyStore, tmp_path: Path) -> None:
    store.put_many([(TWO, b"two"), (ONE, b"one")])
    store.put_many([(TWO, b"two, wrapped again")])
    again = FileKeyStore(tmp_path / "keys")
    assert list(again.list()) == [ONE, TWO]
    assert (again.get(ONE), again.get(TWO), again.get("33" * 32)) == (b"one", b"two, wrapped again", None)


def test_a_deleted_record_is_gone_and_deleting_twice_is_no_error(store: FileKeyStore) -> None:
    store.put_many([(ONE, b"one"), (TWO, b"two")])
    store.delete(ONE)
    store.delete(ONE)
    store.delete("33" * 32)
    assert list(store.list()) == [TWO]


def test_a_deleted_record_was_overwritten_first(store: FileKeyStore, tmp_path: Path) -> None:
    store.put_many([(ONE, b"secret")])
    second = tmp_path / "second name of the same file"
    os.link(tmp_path / "keys" / "wrapped" / "11" / ONE, second)
    store.delete(ONE)
    assert second.read_bytes() == bytes(6)


def test_joining_an_old_copy_of_the_folder_loses_no_erasure(store: FileKeyStore, tmp_path: Path) -> None:
    store.append_erased([ONE])
    shutil.copytree(tmp_path / "keys", tmp_path / "old")
    store.append_erased([TWO, ONE])
    shutil.copytree(tmp_path / "old", tmp_path / "keys", dirs_exist_ok=True)
    assert store.erased() == {ONE, TWO}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_nobody_else_can_read_the_keys(store: FileKeyStore, tmp_path: Path) -> None:
    store.put_many([(ONE, b"one")])
    for path in (tmp_path / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_key_that_cannot_be_removed_is_named(store: FileKeyStore, tmp_path: Path) -> None:
    (tmp_path / "keys" / "wrapped" / "11" / ONE).mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        store.delete(ONE)
    assert caught.value.code == "E5331"
    (tmp_path / "keys" / "wrapped" / "22").write_bytes(b"no folder")
    with pytest.raises(StorageError):
        store.delete(TWO)


def test_a_folder_that_cannot_be_opened_is_told(store: FileKeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put_many([(ONE, b"one")])

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Permission denied") as caught:
        store.delete(ONE)
    assert caught.value.code == "E5331"
