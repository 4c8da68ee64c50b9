"""A lock is held by a process that lives, and by no other."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.lock import held, held_now

HOLDER = """
import sys, time
from pathlib import Path
from hisn.storage.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_holds_it_and_the_next_sees_that(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_now(path) as first, held_now(path) as second:
        assert (first, second) == (True, False)
    with held_now(path) as again:
        assert again


def test_readers_share_it_and_keep_writers_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held(path, shared=True), held(path, shared=True), held_now(path) as alone:
        assert not alone


def test_who_waits_gets_it_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    got: list[str] = []

    def wait() -> None:
        with held(path):
            got.append("second")

    with held(path):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.05)
        got.append("first")
    thread.join()
    assert got == ["first", "second"]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with held_now(path) as alone:
            assert not alone
        holder.kill()
        holder.wait()
        with held_now(path) as alone:
            assert alone


def test_a_place_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught, held(tmp_path / "none" / "lock"):
        pass
    assert caught.value.code == "E5335"


def test_a_disk_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(_handle: int, _how: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refusing)
    with pytest.raises(StorageError, match="No locks available"), held_now(tmp_path / "lock"):
        pass
