"""Keep a watch's state between starts: one row of the register, records of cycles, a snapshot.

The row is the commit point.  It changes in the same transaction as the log, and it names every
file by its digest, so a file that a killed process left behind means nothing:

=======================================  ====================================================
what stops before the row changed        what the next start finds
=======================================  ====================================================
the pieces encrypted and durable         blobs that no act names; the feeds give the pieces again
the record of the cycle durable          a file that the row does not name: it is removed
=======================================  ====================================================

``row.sealed`` counts the cycles whose batches are in the log, ``row.judged`` those whose findings
are; ``row.acts`` are findings of the cycle after it that are in the log already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hisn.app.watch.cycle import Cycle, digest_of, parse_cycle
from hisn.core.canon import canonical, parse_canonical
from hisn.errors import StorageError, VerificationError
from hisn.tlog.ports import Blobs, Register, Swap

FORMAT = "hisn-watch/1"
_MAX_ROW_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """Hold what the register says of a watch.

    `record` is the digest of the newest cycle's record, `first` the index of its first batch act
    (-1: none).  `unjudged` names pieces, by cycle and place, that killed the process that judged them.
    """

    sealed: int = 0
    record: str = ""
    first: int = -1
    judged: int = 0
    acts: int = 0
    snapshot: int = 0
    snapshot_digest: str = ""
    unjudged: tuple[tuple[int, int], ...] = ()

    def encode(self) -> bytes:
        """Return the bytes for the register."""
        return canonical(
            {
                "format": FORMAT,
                "sealed": [self.sealed, self.record, self.first],
                "judged": [self.judged, self.acts],
                "snapshot": [self.snapshot, self.snapshot_digest],
                "unjudged": [list(each) for each in self.unjudged],
            }
        )


def parse_row(data: bytes) -> Row:
    """Return the row that was stored. Raises StorageError (E5602)."""
    try:
        match parse_canonical(data, max_bytes=_MAX_ROW_BYTES):
            case {
                "format": "hisn-watch/1",
                "sealed": [int() as sealed, str() as record, int() as first],
                "judged": [int() as judged, int() as acts],
                "snapshot": [int() as snapshot, str() as digest],
                "unjudged": list() as unjudged,
            }:
                pairs = tuple(
                    (each[0], each[1])
                    for each in unjudged
                    if isinstance(each, list) and isinstance(each[0], int) and isinstance(each[1], int)
                )
                return Row(sealed, record, first, judged, acts, snapshot, digest, pairs)
            case _:
                raise _damaged("its fields are others")
    except VerificationError as error:
        raise _damaged(error.message) from error


class Kept:
    """Read and write the state of one watch, `name` (letters, digits, ``-``)."""

    def __init__(self, name: str, blobs: Blobs, register: Register) -> None:
        self.name = name
        self._blobs = blobs
        self._register = register
        self._raw = register.get(self.row_name)
        self._row: Row | None = None

    @property
    def row(self) -> Row:
        """Return the row. Raises StorageError (E5602) if it is damaged."""
        if self._row is None:
            self._row = Row() if self._raw is None else parse_row(self._raw)
        return self._row

    @property
    def row_name(self) -> str:
        """Return the name of the row in the register."""
        return f"watch/{self.name}"

    @property
    def is_new(self) -> bool:
        """Tell whether this watch has never committed anything."""
        return self._raw is None

    def change(self, row: Row) -> Swap:
        """Return the swap that puts another row in place; `took` says that it was committed."""
        return Swap(self.row_name, self._raw, row.encode())

    def took(self, row: Row) -> None:
        """Take note that the row was committed."""
        self._row, self._raw = row, row.encode()

    def put(self, row: Row) -> None:
        """Commit a row alone. Raises Conflict if another process watches under this name."""
        self._register.swap_all([self.change(row)])
        self.took(row)

    def forget(self) -> None:
        """Begin anew, whatever was kept, and however damaged it is."""
        if self._raw is not None:
            self.put(Row())
        for name in list(self._blobs.list(self._folder)):
            self._blobs.delete(name)

    def cycle_file(self, number: int, data: bytes) -> tuple[str, bytes]:
        """Return the file of a cycle's record: name and bytes."""
        return f"{self._folder}cycle/{number:012d}-{digest_of(data)}", data

    def cycles(self) -> list[Cycle]:
        """Return the cycles behind the snapshot, in order. Raises StorageError (E5601)."""
        found: list[Cycle] = []
        digest, number = self.row.record, self.row.sealed
        while number > self.row.snapshot:
            data = self._blobs.get(f"{self._folder}cycle/{number:012d}-{digest}")
            if data is None or digest_of(data) != digest:
                raise _missing(f"the record of cycle {number}")
            cycle = parse_cycle(data)
            found.append(cycle)
            digest, number = cycle.previous, number - 1
        return found[::-1]

    def snapshot(self) -> bytes | None:
        """Return the newest snapshot. Raises StorageError (E5601) if it is not as it was written."""
        if not self.row.snapshot:
            return None
        data = self._blobs.get(self._snapshot_name(self.row))
        if data is None or digest_of(data) != self.row.snapshot_digest:
            raise _missing("the snapshot")
        return data

    def put_snapshot(self, data: bytes) -> None:
        """Keep the state behind the newest cycle, and forget the cycles before it."""
        row = replace(
            self.row,
            snapshot=self.row.sealed,
            snapshot_digest=digest_of(data),
            unjudged=(),
            judged=self.row.sealed,
            acts=0,
        )
        self._blobs.put(self._snapshot_name(row), data)
        self.put(row)
        self.sweep()

    def sweep(self) -> None:
        """Remove the files that the row does not need."""
        wanted = set(self._wanted())
        for name in list(self._blobs.list(self._folder)):
            if name not in wanted:
                self._blobs.delete(name)

    def _wanted(self) -> Iterator[str]:
        if self.row.snapshot:
            yield self._snapshot_name(self.row)
        digest = self.row.record
        for cycle in reversed(self.cycles()):
            yield f"{self._folder}cycle/{cycle.number:012d}-{digest}"
            digest = cycle.previous

    @property
    def _folder(self) -> str:
        return f"state/watch/{self.name}/"

    def _snapshot_name(self, row: Row) -> str:
        return f"{self._folder}snapshot/{row.snapshot:012d}-{row.snapshot_digest}"


def _missing(what: str) -> StorageError:
    return StorageError(
        "E5601",
        f"{what} of the watch is missing or damaged",
        hint="check the disk; hisn watch --forget begins anew behind what is sealed",
        unchanged="the log is as it was",
    )


def _damaged(why: str) -> StorageError:
    return StorageError(
        "E5602",
        f"the register's row of the watch is damaged: {why}",
        hint="check the disk; hisn watch --forget begins anew behind what is sealed",
        unchanged="the log is as it was",
    )
