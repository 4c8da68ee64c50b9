"""Blobs on a disk: whole, never overwritten, durable, and nothing tried again after a failed sync."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.disk import RealDisk
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.tlog.ports import Blobs, DurabilityLost


@pytest.fixture(params=["files", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FileBlobs(tmp_path / "home") if request.param == "files" else MemoryBlobs()


class TellingDisk(RealDisk):
    """Do as the system does, and remember the calls; fail the calls that a test names."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failures: dict[str, OSError] = {}

    def _tell(self, call: str) -> None:
        self.calls.append(call)
        if call in self.failures:
            raise self.failures[call]

    def open_folder(self, path: str) -> int:
        self._tell("open_folder")
        return super().open_folder(path)

    def create(self, folder: int) -> tuple[int, str]:
        self._tell("create")
        return super().create(folder)

    def open(self, folder: int, name: str) -> int:
        self._tell("open")
        return super().open(folder, name)

    def read(self, file: int, size: int) -> bytes:
        self._tell("read")
        return super().read(file, size)

    def write(self, file: int, data: memoryview) -> int:
        self._tell("write")
        return super().write(file, data[:7])

    def sync(self, handle: int) -> None:
        kind = "folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file"  # noqa: PTH112 -- a handle
        self._tell(f"sync {kind}")
        super().sync(handle)

    def link(self, folder: int, old: str, new_folder: int, new: str) -> None:
        self._tell("link")
        super().link(folder, old, new_folder, new)

    def rename(self, folder: int, old: str, new_folder: int, new: str) -> None:
        self._tell("rename")
        super().rename(folder, old, new_folder, new)

    def unlink(self, folder: int, name: str) -> None:
        self._tell("unlink")
        super().unlink(folder, name)


def telling(tmp_path: Path) -> tuple[FileBlobs, TellingDisk]:
    disk = TellingDisk()
    blobs = FileBlobs(tmp_path / "home", disk)
    blobs.put("a/first", b"x")
    disk.calls.clear()
    return blobs, disk


def litter(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "home").rglob(".*") if path.is_file()]


def test_what_was_put_is_got(blobs: Blobs) -> None:
    assert blobs.get("a/b/c") is None
    blobs.put("a/b/c", b"bytes")
    blobs.put("a/b/c", b"bytes")
    assert blobs.get("a/b/c") == b"bytes"
    assert blobs.get("a/b/c2") is None
    blobs.put("empty", b"")
    assert blobs.get("empty") == b""


def test_other_bytes_never_replace_a_blob(blobs: Blobs) -> None:
    blobs.put("tile/0/000", b"first")
    with pytest.raises(StorageError, match="other bytes") as caught:
        blobs.put("tile/0/000", b"second")
    assert caught.value.code == "E5202"
    assert blobs.get("tile/0/000") == b"first"


def test_many_are_put_at_once(blobs: Blobs) -> None:
    items = [(f"tile/{number % 3}/{number:03}", b"%d" % number) for number in range(300)]
    blobs.put_many(iter(items))
    blobs.put_many([*items[:3], *items[:3]])
    blobs.put_many([])
    assert [blobs.get(name) for name, _ in items] == [data for _, data in items]


def test_one_wrong_among_many_leaves_the_others_whole(blobs: Blobs) -> None:
    blobs.put("b", b"first")
    with pytest.raises(StorageError):
        blobs.put_many([("a", b"a"), ("b", b"second"), ("c", b"c")])
    assert blobs.get("b") == b"first"
    assert blobs.get("a") in (None, b"a")
    assert blobs.get("c") in (None, b"c")


def test_names_are_listed_in_order(blobs: Blobs) -> None:
    names = ["a-b", "a/b", "a/c/d", "a.p/1", "a.p/10", "a.p/2", "ab", "b/c"]
    blobs.put_many((name, b"") for name in reversed(names))
    assert list(blobs.list("")) == sorted(names)
    assert list(blobs.list("a/")) == ["a/b", "a/c/d"]
    assert list(blobs.list("a.p/1")) == ["a.p/1", "a.p/10"]
    assert list(blobs.list("a")) == sorted(names[:-1])
    assert list(blobs.list("none/")) == []
    assert list(blobs.list("ab/")) == []


