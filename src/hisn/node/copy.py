"""Keep the copy of one log that a mirror serves: tiles, bundles, and the number of the next entry.

Everything is written in an order in which dying anywhere loses nothing:

1. bundles and tiles up to the new next entry      dying here: they are written again, the same bytes
2. the register row `mirror-next`                  dying here: an upload goes on from there
3. the mirror's checkpoint, signed                 dying here: the client asks again and is answered
4. the file `checkpoint`, for whoever reads files  dying here: the next commit writes it
5. partial tiles that a full one replaces go       dying here: they stay, and harm nobody

Steps 1 and 2 are `LogCopy.add`, step 5 is `LogCopy.collect`; 3 and 4 are the mirror's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hisn.core.canon import parse_decimal
from hisn.errors import StorageError, VerificationError
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.merkle import HASH_BYTES, leaf_hash, root_at
from hisn.tlog.ports import Blobs, Conflict, Register
from hisn.tlog.tile import (
    ENTRIES,
    WIDTH,
    TilePath,
    TileReader,
    encode_bundle,
    fetch_bundle,
    fetch_tile,
    right_edge,
    split_hashes,
    width_at,
)


class LogCopy:
    """Hold the copy of one log, whose origin hash is `log`. Calls from several threads are safe."""

    def __init__(self, log: str, blobs: Blobs, register: Register) -> None:
        self.turn = threading.RLock()
        """Held by whoever changes the copy; those who only serve its files need it not."""
        self.log = log
        self._blobs = blobs
        self._register = register
        self._row = f"mirror-next/{log}"
        self._edge = Edge()

    def get(self, name: str) -> bytes | None:
        """Return a file of the copy, by its name within the log."""
        return self._blobs.get(self._path(name))

    def next_entry(self) -> int:
        """Return the index of the first entry that is not durable here."""
        return self._next()[1]

    def hashes(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of `[start, end)`, within one tile and before the next entry."""
        if start == end:
            return []
        with self.turn, self._own_files():  # no partial tile is collected between two looks
            tile = fetch_tile(self.get, self._widest(0, start // WIDTH))
        return split_hashes(tile)[start % WIDTH : start % WIDTH + end - start]

    def add(self, start: int, entries: Sequence[bytes]) -> int:
        """Make proven entries from `start` on durable; return the next entry.

        Those that are here already are skipped: they were proven under the same log (tlog-mirror,
        "Implementation Considerations").
        """
        with self.turn:
            while True:
                row, at = self._next()
                fresh = entries[at - start :]
                if not fresh:
                    return at
                edge, files = self._grown(at, fresh)
                self._blobs.put_many([(self._path(name), data) for name, data in files.items()])
                try:
                    self._register.swap(self._row, row, b"%d" % edge.size)
                except Conflict:
                    continue  # another process was faster; its entries are the same
                self._edge = edge
                return edge.size

    def complete(self, size: int, root: bytes) -> None:
        """Make every file of the tree of `size` readable, and compare its root with the signed one.

        Another upload may have gone beyond `size` and never written its partial tiles: readers of
        this size would find neither them nor full ones.
        """
        with self.turn, self._own_files():
            for path in right_edge(size):
                if self.get(str(path)) is None and self.get(str(path.full())) is None:
                    self._blobs.put(self._path(str(path)), self._cut(path))
            if root_at(size, TileReader(self.get, size)) != root:
                raise VerificationError("E3225", "the tiles do not lead to the root that was signed")

    def publish(self, note: bytes) -> None:
        """Replace the file `checkpoint`."""
        self._blobs.replace(self._path("checkpoint"), note)

    def collect(self, old: int, new: int) -> None:
        """Remove partial tiles of the tree of `old`, and later ones, that are full in the published `new`."""
        for level in (ENTRIES, *range((new.bit_length() + 7) // 8)):
            height = 8 * max(level, 0)
            first, last = (old >> height) // WIDTH, (new >> height) // WIDTH
            # Below level 1 uploads stop within the first of these tiles only.
            for index in range(first, last if level > 0 else min(last, first + 1)):
                prefix = self._path(f"{TilePath(level, index)}.p/")
                for name in list(self._blobs.list(prefix)):
                    self._blobs.delete(name)

    def _grown(self, at: int, fresh: Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
        with self._own_files():
            if self._edge.size != at:
                self._edge = Edge.load(at, self.get)
            begun = fetch_bundle(self.get, self._widest(ENTRIES, at // WIDTH)) if at % WIDTH else []
        edge, tiles = self._edge.append([leaf_hash(entry) for entry in fresh])
        return edge, entry_tiles(at, begun, fresh) | tiles

    def _cut(self, path: TilePath) -> bytes:
        """Make a partial tile from the wider one that is here."""
        wide = self._widest(path.level, path.index)
        if path.level == ENTRIES:
            return encode_bundle(fetch_bundle(self.get, wide)[: path.width])
        return fetch_tile(self.get, wide)[: path.width * HASH_BYTES]

    def _widest(self, level: int, index: int) -> TilePath:
        return TilePath(level, index, width_at(level, index, self.next_entry()))

    def _path(self, name: str) -> str:
        return f"mirror/{self.log}/{name}"

    def _next(self) -> tuple[bytes | None, int]:
        row = self._register.get(self._row)
        with self._own_files():
            return row, 0 if row is None else parse_decimal(row)

    @contextmanager
    def _own_files(self) -> Iterator[None]:
        """Turn what would be hostile of others into what it is here: damage of our own disk."""
        try:
            yield
        except VerificationError as error:
            raise StorageError(
                "E5401",
                f"the copy mirror/{self.log} is damaged: {error.message}",
                hint="stop the node, keep the folder, and run: hisn node fsck",
                unchanged="the mirror signs nothing of this log",
            ) from error
