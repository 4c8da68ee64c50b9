"""The calls to the operating system do what the protocol says."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hisn.storage.disk import TEMPORARY, Disk, Found, RealDisk


@pytest.fixture
def disk() -> Disk:
    return RealDisk()


def test_files_are_made_for_the_owner_alone(tmp_path: Path, disk: Disk) -> None:
    disk.make_folder(str(tmp_path / "inner"))
    folder = disk.open_folder(str(tmp_path / "inner"))
    file, name = disk.create(folder)
    assert name.startswith(TEMPORARY)
    assert (tmp_path / "inner").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "inner" / name).stat().st_mode & 0o777 == 0o600
    disk.close(file)
    disk.close(folder)


def test_bytes_go_in_and_come_out(tmp_path: Path, disk: Disk) -> None:
    folder = disk.open_folder(str(tmp_path))
    file, temporary = disk.create(folder)
    assert disk.write(file, memoryview(b"abc")) == 3
    disk.sync(file)
    disk.link(folder, temporary, folder, "blob")
    with pytest.raises(FileExistsError):
        disk.link(folder, temporary, folder, "blob")
    disk.unlink(folder, temporary)
    reading = disk.open(folder, "blob")
    assert [disk.read(reading, 2) for _ in range(3)] == [b"ab", b"c", b""]
    disk.rename(folder, "blob", folder, "other")
    disk.make_folder(str(tmp_path / "inner"))
    assert sorted(disk.names(str(tmp_path))) == [Found("inner", True), Found("other", False)]
    assert disk.modified_s(folder, "other") == pytest.approx((tmp_path / "other").stat().st_mtime)
    disk.sync(folder)
    for handle in (file, reading, folder):
        disk.close(handle)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(folder)


def test_a_file_is_held_until_it_is_closed_or_its_writer_is_dead(tmp_path: Path, disk: Disk) -> None:
    folder = disk.open_folder(str(tmp_path))
    file, name = disk.create(folder)
    assert not disk.is_abandoned(folder, name)
    disk.write(file, memoryview(b"abc"))
    assert disk.size(file) == 3
    disk.close(file)
    assert disk.is_abandoned(folder, name)
    with pytest.raises(FileNotFoundError):
        disk.is_abandoned(folder, "none")
    disk.close(folder)


def test_on_a_disk_without_locks_nothing_is_ever_abandoned(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr("hisn.storage.disk.fcntl.flock", unknown)
    folder = disk.open_folder(str(tmp_path))
    file, name = disk.create(folder)
    disk.close(file)
    assert not disk.is_abandoned(folder, name)
    disk.close(folder)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 30])
def test_all_are_synced_and_every_error_is_told(count: int) -> None:
    class Telling(RealDisk):
        def __init__(self) -> None:
            self.synced: list[int] = []

        def sync(self, handle: int) -> None:
            self.synced.append(handle)
            if handle == 5:
                raise OSError(5, "Input/output error")

    disk = Telling()
    if count <= 5:
        disk.sync_many(range(count))
    else:
        with pytest.raises(OSError, match="Input/output"):
            disk.sync_many(range(count))
    tried = count if count >= 8 else min(count, 6)
    assert sorted(disk.synced) == list(range(tried))


def test_a_link_to_elsewhere_is_not_followed(tmp_path: Path, disk: Disk) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    folder = disk.open_folder(str(tmp_path))
    with pytest.raises(OSError, match="symbolic"):
        disk.open(folder, "link")
    disk.close(folder)
