"""Keep what was folded out of a log, so that nobody reads the whole log to find one act.

The log is the only truth: this file may be deleted at any time and is made again.  So it may also
be damaged at any time, and SQLite sees few changes of a value: whatever is read is of its type and
within the log, the acts of a kind are those that were counted when they were folded, and the states
that later acts must cite carry a checksum.  What does not fit is a StorageError that says so.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hisn.errors import StorageError

_SCHEMA = Path(__file__).with_name("sql") / "projection.sql"
_BUSY_MS = 30_000
_TABLES = ("folded", "acts", "batches", "findings", "cited", "tally", "wanted")
_VERSION = 3
"""Of the schema and of what is folded into it: a table of another version is made again."""
_MAX_VALUE_BYTES = 1 << 20
"""A damaged page may claim a value of any length; SQLite would ask for that much memory."""
_RUN = 1_000


@dataclass(frozen=True, slots=True)
class ActRow:
    """Hold what is looked up of one act; `source`, `part`, `ordinal`, `intake` of a batch only.

    `source` and `intake` (the commitment to the key of the file taken in) are 32 bytes, `finding`
    is the id of a finding act, `cited` are the states of logs that the act cites: origin, size, root.
    `wanted` is the sort of a body that this node fetches from the act's author, `erases` the
    commitment to a body that the author has erased.
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
    wanted: str | None = None
    erases: bytes | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold a body that is still to be fetched: its act's position, its sort, what the act commits to."""

    position: int
    sort: str
    body: bytes


