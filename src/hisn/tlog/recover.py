"""Find a log's state as the last process left it, and finish what it had begun.

This is the normal path: every start of the program runs it, and so does an append that finds the
register changed.  What is found decides:

===========================================  ==========================================================
the register names a bundle that exists      its files are written (again), then it is removed
a bundle begins at an older size             its writer lost or died before the commit: it is removed
a bundle begins at this size                 another process may be about to commit it: it stays
a bundle or tile is newer than the register  the register is an old copy: nothing may be signed
tiles do not lead to the register's root     they are an old copy, or damaged: nothing may be signed
a witness has shown a newer head of ours     all of it is an old copy: nothing may be signed
===========================================  ==========================================================

Where nothing may be signed, reading goes on, and `refusal` names ``hisn node recover``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from hisn.errors import StorageError, VerificationError
from hisn.tlog.checkpoint import LogKeys, SignedCheckpoint
from hisn.tlog.edge import Edge
from hisn.tlog.ports import Blobs, Conflict, Register
from hisn.tlog.staging import (
    FormerKeys,
    LogNames,
    Row,
    parse_own,
    parse_published,
    parse_row,
    parse_staging,
    staged_size,
)
from hisn.tlog.tile import ENTRIES, WIDTH, Get, TilePath, TileReader, parse_tile_path, width_at

_HINT = "run hisn node recover: it fetches the log from its mirrors, up to the highest witnessed head"
_ROUNDS = 100  # each means that another process committed meanwhile


@dataclass(frozen=True, slots=True)
class Home:
    """Hold where one log lives."""

    keys: LogKeys
    blobs: Blobs
    register: Register
    former: tuple[FormerKeys, ...] = ()

    @property
    def names(self) -> LogNames:
        """Return the names of the log's files and rows."""
        return LogNames(self.keys.name)

    def get(self, name: str) -> bytes | None:
        """Return one of the log's public files."""
        return self.blobs.get(self.names.folder + name)

    def write(self, name: str, bundle: bytes) -> None:
        """Write the files of a staging bundle, then remove it: the end of every append."""
        folder = self.names.folder
        self.blobs.put_many((folder + path, data) for path, data in parse_staging(name, bundle).items())
        self.blobs.delete(name)


@dataclass(frozen=True, slots=True)
class State:
    """Hold a log as it stands: `raw` and `row` of the register, the right edge, the last entries.

    `refusal` says why nothing may be signed; then edge and entries are empty.
    """

    raw: bytes
    row: Row
    edge: Edge
    entries: tuple[bytes, ...]
    refusal: StorageError | None = None


def refuse_to_sign(what: str) -> StorageError:
    """Return the error that stands in the way of every signature until the log is recovered."""
    return StorageError("E5207", what, hint=_HINT, unchanged="nothing was signed")


def load(home: Home) -> State:
    """Return the log's state, with everything written that was committed. Raises StorageError.

    E5206 if there is no such log, E5209 if its row is damaged.
    """
    for _ in range(_ROUNDS):
        raw = home.register.get(home.names.row)
        if raw is None:
            raise _nothing_here(home)
        row = parse_row(raw, home.keys, home.former)
        state = _examine(home, raw, row)
        # Another process may have committed while we looked: then what seemed newer than the
        # register, or missing, is its work.
        if state.refusal is None or home.register.get(home.names.row) == raw:
            return state
    raise Conflict(home.names.row)


def _nothing_here(home: Home) -> StorageError:
    if newest := newer_file(home, 0):
        return refuse_to_sign(f"the register knows nothing of {home.keys.name}, but {newest} exists")
    return StorageError("E5206", f"there is no log {home.keys.name} here", hint="make one: hisn node init")


def _examine(home: Home, raw: bytes, row: Row) -> State:
    size = row.head.checkpoint.size
    edge, entries, refusal = Edge(), tuple[bytes, ...](), None
    try:
        _clear_staging(home, row)
        if row.ahead is not None:
            raise refuse_to_sign(f"a witness has seen a head of {home.keys.name} that is not in the log here")
        if newest := newer_file(home, size):
            raise refuse_to_sign(f"the register says {size} entries, but {newest} exists")
        edge, entries = _load_edge(home, row.head)
        _restore_published(home)
    except StorageError as error:
        if error.code == "E5202":
            # A committed file cannot be written, for another one stands in its place.
            refusal = _broken(home, size, error.message)
        elif error.code in ("E5207", "E5208", "E5214"):
            refusal = error
        else:
            raise
        edge, entries = Edge(), ()
    return State(raw, row, edge, entries, refusal)