def test_only_replace_replaces(blobs: Blobs) -> None:
    blobs.replace("log/checkpoint", b"old")
    blobs.replace("log/checkpoint", b"new")
    assert blobs.get("log/checkpoint") == b"new"
    assert list(blobs.list("log/")) == ["log/checkpoint"]


def test_deleting_what_is_not_there_is_no_error(blobs: Blobs) -> None:
    blobs.put("staging/x", b"")
    blobs.delete("staging/x")
    blobs.delete("staging/x")
    blobs.delete("never/was")
    assert blobs.get("staging/x") is None


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".x", "a/.tmp-1", "a\n", "ä", "a\0"]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "home")
    for call in (
        lambda: blobs.put(name, b""),
        lambda: blobs.get(name),
        lambda: blobs.replace(name, b""),
        lambda: blobs.delete(name),
        lambda: blobs.put_parts([], lambda: name),
    ):
        with pytest.raises(ValueError, match="not a name"):
            call()


def test_the_folder_is_open_before_the_name_is_made_and_synced_after(tmp_path: Path) -> None:
    # tessera #749: opened after the rename, a folder never tells of an error that came between.
    blobs, disk = telling(tmp_path)
    blobs.put("a/second", b"x")
    assert [call for call in disk.calls if call != "open"] == [
        "open_folder", "create", "write", "sync file", "link", "sync folder", "unlink",
    ]  # fmt: skip


def test_a_new_folder_is_synced_in_the_one_above_it(tmp_path: Path) -> None:
    disk = TellingDisk()
    FileBlobs(tmp_path / "home", disk).put("a/b", b"x")
    # The parent of the home, the home, and the folder of the file itself.
    assert disk.calls.count("sync folder") == 3
    # Another process made the folders, and may have died before it synced them.
    disk.calls.clear()
    FileBlobs(tmp_path / "home", disk).put("a/c", b"x")
    assert disk.calls.count("sync folder") == 3


def test_short_writes_go_on(tmp_path: Path) -> None:
    blobs, disk = telling(tmp_path)
    blobs.put("a/long", b"x" * 100)
    assert disk.calls.count("write") == 15
    assert blobs.get("a/long") == b"x" * 100


def test_the_same_bytes_once_more_are_written_once_more(tmp_path: Path) -> None:
    # Their first writer may have died of a failed sync: what can be read need not be on the disk.
    blobs, disk = telling(tmp_path)
    blobs.put("a/first", b"x")
    assert disk.calls.count("sync file") == 1
    assert "rename" in disk.calls
    assert not litter(tmp_path)


def test_many_new_folders_are_synced_at_once_in_the_one_above_them(tmp_path: Path) -> None:
    """Blobs lie in folders by the first digits of their digests: nearly each of a run in one of its own."""
    blobs, disk = telling(tmp_path)
    blobs.put_many((f"a/{number:02}/x", b"x") for number in range(20))
    # Once the one in which the twenty were made; and in each of them the name of its own file.
    assert disk.calls.count("sync folder") == 1 + 20
    assert disk.calls.index("link") > len(disk.calls) - disk.calls[::-1].index("create") - 1


@pytest.mark.parametrize("call", ["sync file", "sync folder"])
def test_after_a_failed_sync_nothing_is_written_any_more(tmp_path: Path, call: str) -> None:
    blobs, disk = telling(tmp_path)
    disk.failures = {call: OSError(errno.EIO, "Input/output error")}
    with pytest.raises(DurabilityLost, match="Input/output error"):
        blobs.put("a/second", b"x")
    disk.failures.clear()
    disk.calls.clear()
    for attempt in (
        lambda: blobs.put("a/second", b"x"),
        lambda: blobs.put_many([("a/second", b"x")]),
        lambda: blobs.put_parts([b"x"], lambda: "a/second"),
        lambda: blobs.replace("a/second", b"x"),
        lambda: blobs.delete("a/first"),
        blobs.sweep,
    ):
        with pytest.raises(DurabilityLost, match="earlier"):
            attempt()
    assert disk.calls == []
    assert blobs.get("a/first") == b"x"


