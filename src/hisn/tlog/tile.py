"""Name, write and read the static files of a log, as C2SP tlog-tiles says.

A *tile* holds up to 256 hashes of one level and stands for 8 levels of the tree; an *entry bundle*
holds the entries under a tile of level 0.  The rightmost of each level is *partial* until full.

What `get` returns is hostile: another member's folder or server.  Two rules follow:

1. A name is asked for only if a tree of the size that was signed has it, and a missing partial
   tile is looked for in the full one that took its place.
2. A `TileReader` that knows the root gives out no hash and no entry that does not lead to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn, TypeAlias

from hisn.core.limits import MAX_INNER_TILES_HELD, MAX_TILES_HELD
from hisn.errors import VerificationError
from hisn.tlog.merkle import HASH_BYTES, MAX_SIZE, leaf_hash, root_at, root_of

WIDTH = 256
"""Hashes in a full tile, entries in a full bundle."""
ENTRIES = -1
"""Stands in a `TilePath` where the level of a tile would: the file is an entry bundle."""
MAX_ENTRY_BYTES = 65_535

Get: TypeAlias = Callable[[str], bytes | None]
"""Return the bytes under a name, or None if there are none."""

_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:[.]p/([1-9][0-9]{0,2}))?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """Name one tile, or one entry bundle where `level` is `ENTRIES`."""

    level: int
    index: int
    width: int = WIDTH

    def __str__(self) -> str:
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{level}/{'/'.join(['x' + group for group in groups[:-1]] + groups[-1:])}{suffix}"

    def full(self) -> TilePath:
        """Return the name of the tile that takes a partial one's place."""
        return TilePath(self.level, self.index)


def parse_tile_path(text: str) -> TilePath:
    """Read a tile's name; refuse (E3223) every spelling but the one that `str` gives."""
    match = _PATH.fullmatch(text)
    if match:
        level = ENTRIES if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("/", "").replace("x", ""))
        path = TilePath(level, index, int(match[3] or WIDTH))
        # Written again, so that neither x000/001 nor .p/256 is a second name of a tile.
        if level <= 63 and index <= MAX_SIZE // WIDTH and str(path) == text:
            return path
    raise VerificationError(
        "E3223", f"not the name of a tile: {text[:80]!r}", hint="names look like tile/0/x001/234.p/56"
    )


def width_at(level: int, index: int, size: int) -> int:
    """Return how wide a tile, or a bundle, is in a log of `size` entries; 0 if it has none there."""
    count = size >> 8 * max(level, 0)
    return max(0, min(WIDTH, count - index * WIDTH))