def _clear_staging(home: Home, row: Row) -> None:
    size = row.head.checkpoint.size
    for name in list(home.blobs.list(home.names.staging)):
        if name == row.staging:
            bundle = home.blobs.get(name)
            if bundle is not None:  # another process may have finished it
                home.write(name, bundle)
            continue
        begins = staged_size(name)
        if begins is None or begins == size:
            continue
        if begins < size:
            home.blobs.delete(name)
        else:
            raise refuse_to_sign(f"the register says {size} entries, but {name} exists")


def newer_file(home: Home, size: int) -> str | None:
    """Return a file that a log of `size` entries cannot have, if one is at its right edge."""
    for level in (ENTRIES, *range((size.bit_length() + 7) // 8 + 1)):
        index = (size >> 8 * max(level, 0)) // WIDTH
        full = TilePath(level, index)
        if home.get(str(full)) is not None:
            return str(full)
        for name in home.blobs.list(f"{home.names.folder}{full}.p/"):
            path = tile_path(name.removeprefix(home.names.folder))
            if path is not None and path.width > width_at(level, index, size):
                return str(path)
    published = published_file(home)
    return "checkpoint" if published and published.checkpoint.size > size else None


def tile_path(name: str) -> TilePath | None:
    """Return the tile that a file is, or None for a stray file."""
    try:
        return parse_tile_path(name)
    except VerificationError:
        return None


def published_file(home: Home) -> SignedCheckpoint | None:
    """Return the checkpoint that the public file holds, or None if it holds none of ours."""
    data = home.get("checkpoint")
    try:
        return None if data is None else parse_own(data, home.keys, home.former)
    except VerificationError:
        return None


def _load_edge(home: Home, head: SignedCheckpoint) -> tuple[Edge, tuple[bytes, ...]]:
    size, root = head.checkpoint.size, head.checkpoint.root
    try:
        edge = Edge.load(size, home.get)
        if edge.root() != root:
            raise _broken(home, size, "its last tiles do not lead to the root that was signed")
        index, width = divmod(size, WIDTH)
        return edge, tuple(TileReader(home.get, size, root).bundle(index)) if width else ()
    except VerificationError as error:
        raise _broken(home, size, error.message) from error


def _broken(home: Home, size: int, why: str) -> StorageError:
    return StorageError(
        "E5208",
        f"the files of {home.keys.name} are not those of its {size} entries: {why}",
        hint=_HINT,
        unchanged="nothing was signed",
    )


def _restore_published(home: Home) -> None:
    """Make the public file and the register's row of it agree: the newer one is right.

    A publisher who died between the two leaves the file behind; a register that was restored
    from a copy leaves the row behind.
    """
    row = home.register.get(home.names.published_row)
    if row is not None and home.get("checkpoint") == row:
        return
    file = published_file(home)
    known = -1 if row is None else parse_published(row, home.keys, home.former).checkpoint.size
    if file is not None and file.checkpoint.size > known:
        with suppress(Conflict):  # another publisher is at work, and will settle it
            home.register.swap(home.names.published_row, row, file.raw)
    elif row is not None:
        settle_published(home, row)


def settle_published(home: Home, data: bytes) -> None:
    """Write the public file until it is what the register says: publishers may overtake each other."""
    while True:
        if home.get("checkpoint") != data:
            home.blobs.replace(home.names.checkpoint, data)
        newest = home.register.get(home.names.published_row)
        if newest is None or newest == data:
            return
        data = newest


def bundles_between(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield bundle by bundle its index and which of its entries lie in `[start, end)`."""
    for index in range(start // WIDTH, -(-end // WIDTH)):
        first = index * WIDTH
        yield index, max(start - first, 0), min(end - first, WIDTH)


def reader_of(get: Get, head: SignedCheckpoint) -> TileReader:
    """Return a reader of the log's tiles that gives out nothing that does not lead to its root."""
    return TileReader(get, head.checkpoint.size, head.checkpoint.root)