@pytest.mark.parametrize(
    ("error", "hint"),
    [(errno.ENOSPC, "free space"), (errno.EDQUOT, "free space"), (errno.EIO, "check the disk")],
)
def test_a_failed_write_leaves_nothing_behind_and_may_be_tried_again(
    tmp_path: Path, error: int, hint: str
) -> None:
    blobs, disk = telling(tmp_path)
    for call in ("create", "write", "link", "open_folder"):
        disk.failures = {call: OSError(error, os.strerror(error))}
        with pytest.raises(StorageError) as caught:
            blobs.put("a/second", b"x")
        assert caught.value.code == "E5203"
        assert "a/second" in caught.value.message
        assert hint in caught.value.hint
        assert not litter(tmp_path)
    disk.failures.clear()
    assert blobs.get("a/second") is None
    blobs.put("a/second", b"x")


def test_an_error_without_words_is_still_told(tmp_path: Path) -> None:
    blobs, disk = telling(tmp_path)
    disk.failures = {"create": OSError("strange")}
    with pytest.raises(StorageError, match="strange"):
        blobs.put("a/second", b"x")


def test_what_cannot_be_read_is_not_taken_for_missing(tmp_path: Path) -> None:
    blobs, disk = telling(tmp_path)
    disk.failures = {"open": PermissionError(errno.EACCES, "Permission denied")}
    with pytest.raises(StorageError, match="Permission denied"):
        blobs.get("a/first")
    disk.failures = {"read": OSError(errno.EIO, "Input/output error")}
    with pytest.raises(StorageError, match="cannot read a/first"):
        blobs.get("a/first")
    (tmp_path / "home" / "a").chmod(0)
    if os.geteuid() != 0:  # root may read everything
        with pytest.raises(StorageError):
            list(blobs.list("a/"))
    (tmp_path / "home" / "a").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, disk = telling(tmp_path)

    def fail(_path: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk, "names", fail)
    with pytest.raises(StorageError, match="cannot list a"):
        list(blobs.list("a/"))


class Racing(RealDisk):
    """Let another writer be faster, at the last moment."""

    def __init__(self, path: Path, data: bytes) -> None:
        self._path, self._data = path, data

    def link(self, folder: int, old: str, new_folder: int, new: str) -> None:
        self._path.write_bytes(self._data)
        super().link(folder, old, new_folder, new)


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_late_writer_overwrites_nothing(tmp_path: Path, is_stream: bool) -> None:
    # sunlight #11 and #13: the write of an attempt that had timed out came last, and won.
    target = tmp_path / "home" / "tile"
    for theirs in (b"ours", b"theirs"):
        blobs = FileBlobs(tmp_path / "home", Racing(target, theirs))

        def put(blobs: FileBlobs = blobs) -> None:
            if is_stream:
                blobs.put_parts([b"ou", b"rs"], lambda: "tile")
            else:
                blobs.put("tile", b"ours")

        if theirs == b"ours":
            put()
        else:
            with pytest.raises(StorageError) as caught:
                put()
            assert caught.value.code == "E5202"
        assert target.read_bytes() == theirs
        target.unlink()
        assert not litter(tmp_path)


def test_a_blob_larger_than_memory_goes_through_in_parts(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "home")
    seen = []

    def parts() -> Iterator[bytes]:
        for number in range(4):
            seen.append(number)
            yield bytes([number]) * 700_000

    named = blobs.put_parts(parts(), lambda: f"blob/sha256/ab/{len(seen)}")
    assert named == "blob/sha256/ab/4"
    whole = b"".join(parts())
    read = blobs.get_parts(named)
    assert read is not None
    pieces = list(read)
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) <= 1 << 20
    assert blobs.get_parts("blob/none") is None
    blobs.put_parts(parts(), lambda: named)
    with pytest.raises(StorageError, match="other bytes"):
        blobs.put_parts([whole[:-1], b"?"], lambda: named)
    assert not litter(tmp_path)


def test_a_reader_that_is_never_started_holds_no_file(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "home")
    blobs.put("x", b"1")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- counts handles
    readers = [blobs.get_parts("x") for _ in range(10)]
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    blobs.delete("x")
    assert [list(reader or ()) for reader in readers] == [[]] * 10


