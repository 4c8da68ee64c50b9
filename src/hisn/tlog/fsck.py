"""Derive a log again from its entries, and compare every file of a copy with what was signed.

The root that was signed decides.  Downwards from it each tile must lead to the hash above it, and
upwards each entry is hashed again.  Where a tile is missing or wrong, it is made from what lies
under it; if that leads to the hash above, the file alone is at fault and all others can still be
judged.  So a report names the files that are wrong and not those that stand beside them.

A copy of millions of entries is read once, with one bundle and a tile of each level in memory.
A log that signs a huge size and shows nothing costs as little as one that shows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, product

from hisn.core.limits import MAX_PROBLEMS_LISTED
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import (
    Checkpoint,
    LogKeys,
    SignedCheckpoint,
    parse_signed_checkpoint,
    verify_checkpoint,
)
from hisn.tlog.edge import Edge
from hisn.tlog.fork import Fork, find_fork
from hisn.tlog.merkle import leaf_hash, root_of
from hisn.tlog.tile import (
    ENTRIES,
    WIDTH,
    Get,
    TilePath,
    TileReader,
    fetch_bundle,
    fetch_tile,
    parse_tile_path,
    right_edge,
    split_hashes,
    verify_bundle,
    width_at,
)

CHECKPOINT = "checkpoint"
MAX_NAME_CHARS = 200
MAX_CHOICES = 64
"""Ways in which a tile is made again where tiles and entries under it disagree: six may be wrong."""
MAX_EDGES = 1_024
"""The same for the partial tiles together."""


class Kind(StrEnum):
    """Say what is the matter with a file."""

    MISSING = "missing"
    WRONG = "wrong"
    EXTRA = "extra"
    """It is there, and no log of the size that was signed has it."""
    UNPROVEN = "unproven"
    """What lies under it cannot be proven: it is missing or wrong, and so is too much under it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Name one file that is not as it should be."""

    kind: Kind
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """Say what was checked, and what was found; `problems` are the first of those in `counts`."""

    checkpoint: Checkpoint | None
    files: int
    entries: int
    """Entries that were hashed again and lead to the root."""
    counts: Mapping[Kind, int]
    problems: tuple[Problem, ...]

    def require_sound(self) -> Checkpoint:
        """Return the checkpoint if every file is as it was signed; otherwise raise E3232."""
        if self.checkpoint is None or self.problems:
            first = self.problems[0]
            raise VerificationError(
                "E3232",
                f"{sum(self.counts.values())} files of the log are not as they were signed; "
                f"{first.name} is {first.kind}: {first.why}",
                hint="keep this copy, and fetch the files that are named from a mirror of the log",
            )
        return self.checkpoint


class _Findings:
    def __init__(self) -> None:
        self.counts: Counter[Kind] = Counter()
        self.problems: list[Problem] = []

    def add(self, kind: Kind, name: object, why: str) -> None:
        self.counts[kind] += 1
        if len(self.problems) < MAX_PROBLEMS_LISTED:
            self.problems.append(Problem(kind, str(name), why))

    def fault(self, name: object, error: VerificationError) -> None:
        self.add(Kind.MISSING if error.code == "E3224" else Kind.WRONG, name, error.message)


def fsck(
    get: Get, keys: LogKeys, *, checkpoint: bytes | None = None, names: Iterable[str] | None = None
) -> Report:
    """Check every tile and bundle of a copy of a log against its checkpoint.

    `checkpoint` is one that is newer than the file of that name, if there is one.  With `names`,
    all names of files that the copy holds, those that it should not hold are reported, too.
    """
    found = _Findings()
    try:
        head = _head(get, keys, checkpoint).checkpoint
    except VerificationError as error:
        found.fault(CHECKPOINT, error)
        return Report(None, 0, 0, found.counts, tuple(found.problems))
    walk = _Walk(get, head.size, found)
    walk.run(head.root)
    for name in names or ():
        _judge_name(name, get, head.size, found)
    return Report(head, walk.files, walk.entries, found.counts, tuple(found.problems))


def compare_copies(first: Get, second: Get, keys: LogKeys) -> Fork | None:
    """Return the proof of a fork between two copies of a log, or None if one goes on from the other.

    Raise VerificationError for a copy that does not hold what its checkpoint says.
    """
    heads = [_head(get, keys, None) for get in (first, second)]
    readers = [
        TileReader(get, head.checkpoint.size, head.checkpoint.root)
        for get, head in zip((first, second), heads, strict=True)
    ]
    return find_fork(heads[0], readers[0], heads[1], readers[1])


def _head(get: Get, keys: LogKeys, data: bytes | None) -> SignedCheckpoint:
    data = get(CHECKPOINT) if data is None else data
    if data is None:
        raise VerificationError(
            "E3224", "there is no checkpoint: nothing says what the files should be", hint="ask a mirror"
        )
    signed = parse_signed_checkpoint(data)
    verify_checkpoint(signed, keys)
    return signed


def _under(path: TilePath) -> Iterator[TilePath]:
    """Yield the tiles of the level below, each of which is full."""
    first = path.index * WIDTH
    return (TilePath(path.level - 1, index) for index in range(first, first + path.width))


class _Walk:
    """Walk from the root to every tile and entry, and note what does not lead there."""

    def __init__(self, get: Get, size: int, found: _Findings) -> None:
        self._get = get
        self._size = size
        self._found = found
        self.files = 1
        self.entries = 0

    def run(self, root: bytes) -> None:
        edge = [path for path in right_edge(self._size) if path.level != ENTRIES]
        stored = {path: self._stored(path) for path in edge}
        good = self._edge(edge, stored, root)
        if edge and not good:
            self._found.add(
                Kind.UNPROVEN,
                CHECKPOINT,
                "neither the tiles nor the entries lead to the root that was signed",
            )
        elif not edge and Edge().root() != root:
            self._found.add(Kind.WRONG, CHECKPOINT, "a log without entries has another root")
        for path in edge:
            self._judge(path, stored[path], good.get(path), is_known=bool(good))

    def _edge(
        self, paths: list[TilePath], stored: dict[TilePath, bytes | VerificationError], root: bytes
    ) -> dict[TilePath, bytes]:
        """Return the partial tiles that make the root, as stored or made again; none if there are none."""

        def find(options: list[list[bytes]]) -> dict[TilePath, bytes]:
            for choice in islice(product(*options), MAX_EDGES):
                tiles = dict(zip(paths, choice, strict=True))
                by_level = {path.level: tile for path, tile in tiles.items()}
                nodes = tuple(by_level.get(level, b"") for level in range(8))
                if Edge(self._size, nodes).root() == root:
                    return tiles
            return {}

        # As stored; with what is missing made again; with what is wrong made again; in every way.
        for limit in (1, 2, MAX_CHOICES):
            options = [list(islice(self._options(path, stored[path]), limit)) for path in paths]
            if good := find(options):
                return good
        return {}

    def _stored(self, path: TilePath) -> bytes | VerificationError:
        try:
            return fetch_tile(self._get, path)
        except VerificationError as error:
            return error

    def _options(self, path: TilePath, stored: bytes | VerificationError) -> Iterator[bytes]:
        """Yield what a tile may have been: as it is stored, and as it is made of what lies under it."""
        if isinstance(stored, bytes):
            yield stored
        if path.level:
            yield from self._made(path)
            return
        with suppress(VerificationError):
            entries = fetch_bundle(self._get, TilePath(ENTRIES, path.index, path.width))
            yield b"".join([leaf_hash(entry) for entry in entries])

    def _made(self, path: TilePath) -> Iterator[bytes]:
        """Make a tile of those under it: as they are stored, then with other choices of each."""
        first = []
        for child in _under(path):
            root = next(self._roots(child), None)
            if root is None:
                return
            first.append(root)
        yield b"".join(first)
        choices = [dict.fromkeys(islice(self._roots(child), MAX_CHOICES)) for child in _under(path)]
        yield from map(b"".join, islice(product(*choices), 1, MAX_CHOICES))

    def _roots(self, path: TilePath) -> Iterator[bytes]:
        return (root_of(split_hashes(tile)) for tile in self._options(path, self._stored(path)))

    def _judge(
        self, path: TilePath, stored: bytes | VerificationError, good: bytes | None, *, is_known: bool = True
    ) -> None:
        """Report on a tile and all under it; `is_known` says that something proven stands above it."""
        self.files += 1
        if isinstance(stored, VerificationError):
            self._found.fault(path, stored)
        elif is_known and stored != good:
            self._found.add(Kind.WRONG, path, "its hashes do not lead to what was signed")
        if is_known and good is None:
            self._found.add(Kind.UNPROVEN, path, "too much under it is missing or wrong to make it again")
        hashes = good if good is not None else stored
        if path.level == 0:
            self._judge_bundle(path, hashes, is_proven=good is not None)
        elif isinstance(hashes, bytes):
            for child, above in zip(_under(path), split_hashes(hashes), strict=True):
                self._judge_child(child, above, is_known=good is not None)
        elif is_known or path.width < WIDTH:
            # One level deeper and no further, and only if something seems to be there.
            under = list(_under(path))
            if any(isinstance(self._stored(child), bytes) for child in (under[0], under[-1])):
                for child in under:
                    self._judge(child, self._stored(child), None, is_known=False)

    def _judge_child(self, path: TilePath, above: bytes, *, is_known: bool) -> None:
        stored = self._stored(path)
        if is_known:
            options = islice(self._options(path, stored), MAX_CHOICES)
            good = next((tile for tile in options if root_of(split_hashes(tile)) == above), None)
            self._judge(path, stored, good)
            return
        if isinstance(stored, bytes) and root_of(split_hashes(stored)) != above:
            self._found.add(Kind.WRONG, path, "it does not fit the tile above it, which is unproven itself")
        self._judge(path, stored, None, is_known=False)

    def _judge_bundle(self, path: TilePath, hashes: bytes | VerificationError, *, is_proven: bool) -> None:
        bundle = TilePath(ENTRIES, path.index, path.width)
        self.files += 1
        try:
            entries = fetch_bundle(self._get, bundle)
            if isinstance(hashes, bytes):
                verify_bundle(entries, hashes, path.index * WIDTH)
        except VerificationError as error:
            self._found.fault(bundle, error)
        else:
            self.entries += len(entries) if is_proven else 0


def _judge_name(name: str, get: Get, size: int, found: _Findings) -> None:
    """Report a file that is none of the log's, or that is not the beginning of the one that is."""
    if name == CHECKPOINT:
        return
    try:
        path = parse_tile_path(name)
    except VerificationError:
        found.add(Kind.EXTRA, name[:MAX_NAME_CHARS], "no file of a log has such a name")
        return
    width = width_at(path.level, path.index, size)
    if path.width > width:
        found.add(Kind.EXTRA, path, f"it goes beyond the {size} entries that were signed")
    elif path.width < width:
        try:
            if _items(get, path) != _items(get, TilePath(path.level, path.index, width))[: path.width]:
                found.add(Kind.WRONG, path, "it is not the beginning of the tile that grew from it")
        except VerificationError as error:
            found.fault(path, error)


def _items(get: Get, path: TilePath) -> list[bytes]:
    return fetch_bundle(get, path) if path.level == ENTRIES else split_hashes(fetch_tile(get, path))