def right_edge(size: int) -> tuple[TilePath, ...]:
    """Return the partial tiles and the partial bundle of a log of `size` entries."""
    levels = [ENTRIES, *range((size.bit_length() + 7) // 8)]
    last = [(level, (size >> 8 * max(level, 0)) // WIDTH) for level in levels]
    return tuple(
        TilePath(level, index, width) for level, index in last if (width := width_at(level, index, size))
    )


def tiles_for(size: int) -> Iterator[TilePath]:
    """Yield every tile and bundle that a log of `size` entries has, level by level."""
    for level in (ENTRIES, *range((size.bit_length() + 7) // 8)):
        count = size >> 8 * max(level, 0)
        for index in range(-(-count // WIDTH)):
            yield TilePath(level, index, width_at(level, index, size))


def split_hashes(tile: bytes) -> list[bytes]:
    """Cut a tile into its hashes."""
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Join entries, each behind its length as two bytes."""
    if len(entries) > WIDTH or any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise ValueError(f"a bundle holds {WIDTH} entries of {MAX_ENTRY_BYTES} bytes at most")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def parse_bundle(data: bytes, width: int) -> list[bytes]:
    """Cut a bundle into exactly `width` entries, or refuse it (E3226)."""
    entries: list[bytes] = []
    at = 0
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(data[at:start], "big")
        if start > len(data) or at > len(data):
            _refuse_bundle(f"it ends within entry {len(entries)} of {width}")
        entries.append(data[start:at])
    if at != len(data):
        _refuse_bundle(f"{len(data) - at} bytes follow the last of {width} entries")
    return entries


def _refuse_bundle(why: str) -> NoReturn:
    raise VerificationError(
        "E3226", f"an entry bundle is broken: {why}", hint="fetch it again, from a mirror if need be"
    )


def fetch_tile(get: Get, path: TilePath) -> bytes:
    """Return a tile of exactly the width named; raise E3224 if it is withheld, E3225 if it is misshapen.

    Once a tile is full its partial forms may go: then the beginning of the full one is what was
    asked for, if it is there.  It is the same only if the hashes say so, see `TileReader`.
    """
    data, found = _fetch(get, path)
    if len(data) != found.width * HASH_BYTES:
        raise VerificationError(
            "E3225",
            f"{found} has {len(data)} bytes instead of {found.width * HASH_BYTES}",
            hint="fetch it from a mirror of the log",
        )
    return data[: path.width * HASH_BYTES]


def fetch_bundle(get: Get, path: TilePath) -> list[bytes]:
    """Return the entries of a bundle of exactly the width named; raise E3224 or E3226.

    They are not proven: `TileReader.bundle` compares them with the tile above them.
    """
    data, found = _fetch(get, path)
    return parse_bundle(data, found.width)[: path.width]


def _fetch(get: Get, path: TilePath) -> tuple[bytes, TilePath]:
    for found in dict.fromkeys((path, path.full())):
        data = get(str(found))
        if data is not None:
            return data, found
    raise VerificationError(
        "E3224",
        f"{path} is withheld: the log signed a size that has it",
        hint="ask a mirror of the log; keep the checkpoint, it shows that the file must exist",
    )


def verify_bundle(entries: Sequence[bytes], tile: bytes, first: int) -> None:
    """Refuse (E3227) entries that are not those under a tile of level 0; `first` is their first index.

    A bundle proves nothing by itself: a log could show other entries beside the hashes it signed.
    """
    hashes = split_hashes(tile)
    wrong = [at for at, entry in enumerate(entries) if hashes[at : at + 1] != [leaf_hash(entry)]]
    if wrong or len(entries) != len(hashes):
        raise VerificationError(
            "E3227",
            f"the entries from {first} on are not those that the log signed: {len(entries)} entries for "
            f"{len(hashes)} hashes" + (f", the first to differ is entry {first + wrong[0]}" if wrong else ""),
            hint="keep the bundle; ask a mirror of the log for the entries that belong to its hashes",
        )


class TileReader:
    """Read hashes and entries of a log of `size` entries from its files; a `merkle.HashReader`.

    With `root`, every tile is checked before anything of it is given out: a full one has its hash
    in the tile above it, and the partial ones together make the root.  Without, its user must
    check what was made of the hashes (a proof, say).
    """

    def __init__(self, get: Get, size: int, root: bytes | None = None) -> None:
        self.size = size
        self._get = get
        self._root = root
        self._edge: dict[TilePath, bytes] = {}  # checked, and never dropped: nothing stands above them
        self._held: dict[TilePath, bytes] = {}
        self._inner: dict[TilePath, list[bytes]] = {}

    def read(self, level: int, index: int) -> bytes:
        """Return the root of the complete subtree `[index << level, (index + 1) << level)`."""
        if index < 0 or (index + 1) << level > self.size:
            raise ValueError(f"no complete subtree in {self.size} entries: level {level}, {index}")
        height = level % 8
        tile, at = divmod(index << height, WIDTH)
        nodes = self._heights(level // 8, tile)[height] if height else self.tile(level // 8, tile)
        at >>= height
        return nodes[at * HASH_BYTES : (at + 1) * HASH_BYTES]

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of one tile of this size."""
        path = self._path(level, index)
        if self._root is not None and not self._edge:
            self._edge = self._checked_edge(self._root)
        data = self._edge.get(path) or self._held.get(path)
        if data is None:
            data = fetch_tile(self._get, path)
            if self._root is not None:
                self._check(path, data)
            if len(self._held) >= MAX_TILES_HELD:
                del self._held[next(iter(self._held))]
            self._held[path] = data
        return data

    def bundle(self, index: int) -> list[bytes]:
        """Return the entries of one bundle, bound to the hashes above them (E3227)."""
        entries = fetch_bundle(self._get, self._path(ENTRIES, index))
        verify_bundle(entries, self.tile(0, index), index * WIDTH)
        return entries

    def _heights(self, level: int, index: int) -> list[bytes]:
        """Return a tile and the nodes within it, height by height, as far as they are complete.

        Proofs ask for all heights of one tile, and the next proof often for the same tile.
        """
        path = self._path(level, index)
        heights = self._inner.get(path)
        if heights is None:
            heights = [self.tile(level, index)]
            while len(nodes := heights[-1]) > HASH_BYTES:
                pairs = (nodes[at : at + 64] for at in range(0, len(nodes) - HASH_BYTES, 64))
                heights.append(b"".join([sha256(b"\x01" + pair).digest() for pair in pairs]))
            if len(self._inner) >= MAX_INNER_TILES_HELD:
                del self._inner[next(iter(self._inner))]
            self._inner[path] = heights
        return heights

    def _path(self, level: int, index: int) -> TilePath:
        width = width_at(level, index, self.size) if index >= 0 else 0
        if not width:
            raise ValueError(f"no tile in {self.size} entries: level {level}, {index}")
        return TilePath(level, index, width)

    def _checked_edge(self, root: bytes) -> dict[TilePath, bytes]:
        """Fetch the partial tiles: together, and only together, they make the root."""
        paths = [path for path in right_edge(self.size) if path.level != ENTRIES]
        edge = {path: fetch_tile(self._get, path) for path in paths}
        tiles = TileReader(lambda name: edge[parse_tile_path(name)], self.size)
        if root_at(self.size, tiles) != root:
            self._refuse("its last tiles do not lead to the root that was signed")
        return edge

    def _check(self, path: TilePath, tile: bytes) -> None:
        above = self.tile(path.level + 1, path.index // WIDTH)
        at = path.index % WIDTH * HASH_BYTES
        if root_of(split_hashes(tile)) != above[at : at + HASH_BYTES]:
            self._refuse(f"{path} is not the tile under the hash above it")

    def _refuse(self, why: str) -> NoReturn:
        raise VerificationError(
            "E3225", f"log of {self.size} entries: {why}", hint="fetch the tiles from a mirror of the log"
        )
