"""Files are whole or not there; the cache is never trusted blindly."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.files import Cache, cache_folder, home_folder, write_whole


def test_write_replaces_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_whole(target, b"old")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "report.html"
    write_whole(target, b"old")

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(StorageError) as caught:
        write_whole(target, b"new")
    assert caught.value.code == "E5020"
    assert "as it was" in caught.value.unchanged
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_missing_folder_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        write_whole(tmp_path / "no" / "such" / "file", b"")


def test_cache_gives_back_what_was_put(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    assert cache.get("plan:1") is None
    assert cache.put("plan:1", b"blob")
    assert cache.get("plan:1") == b"blob"
    assert cache.get("plan:2") is None


def test_rotten_cache_entry_is_not_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put("plan:1", b"blob")
    (entry,) = (tmp_path / "cache").iterdir()
    data = bytearray(entry.read_bytes())
    data[-1] ^= 1
    entry.write_bytes(bytes(data))
    assert cache.get("plan:1") is None
    entry.write_bytes(b"")
    assert cache.get("plan:1") is None


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX permissions")
def test_cache_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    """A local attacker plants a compiled plan that finds nothing."""
    cache = Cache(tmp_path / "cache")
    cache.put("plan:1", b"blob")
    (tmp_path / "cache").chmod(0o777)
    assert cache.get("plan:1") is None
    assert not cache.put("plan:1", b"other")


def test_cache_without_a_folder_keeps_nothing(tmp_path: Path) -> None:
    assert not Cache(None).put("key", b"blob")
    assert Cache(None).get("key") is None
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    assert not Cache(blocked / "cache").put("key", b"blob")


def test_home_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HISN_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("HISN_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "x" / "hisn"


@pytest.mark.skipif(sys.platform == "win32", reason="no folder can be opened there")
def test_the_name_of_a_file_is_durable_when_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, a power cut after a change of keys brings the old key file back."""
    folders: list[bool] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        folders.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(tmp_path / "node.key", b"secret")
    assert folders == [False, True]


def test_a_folder_that_may_be_written_and_not_read_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refusing(path: str | Path, flags: int, mode: int = 0o777) -> int:
        if Path(path) == tmp_path:
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", refusing)
    write_whole(tmp_path / "report.html", b"new")
    assert (tmp_path / "report.html").read_bytes() == b"new"
