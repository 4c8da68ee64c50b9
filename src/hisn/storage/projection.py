"""Keep what was folded out of the node's own log, so that nobody reads the whole log to find one act.

The log is the only truth: this file may be deleted at any time and is made again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hisn.errors import StorageError

_SCHEMA = Path(__file__).with_name("sql") / "projection.sql"
_BUSY_MS = 30_000
_TABLES = ("folded", "acts", "batches", "findings", "cited")
_VERSION = 2
"""Of the schema and of what is folded into it: a table of another version is made again."""


@dataclass(frozen=True, slots=True)
class ActRow:
    """Hold what is looked up of one act; `source`, `part`, `ordinal`, `intake` of a batch only.

    `source` and `intake` (the commitment to the key of the file taken in) are 32 bytes, `finding`
    is the id of a finding act, `cited` are the states of logs that the act cites: origin, size, root.
    """

    position: int
    kind: str
    leaf_hash: bytes
    body: bytes | None = None
    reply: tuple[str, int] | None = None
    source: bytes | None = None
    part: int = 0
    ordinal: int = 0
    intake: bytes = b""
    finding: str | None = None
    cited: tuple[tuple[str, int, bytes], ...] = ()


class Projection:
    """Look up acts of the node's own log; one connection, which one thread uses at a time."""

    def __init__(self, path: Path) -> None:
        with _guarded(path):
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._path = path
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(f"PRAGMA busy_timeout = {_BUSY_MS:d}")
        if self._version() != _VERSION:
            self._make()

    def _version(self) -> int:
        row = self._one("PRAGMA user_version")
        return int(row[0]) if row else 0

    def _make(self) -> None:
        with self._transaction():
            if self._version() == _VERSION:
                return  # another process was faster
            for table in _TABLES:
                self._database.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _SCHEMA.read_text("utf-8").split(";"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {_VERSION:d}")

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def folded(self) -> tuple[int, bytes]:
        """Return how many entries were folded, and the leaf hash of the last one."""
        row = self._one("SELECT size, last_leaf FROM folded")
        return (int(row[0]), bytes(row[1])) if row else (0, b"")

    def clear(self) -> None:
        """Forget everything: the log is not the one that was folded."""
        with self._transaction():
            for table in _TABLES:
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - names from this module

    def add(self, rows: Sequence[ActRow]) -> None:
        """Put in the next acts, in the order of the log; those that are in it already are passed over.

        Another process of the node may have folded them meanwhile.  Raises StorageError for a hole.
        """
        with self._transaction():
            size = self.folded()[0]
            rows = [row for row in rows if row.position >= size]
            if not rows:
                return
            if [row.position for row in rows] != list(range(size, size + len(rows))):
                raise StorageError("E5032", "acts are folded out of order", hint="delete state/projection.db")
            for row in rows:
                self._insert(row)
            self._cite(rows)
            self._database.execute(
                "INSERT OR REPLACE INTO folded VALUES (0, ?, ?)", (rows[-1].position + 1, rows[-1].leaf_hash)
            )

    def findings(self, prefix: str) -> list[tuple[str, int]]:
        """Return (id, newest position) of the findings whose id begins so, in order, at most 100."""
        escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        rows = self._database.execute(
            "SELECT finding, max(position) FROM findings WHERE finding LIKE ? ESCAPE '\\'"
            " GROUP BY finding ORDER BY finding LIMIT 100",
            (escaped + "%",),
        )
        return [(str(finding), int(position)) for finding, position in rows]

    def replies(self, origin: str, position: int) -> list[int]:
        """Return the positions of the acts that answer an act."""
        rows = self._database.execute(
            "SELECT position FROM acts WHERE reply_origin = ? AND reply_position = ? ORDER BY position",
            (origin, position),
        )
        return [int(row[0]) for row in rows]

    def intake_positions(self, intake: bytes) -> list[int]:
        """Return the positions of the batch acts under one intake key."""
        rows = self._database.execute(
            "SELECT position FROM batches WHERE intake = ? ORDER BY position", (intake,)
        )
        return [int(row[0]) for row in rows]

    def positions(self, kind: str) -> list[int]:
        """Return the positions of the acts of one kind, in order."""
        rows = self._database.execute("SELECT position FROM acts WHERE kind = ? ORDER BY position", (kind,))
        return [int(row[0]) for row in rows]

    def bodies(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield (position, kind, commitment) of the acts that have a body, in order."""
        rows = self._database.execute(
            "SELECT position, kind, body FROM acts WHERE body IS NOT NULL ORDER BY position"
        )
        return ((int(position), str(kind), bytes(body)) for position, kind, body in rows)

    def with_body(self, body: bytes) -> list[int]:
        """Return the positions of the acts that commit to a body."""
        rows = self._database.execute("SELECT position FROM acts WHERE body = ? ORDER BY position", (body,))
        return [int(row[0]) for row in rows]

    def cited(self) -> dict[str, tuple[int, bytes]]:
        """Return the newest state of each log that any act cites: origin -> size, root."""
        rows = self._database.execute("SELECT origin, size, root FROM cited")
        return {str(origin): (int(size), bytes(root)) for origin, size, root in rows}

    def counts(self) -> dict[str, int]:
        """Return how many acts there are of each kind."""
        rows = self._database.execute("SELECT kind, count(*) FROM acts GROUP BY kind ORDER BY kind")
        return {str(kind): int(count) for kind, count in rows}

    def _insert(self, row: ActRow) -> None:
        reply_origin, reply_position = row.reply or (None, None)
        self._database.execute(
            "INSERT INTO acts VALUES (?, ?, ?, ?, ?, ?)",
            (row.position, row.kind, row.leaf_hash, row.body, reply_origin, reply_position),
        )
        if row.source is not None:
            self._database.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
                (row.position, row.source, row.part, row.ordinal, row.intake),
            )
        if row.finding is not None:
            self._database.execute("INSERT INTO findings VALUES (?, ?)", (row.finding, row.position))

    def _cite(self, rows: Sequence[ActRow]) -> None:
        newest: dict[str, tuple[int, bytes]] = {}
        for row in rows:
            for origin, size, root in row.cited:
                if origin not in newest or newest[origin][0] < size:
                    newest[origin] = size, root
        self._database.executemany(
            "INSERT INTO cited VALUES (?, ?, ?) ON CONFLICT (origin)"
            " DO UPDATE SET size = excluded.size, root = excluded.root WHERE excluded.size > size",
            [(origin, size, root) for origin, (size, root) in newest.items()],
        )

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
        return row

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _guarded(self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(
            "E5031",
            f"cannot use {path}: {error}",
            hint="it can be made again: delete it and run the command once more",
            unchanged="the log is as it was",
        ) from error
