"""Test growing of tiles: same files and roots, however a log is cut into appends."""

from __future__ import annotations

import pytest

from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.tile import ENTRIES, TilePath, parse_bundle, parse_tile_path, right_edge, tiles_for

LEAVES = [merkle.leaf_hash(b"%d" % index) for index in range(66_100)]


def tile_from_leaves(path: TilePath) -> bytes:
    """Restate section "Merkle Tree" of tlog-tiles."""
    span = 256**path.level
    starts = [(path.index * 256 + at) * span for at in range(path.width)]
    return b"".join(merkle.root_of(LEAVES[start : start + span]) for start in starts)


@pytest.mark.parametrize(
    "cuts",
    [
        [66_100], [1] * 600, [255, 1, 1], [256], [257], [100] * 30, [65_535, 1, 1, 256],
        [65_536, 564], [0, 5, 0, 300, 0],
    ],
)  # fmt: skip
def test_tiles_are_those_of_the_specification_however_a_log_grew(cuts: list[int]) -> None:
    edge, files, size = Edge(), dict[str, bytes](), 0
    for cut in cuts:
        edge, tiles = edge.append(LEAVES[size : size + cut])
        for name, data in tiles.items():
            assert files.get(name, data) == data, "a tile was written with other bytes"
        files |= tiles
        size += cut
        assert edge.size == size
        assert edge == Edge.load(size, files.get)
        for path in right_edge(size):
            assert path.level == ENTRIES or str(path) in files
    assert edge.root() == merkle.root_of(LEAVES[:size])
    expected = {str(path): tile_from_leaves(path) for path in tiles_for(size) if path.level != ENTRIES}
    assert expected.items() <= files.items()


def test_full_tile_is_never_written_before_it_is_full() -> None:
    """A reader would cache the short tile under a name that never changes (tessera #364, #1178)."""
    edge, size = Edge(), 0
    for cut in (1, 254, 1, 255, 1, 256, 300, 64_400, 100, 500):
        edge, tiles = edge.append(LEAVES[size : size + cut])
        size += cut
        for name, data in tiles.items():
            path = parse_tile_path(name)
            assert len(data) == path.width * 32
            behind = (path.index * 256 + path.width) << 8 * path.level
            assert behind <= size, f"{name} stands for entries that do not exist at {size}"
            assert path.width == 256 or behind + (1 << 8 * path.level) > size, f"{name} is already wider"


def test_append_gives_only_what_is_new_or_has_grown() -> None:
    edge, _ = Edge().append(LEAVES[:300])
    edge, tiles = edge.append(LEAVES[300:302])
    assert list(tiles) == ["tile/0/001.p/46"]
    edge, tiles = edge.append(LEAVES[302:512])
    assert list(tiles) == ["tile/0/001", "tile/1/000.p/2"]
    same, tiles = edge.append([])
    assert (same, tiles) == (edge, {})


def test_append_costs_what_is_new_and_not_what_is_there() -> None:
    huge = merkle.MAX_SIZE - 10**6
    edge = Edge(huge, tuple(b"a" * 32 * (huge >> 8 * level & 255) for level in range(8)))
    grown, tiles = edge.append(LEAVES[:1_000])
    assert grown.size == huge + 1_000
    assert len(tiles) <= 8
    assert "tile/0/x036/x028/x797/x018/x960/064" in tiles


def test_edge_of_an_empty_log() -> None:
    assert Edge.load(0, dict[str, bytes]().get) == Edge()
    assert Edge().root() == merkle.EMPTY_ROOT
    assert Edge().append([]) == (Edge(), {})


def test_edge_cannot_be_loaded_without_its_tiles() -> None:
    _, tiles = Edge().append(LEAVES[:700])
    del tiles["tile/1/000.p/2"]
    with pytest.raises(VerificationError, match=r"tile/1/000[.]p/2 is withheld"):
        Edge.load(700, tiles.get)


def test_edge_is_loaded_from_the_full_tile_where_the_partial_one_went() -> None:
    """After a crash between two sizes only the newer tiles may be there."""
    edge, files = Edge().append(LEAVES[:700])
    _, tiles = edge.append(LEAVES[700:768])
    del files["tile/0/002.p/188"]
    assert Edge.load(700, (files | tiles).get) == edge


def test_leaf_hash_of_wrong_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="not 32 bytes"):
        Edge().append([b"a" * 31])


def test_bundles_are_those_of_the_specification_however_a_log_grew() -> None:
    entries = [b"entry %d" % index for index in range(700)]
    files = dict[str, bytes]()
    size = 0
    for cut in (1, 254, 1, 0, 3, 441):
        held = entries[size - size % 256 : size]
        files |= entry_tiles(size, held, entries[size : size + cut])
        size += cut
    for path in tiles_for(size):
        if path.level == ENTRIES:
            first = path.index * 256
            assert parse_bundle(files[str(path)], path.width) == entries[first : first + path.width]
    assert "tile/entries/002" not in files
    assert entry_tiles(700, entries[512:], []) == {}


def test_bundle_with_other_than_the_last_entries_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="last bundle of 300 entries has 44"):
        entry_tiles(300, [], [b"a"])
