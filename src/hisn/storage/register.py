"""Keep the register in SQLite (port `Register`): its commit is the commit of an append.

``synchronous`` is ``EXTRA``: in the write-ahead journal the same as ``FULL``, every commit synced;
where a file system knows no shared memory and SQLite falls back to a rollback journal, the removal
of the journal is synced, too, without which a commit could be undone by loss of power.

At every start the journal is written into the database: a process that died of a failed sync may
have left a commit that can be read and is not on the disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hisn.errors import StorageError
from hisn.tlog.ports import Conflict, DurabilityLost, Swap

_SCHEMA = Path(__file__).with_name("sql") / "register.sql"
_BUSY_MS = 30_000
_EXTRA = 3
_PRIMARY = 0xFF  # extended result codes of SQLite carry the primary one in their low byte


class SqliteRegister:
    """Keep one small value per name; threads and processes of one machine may share the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._is_lost = False
        with self._guarded("open"):
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute(f"PRAGMA busy_timeout = {_BUSY_MS:d}")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute(f"PRAGMA synchronous = {_EXTRA:d}")
            self._database.executescript(_SCHEMA.read_text("utf-8"))
            self._database.execute("PRAGMA wal_checkpoint = TRUNCATE")
            self._sync_folder()

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def get(self, name: str) -> bytes | None:
        """Return the value, or None if none was ever stored."""
        with self._guarded("read"):
            row = self._database.execute("SELECT value FROM register WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Replace `old` (None: nothing) by `new`; raises `Conflict` if the value is another one."""
        with self._guarded("write"):
            # One statement is one transaction: between the comparison and the change stands nobody.
            is_done = self._swap(Swap(name, old, new))
        if not is_done:
            raise Conflict(name)

    def swap_all(self, rows: Sequence[Swap]) -> None:
        """Replace several rows, all or none; raises `Conflict` with the first that holds another value."""
        with self._guarded("write"):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                other = next((row.name for row in rows if not self._swap(row)), None)
                self._database.execute("COMMIT" if other is None else "ROLLBACK")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        if other is not None:
            raise Conflict(other)

    def _swap(self, row: Swap) -> bool:
        if row.old is None:
            done = self._database.execute(
                "INSERT INTO register VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (row.name, row.new)
            )
        else:
            done = self._database.execute(
                "UPDATE register SET value = ? WHERE name = ? AND value = ?", (row.new, row.name, row.old)
            )
        return done.rowcount == 1

    def _sync_folder(self) -> None:
        """Make the database's own name durable, which SQLite leaves to us."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _guarded(self, doing: str) -> Iterator[None]:
        with self._lock:
            if self._is_lost:
                raise DurabilityLost("the register failed earlier; this process may not use it any more")
            try:
                yield
            except sqlite3.Error as error:
                raise self._reported(doing, error) from error
            except OSError as error:
                self._is_lost = True
                raise DurabilityLost(f"cannot {doing} the register: {error.strerror}") from error

    def _reported(self, doing: str, error: sqlite3.Error) -> StorageError:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        if code == sqlite3.SQLITE_IOERR:
            # Some write or sync failed: whether a commit is on the disk, only the next start can tell.
            self._is_lost = True
            return DurabilityLost(f"cannot {doing} the register: {error}")
        hint = {
            sqlite3.SQLITE_FULL: "free space on that disk",
            sqlite3.SQLITE_BUSY: "another process holds it; end that one",
        }.get(code, "check the disk; a damaged register is replaced by hisn node recover")
        return StorageError(
            "E5204", f"cannot {doing} the register: {error}", hint=hint, unchanged="nothing was committed"
        )