class Projection:
    """Look up acts of one log; one connection, which one thread uses at a time.

    Every method raises StorageError (E5031) where the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _guarded(path):
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(f"PRAGMA busy_timeout = {_BUSY_MS:d}")
        if self._version() != _VERSION:
            self._make()

    def _version(self) -> int:
        (row,) = self._rows("PRAGMA user_version")
        return _number(row[0])

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
        with _guarded(self._path):
            row = self._one("SELECT size, last_leaf FROM folded")
            return (_number(row[0]), _blob(row[1])) if row else (0, b"")

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
            self._count(rows)
            self._database.execute(
                "INSERT OR REPLACE INTO folded VALUES (0, ?, ?)", (rows[-1].position + 1, rows[-1].leaf_hash)
            )

    def findings(self, prefix: str) -> list[tuple[str, int]]:
        """Return (id, newest position) of the findings whose id begins so, in order, at most 100."""
        escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = (
            "SELECT finding, max(position) FROM findings WHERE finding LIKE ? ESCAPE '\\'"
            " GROUP BY finding ORDER BY finding LIMIT 100"
        )
        with _guarded(self._path):
            rows = self._rows(query, (escaped + "%",))
            places = self._within(position for _, position in rows)
            return [(_text(finding), place) for (finding, _), place in zip(rows, places, strict=True)]

    def replies(self, origin: str, position: int) -> list[int]:
        """Return the positions of the acts that answer an act."""
        query = "SELECT position FROM acts WHERE reply_origin = ? AND reply_position = ? ORDER BY position"
        return self._places(query, (origin, position))

    def intake_positions(self, intake: bytes) -> list[int]:
        """Return the positions of the batch acts under one intake key."""
        return self._places("SELECT position FROM batches WHERE intake = ? ORDER BY position", (intake,))

    def neighbours(self, position: int) -> list[int]:
        """Return the positions of the batches of one source in one file, in the order of its records."""
        rows = self._database.execute(
            "SELECT other.position FROM batches AS other, batches AS this WHERE this.position = ?"
            " AND other.intake = this.intake AND other.source = this.source"
            " ORDER BY other.part, other.ordinal",
            (position,),
        )
        return [int(row[0]) for row in rows]

    def positions(self, kind: str) -> list[int]:
        """Return the positions of the acts of one kind, in order.

        Of an erasure that is passed over, what was erased would come back: so they are counted.
        """
        found = self._places("SELECT position FROM acts WHERE kind = ? ORDER BY position", (kind,))
        with _guarded(self._path):
            folded = self._one("SELECT acts, places FROM tally WHERE kind = ?", (kind,)) or (0, 0)
            if (len(found), sum(found)) != folded:
                raise ValueError(f"the acts of the kind {kind} are not those that were folded")
        return found

    def bodies(self) -> Iterator[tuple[int, str, bytes]]:
        """Yield (position, kind, commitment) of the acts that have a body, in order."""
        query = "SELECT position, kind, body FROM acts WHERE body IS NOT NULL ORDER BY position"
        with _guarded(self._path):
            cursor = self._database.execute(query)
        while True:
            with _guarded(self._path):
                rows = cursor.fetchmany(_RUN)
                places = self._within(row[0] for row in rows)
                found = [
                    (place, _text(kind), _blob(body))
                    for place, (_, kind, body) in zip(places, rows, strict=True)
                ]
            if not found:
                return
            yield from found

    def with_body(self, body: bytes) -> list[int]:
        """Return the positions of the acts that commit to a body."""
        return self._places("SELECT position FROM acts WHERE body = ? ORDER BY position", (body,))

    def cited(self) -> dict[str, tuple[int, bytes]]:
        """Return the newest state of each log that any act cites: origin -> size, root."""
        with _guarded(self._path):
            rows = self._rows("SELECT origin, size, root, checksum FROM cited")
            for origin, size, root, checksum in rows:
                if _checksum(_text(origin), _number(size), _blob(root)) != checksum:
                    # Whoever signed it would cite a state that nobody has seen.
                    raise ValueError(f"a state of {origin} that was cited is not the one folded")
            return {origin: (size, root) for origin, size, root, _ in rows}

    def counts(self) -> dict[str, int]:
        """Return how many acts there are of each kind."""
        with _guarded(self._path):
            rows = self._rows("SELECT kind, acts FROM tally ORDER BY kind")
            return {_text(kind): _number(count) for kind, count in rows}

    def wanted(self, now: int, again: int, most: int) -> list[Wanted]:
        """Return bodies to fetch: those never asked for, then those last asked for `again` ago, at `now`.

        Times are microseconds since 1970; a clock that was set back makes nobody wait.
        """
        query = (
            "SELECT position, sort, body FROM wanted WHERE asked <= ? OR asked > ?"
            " ORDER BY asked, position LIMIT ?"
        )
        with _guarded(self._path):
            rows = self._rows(query, (now - again, now, most))
            places = self._within(row[0] for row in rows)
            return [
                Wanted(place, _text(sort), _blob(body))
                for place, (_, sort, body) in zip(places, rows, strict=True)
            ]

    def missing(self) -> list[int]:
        """Return the positions of the acts whose bodies are still wanted, in order, at most 1,000."""
        return self._places("SELECT position FROM wanted ORDER BY position LIMIT 1000", ())

    def got(self, position: int) -> None:
        """Note that a body is here, or is not wanted any more."""
        with self._transaction():
            self._database.execute("DELETE FROM wanted WHERE position = ?", (position,))

    def asked(self, position: int, now: int) -> None:
        """Note that a body was asked for in vain."""
        with self._transaction():
            self._database.execute("UPDATE wanted SET asked = ? WHERE position = ?", (now, position))

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
        if row.wanted is not None:
            self._database.execute(
                "INSERT INTO wanted VALUES (?, ?, ?, 0)", (row.position, row.wanted, row.body)
            )
        if row.erases is not None:
            self._database.execute("DELETE FROM wanted WHERE body = ?", (row.erases,))

    def _cite(self, rows: Sequence[ActRow]) -> None:
        newest: dict[str, tuple[int, bytes]] = {}
        for row in rows:
            for origin, size, root in row.cited:
                if origin not in newest or newest[origin][0] < size:
                    newest[origin] = size, root
        self._database.executemany(
            "INSERT INTO cited VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE SET"
            " size = excluded.size, root = excluded.root, checksum = excluded.checksum"
            " WHERE excluded.size > size",
            [(origin, *state, _checksum(origin, *state)) for origin, state in newest.items()],
        )

    def _count(self, rows: Sequence[ActRow]) -> None:
        self._database.executemany(
            "INSERT INTO tally VALUES (?, 1, ?) ON CONFLICT (kind) DO UPDATE SET"
            " acts = acts + 1, places = places + excluded.places",
            [(row.kind, row.position) for row in rows],
        )

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _guarded(self._path):
            return self._database.execute(query, values).fetchall()

    def _one(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        rows = self._rows(query, values)
        return rows[0] if rows else None

    def _places(self, query: str, values: Sequence[object]) -> list[int]:
        with _guarded(self._path):
            return self._within(row[0] for row in self._rows(query, values))

    def _within(self, positions: Iterable[object]) -> list[int]:
        """Return positions, which lie within what was folded. Raises ValueError."""
        found = [_number(position) for position in positions]
        if found and max(found) >= self.folded()[0]:
            raise ValueError(f"there is no act {max(found)}")
        return found

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


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a number is none")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is none")  # noqa: TRY004 - damage, not a slip of a caller
    return value


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a value is none")  # noqa: TRY004 - damage, not a slip of a caller
    return value


def _checksum(origin: str, size: int, root: bytes) -> bytes:
    return hashlib.sha256(f"{origin} {size} {root.hex()}".encode()).digest()


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError) as error:
        raise StorageError(
            "E5031",
            f"cannot use {path}: {error}",
            hint=f"it can be made again: delete the files {path.name}* there, and run the command once more",
            unchanged="the log is as it was",
        ) from error