@pytest.mark.parametrize(
    "error", [ValueError("the source broke off"), OSError(errno.EIO, "the source broke off")]
)
def test_a_source_that_fails_leaves_nothing_and_speaks_for_itself(tmp_path: Path, error: Exception) -> None:
    blobs = FileBlobs(tmp_path / "home")

    def parts() -> Iterator[bytes]:
        yield b"x"
        raise error

    with pytest.raises(type(error), match="broke off"):
        blobs.put_parts(parts(), lambda: "never")
    assert not litter(tmp_path)
    assert list(blobs.list("")) == []


@pytest.mark.parametrize("call", ["close", "unlink"])
def test_even_tidying_up_tells_of_its_errors(
    tmp_path: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = RealDisk()
    blobs = FileBlobs(tmp_path / "home", disk)
    blobs.put("a", b"x")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk, call, fail)
    for attempt in (lambda: blobs.put("b", b"x"), lambda: blobs.put_parts([b"x"], lambda: "c")):
        with pytest.raises(StorageError, match=r"cannot (close|remove)"):
            attempt()
    monkeypatch.undo()
    assert [blobs.get(name) for name in "abc"] == [b"x"] * 3, "they were stored"


def test_old_temporary_files_are_swept_and_fresh_ones_are_not(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "home")
    blobs.put("a/b/c", b"x")
    old, fresh = (tmp_path / "home/a/b" / name for name in (".tmp-old", ".tmp-fresh"))
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert blobs.sweep() == 1
    assert litter(tmp_path) == [fresh]
    assert blobs.get("a/b/c") == b"x"


def test_a_sweeper_never_removes_a_file_that_another_process_still_writes(tmp_path: Path) -> None:
    """A slow source gives nothing for days: its file looks as old as litter."""
    code = """
import sys
from pathlib import Path
from hisn.storage.blobs import FileBlobs

def parts():
    yield b"begun, "
    print("begun", flush=True)
    sys.stdin.readline()
    yield b"ended"

FileBlobs(Path(sys.argv[1])).put_parts(parts(), lambda: "slow")
"""
    home = tmp_path / "home"
    blobs = FileBlobs(home)
    blobs.put("a", b"x")
    command = [sys.executable, "-c", code, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        (written,) = litter(tmp_path)
        os.utime(written, (1, 1))
        assert blobs.sweep() == 0
        writer.communicate("go on\n")
    assert blobs.get("slow") == b"begun, ended"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
    (left,) = litter(tmp_path)
    assert blobs.sweep() == 0, "it is fresh"
    os.utime(left, (1, 1))
    assert blobs.sweep() == 1
    assert not litter(tmp_path)


def test_a_blob_is_read_in_parts_behind_its_size(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "home")
    data = bytes(range(256)) * 10_000
    blobs.put("a", data)
    found = blobs.get_sized("a")
    assert found is not None
    assert (found[0], b"".join(found[1])) == (len(data), data)
    assert blobs.get_sized("none") is None
    gone = blobs.get_sized("a")
    assert gone is not None
    blobs.delete("a")
    assert list(gone[1]) == []


def test_a_sweeper_may_be_overtaken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = RealDisk()
    blobs = FileBlobs(tmp_path / "home", disk)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".tmp-1").write_bytes(b"")
    real = disk.names

    def names(path: str) -> object:
        found = real(path)
        (tmp_path / "home" / ".tmp-1").unlink()
        return found

    monkeypatch.setattr(disk, "names", names)
    assert blobs.sweep() == 0


def test_the_folder_above_may_belong_to_somebody_else(tmp_path: Path) -> None:
    class Foreign(RealDisk):
        def open_folder(self, path: str) -> int:
            if path == str(tmp_path):
                raise PermissionError(errno.EACCES, "Permission denied")
            return super().open_folder(path)

    blobs = FileBlobs(tmp_path / "home", Foreign())
    blobs.put("a", b"x")
    assert blobs.get("a") == b"x"


def test_the_folder_above_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        FileBlobs(tmp_path / "none" / "home").put("a", b"x")
