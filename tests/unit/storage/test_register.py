"""The register: one winner, durable, and silent after its disk has failed."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.register import SqliteRegister
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict, DurabilityLost, Register, Swap


@pytest.fixture(params=["sqlite", "memory"])
def register(request: pytest.FixtureRequest, tmp_path: Path) -> Register:
    return SqliteRegister(tmp_path / "commit.db") if request.param == "sqlite" else MemoryRegister()


def test_values_are_swapped_not_set(register: Register) -> None:
    assert register.get("log/a") is None
    register.swap("log/a", None, b"1")
    with pytest.raises(Conflict):
        register.swap("log/a", None, b"2")
    with pytest.raises(Conflict) as caught:
        register.swap("log/a", b"0", b"2")
    assert caught.value.name == "log/a"
    assert register.get("log/a") == b"1"
    register.swap("log/a", b"1", b"2")
    register.swap("log/a", b"2", b"2")
    assert register.get("log/a") == b"2"
    assert register.get("log/A") is None
    with pytest.raises(Conflict):
        register.swap("log/b", b"1", b"2")
    register.swap("empty", None, b"")
    assert register.get("empty") == b""


def test_several_rows_are_swapped_all_or_none(register: Register) -> None:
    register.swap_all([Swap("a", None, b"1"), Swap("b", None, b"2")])
    assert (register.get("a"), register.get("b")) == (b"1", b"2")
    for rows in (
        [Swap("a", b"1", b"3"), Swap("b", b"0", b"4")],
        [Swap("a", b"1", b"3"), Swap("b", None, b"4")],
        [Swap("c", None, b"3"), Swap("b", b"", b"4")],
    ):
        with pytest.raises(Conflict) as caught:
            register.swap_all(rows)
        assert caught.value.name == "b"
        assert [register.get(name) for name in "abc"] == [b"1", b"2", None]
    register.swap_all([Swap("a", b"1", b"3"), Swap("c", None, b"4")])
    assert [register.get(name) for name in "abc"] == [b"3", b"2", b"4"]
    register.swap("a", b"3", b"5")


def test_several_rows_that_cannot_be_written_leave_all_as_they_were(tmp_path: Path) -> None:
    register = SqliteRegister(tmp_path / "commit.db")
    register.swap("a", None, b"1")
    register._database.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON register BEGIN SELECT raise(ABORT, 'full'); END"
    )
    with pytest.raises(StorageError, match="full"):
        register.swap_all([Swap("a", b"1", b"2"), Swap("b", None, b"3")])
    assert register.get("a") == b"1"
    register.swap("a", b"1", b"2")


def test_values_survive_the_process(tmp_path: Path) -> None:
    first = SqliteRegister(tmp_path / "commit.db")
    first.swap("a", None, b"\0\xff")
    second = SqliteRegister(tmp_path / "commit.db")
    assert second.get("a") == b"\0\xff"
    second.swap("a", b"\0\xff", b"2")
    assert first.get("a") == b"2"
    first.close()
    second.close()


def test_of_many_threads_one_wins_each_round(tmp_path: Path) -> None:
    registers = [SqliteRegister(tmp_path / "commit.db") for _ in range(2)]
    wins: list[int] = []
    registers[0].swap("a", None, b"0")

    def compete(register: SqliteRegister) -> None:
        for _ in range(50):
            while True:
                old = register.get("a") or b""
                try:
                    register.swap("a", old, b"%d" % (int(old) + 1))
                except Conflict:
                    continue
                wins.append(int(old))
                break

    threads = [threading.Thread(target=compete, args=(registers[number % 2],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins) == list(range(200))


def test_every_commit_is_synced(tmp_path: Path) -> None:
    register = SqliteRegister(tmp_path / "commit.db")
    assert register._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert register._database.execute("PRAGMA synchronous").fetchone() == (3,)


def test_a_start_writes_the_journal_into_the_database(tmp_path: Path) -> None:
    first = SqliteRegister(tmp_path / "commit.db")
    first.swap("a", None, b"x" * 300)
    journal = tmp_path / "commit.db-wal"
    assert journal.stat().st_size > 1_000
    SqliteRegister(tmp_path / "commit.db")
    assert journal.stat().st_size == 0
    assert b"x" * 300 in (tmp_path / "commit.db").read_bytes()


class FailingDatabase:
    """Answer like a database whose disk fails."""

    def __init__(self, name: str) -> None:
        self._error = sqlite3.OperationalError("it failed")
        self._error.sqlite_errorcode = getattr(sqlite3, name)

    def execute(self, *_: object) -> None:
        raise self._error


@pytest.mark.parametrize("name", ["SQLITE_IOERR_FSYNC", "SQLITE_IOERR_WRITE", "SQLITE_IOERR"])
def test_after_an_error_of_the_disk_nothing_is_answered(tmp_path: Path, name: str) -> None:
    register = SqliteRegister(tmp_path / "commit.db")
    good, register._database = register._database, FailingDatabase(name)  # type: ignore[assignment]
    with pytest.raises(DurabilityLost, match="it failed"):
        register.swap("a", None, b"1")
    register._database = good
    with pytest.raises(DurabilityLost, match="earlier"):
        register.get("a")
    with pytest.raises(DurabilityLost, match="earlier"):
        register.swap("a", None, b"1")
    assert SqliteRegister(tmp_path / "commit.db").get("a") is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [("SQLITE_FULL", "free space"), ("SQLITE_BUSY", "another process"), ("SQLITE_CORRUPT", "recover")],
)
def test_an_error_that_commits_nothing_may_be_tried_again(tmp_path: Path, name: str, hint: str) -> None:
    register = SqliteRegister(tmp_path / "commit.db")
    good, register._database = register._database, FailingDatabase(name)  # type: ignore[assignment]
    with pytest.raises(StorageError) as caught:
        register.swap("a", None, b"1")
    assert caught.value.code == "E5204"
    assert hint in caught.value.hint
    register._database = good
    register.swap("a", None, b"1")


def test_what_is_not_a_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "commit.db").write_bytes(b"rubbish" * 1_000)
    with pytest.raises(StorageError, match="cannot open") as caught:
        SqliteRegister(tmp_path / "commit.db")
    assert caught.value.code == "E5204"
    with pytest.raises(StorageError, match="cannot open"):
        SqliteRegister(tmp_path / "none" / "commit.db")


def test_a_folder_that_cannot_be_synced_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DurabilityLost, match="Input/output error"):
        SqliteRegister(tmp_path / "commit.db")
