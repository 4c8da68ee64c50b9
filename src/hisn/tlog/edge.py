"""Grow a log's tiles from its right edge, at a cost that only the new entries decide.

Nothing is read back: the partial tiles of each level are all that an append needs of the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hisn.tlog.merkle import EMPTY_ROOT, HASH_BYTES, root_of
from hisn.tlog.tile import (
    ENTRIES,
    WIDTH,
    Get,
    TilePath,
    encode_bundle,
    fetch_tile,
    right_edge,
    split_hashes,
)

TILE_BYTES = WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Edge:
    """Hold the right edge of a log: its size and, from level 0 upwards, the partial tile of each level.

    A level whose last tile is full, or that has none yet, holds no bytes; the last level is never
    empty.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    @classmethod
    def load(cls, size: int, get: Get) -> Edge:
        """Read the edge of a log of `size` entries from its tiles; compare `root` with what was signed.

        Raise E3224 for a missing tile and E3225 for one of the wrong length.
        """
        edge = {path.level: path for path in right_edge(size) if path.level != ENTRIES}
        levels = range(max(edge, default=-1) + 1)
        return cls(size, tuple(fetch_tile(get, edge[level]) if level in edge else b"" for level in levels))

    def root(self) -> bytes:
        """Return the root of the log."""
        below: list[bytes] = []
        for tile in self.nodes:
            # What is below is the last, unfinished part of this level.
            hashes = split_hashes(tile) + below
            below = [root_of(hashes)] if hashes else []
        return below[0] if below else EMPTY_ROOT

    def append(self, leaf_hashes: Iterable[bytes]) -> tuple[Edge, dict[str, bytes]]:
        """Return the edge behind new leaves, and every tile that is new or has grown, by its name.

        A full tile stands there under its own name and never under a partial one; a tile under
        its full name is full.  They come in an order in which they may be written: none before
        the tiles that it was computed from.
        """
        new = b"".join(leaf_hashes)
        grown, odd = divmod(len(new), HASH_BYTES)
        if odd:
            raise ValueError("a leaf hash is not 32 bytes long")
        tiles: dict[str, bytes] = {}
        nodes = []
        level, first = 0, self.size // WIDTH
        while new or level < len(self.nodes):
            old = self.nodes[level] if level < len(self.nodes) else b""
            hashes = old + new
            cut = len(hashes) - len(hashes) % TILE_BYTES
            full = [hashes[at : at + TILE_BYTES] for at in range(0, cut, TILE_BYTES)]
            tiles |= {str(TilePath(level, first + at)): tile for at, tile in enumerate(full)}
            rest = hashes[cut:]
            if rest and new:
                tiles[str(TilePath(level, first + len(full), len(rest) // HASH_BYTES))] = rest
            nodes.append(rest)
            new = b"".join([root_of(split_hashes(tile)) for tile in full])
            level, first = level + 1, first // WIDTH
        return Edge(self.size + grown, tuple(nodes)), tiles


def entry_tiles(
    old_size: int, old_partial_entries: Sequence[bytes], new_entries: Sequence[bytes]
) -> dict[str, bytes]:
    """Return every entry bundle that is new or has grown, by its name.

    `old_partial_entries` are the entries of the partial bundle of a log of `old_size`.
    """
    if len(old_partial_entries) != old_size % WIDTH:
        raise ValueError(f"the last bundle of {old_size} entries has {old_size % WIDTH} of them")
    if not new_entries:
        return {}
    entries = [*old_partial_entries, *new_entries]
    bundles = {}
    for at in range(0, len(entries), WIDTH):
        held = entries[at : at + WIDTH]
        path = TilePath(ENTRIES, (old_size + at) // WIDTH, len(held))
        bundles[str(path)] = encode_bundle(held)
    return bundles
