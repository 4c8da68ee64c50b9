"""Test names, shapes and reading of tiles and entry bundles against hostile logs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from hisn.errors import VerificationError
from hisn.tlog import merkle, tile
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.tile import ENTRIES, TilePath, TileReader, parse_tile_path

SIZE = 66_000
"""257 full tiles and one of 208 hashes at level 0; one full and one of 1 hash at level 1; 1 at level 2."""


def entry(index: int) -> bytes:
    return b"entry %d" % index


def log_of(size: int) -> dict[str, bytes]:
    entries = [entry(index) for index in range(size)]
    _, tiles = Edge().append([merkle.leaf_hash(each) for each in entries])
    return tiles | entry_tiles(0, [], entries)


@pytest.fixture(scope="module")
def whole() -> dict[str, bytes]:
    return log_of(SIZE)


@pytest.fixture(scope="module")
def root() -> bytes:
    return merkle.root_of([merkle.leaf_hash(entry(index)) for index in range(SIZE)])


@pytest.fixture
def log(whole: dict[str, bytes]) -> dict[str, bytes]:
    return dict(whole)


def refused(code: str, act: Callable[[], object]) -> str:
    with pytest.raises(VerificationError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (TilePath(0, 0), "tile/0/000"),
        (TilePath(0, 999), "tile/0/999"),
        (TilePath(1, 1000), "tile/1/x001/000"),
        (TilePath(63, 1_234_067), "tile/63/x001/x234/067"),
        (TilePath(0, 0, 1), "tile/0/000.p/1"),
        (TilePath(2, 1_234, 255), "tile/2/x001/234.p/255"),
        (TilePath(ENTRIES, 67, 8), "tile/entries/067.p/8"),
        (TilePath(0, merkle.MAX_SIZE // 256), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_name_of_a_tile_is_that_of_the_specification(path: TilePath, name: str) -> None:
    assert str(path) == name
    assert parse_tile_path(name) == path


@pytest.mark.parametrize(
    "name",
    [
        "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000",
        "tile/0/x000/001",  # a second name of tile/0/001
        "tile/0/x001/x000", "tile/0/001/000", "tile/0/x1/000", "tile/0/X001/000",
        "tile/00/000", "tile/01/000", "tile/64/000", "tile/100/000", "tile/-1/000", "tile/+1/000",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/", "tile/0/000.p",
        "tile/0/000.p/1/", "tile/0/000.p/1000", "tile/0/x001.p/1/000",
        "/tile/0/000", "tile//0/000", "tile/0/000/", "./tile/0/000", "tile/0/../0/000",
        "tile/0/../../state/commit.db", "tile/entries/../../keys", "tile/0/%2e%2e", "tile\\0\\000",
        "tile/0/000\n", " tile/0/000", "tile/0/000\x00", "tile/0/000?x=1", "tile/0/000#",
        "tile/0/٠٠٠", "tile/0/000.p/١", "tile/0/００0", "tile/²/000", "tile/Entries/000", "tile/entries2/000",
        "tile/0/x036/x028/x797/x018/x963/968",  # no log has a tile behind 2**63 entries
        "tile/0/" + "x001/" * 6 + "000", "tile/0/" + "x001/" * 100_000 + "000",
    ],
)  # fmt: skip
def test_hostile_name_of_a_tile_is_refused(name: str) -> None:
    message = refused("E3223", partial(parse_tile_path, name))
    assert len(message) < 500


def test_tiles_of_a_log_are_those_of_the_specification() -> None:
    paths = list(tile.tiles_for(70_000))
    shapes = {
        level: (
            sum(path.width == 256 for path in paths if path.level == level),
            [path.width for path in paths if path.level == level and path.width < 256],
        )
        for level in (ENTRIES, 0, 1, 2, 3)
    }
    assert shapes == {ENTRIES: (273, [112]), 0: (273, [112]), 1: (1, [17]), 2: (0, [1]), 3: (0, [])}
    assert [str(path) for path in tile.right_edge(70_000)] == [
        "tile/entries/273.p/112", "tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1",
    ]  # fmt: skip
    assert [str(path) for path in tile.tiles_for(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert list(tile.tiles_for(0)) == []
    assert tile.right_edge(0) == ()


def test_huge_log_names_its_edge_at_once() -> None:
    assert len(tile.right_edge(merkle.MAX_SIZE)) == 9
    assert tile.width_at(7, 0, merkle.MAX_SIZE) == 127
    assert str(next(tile.tiles_for(merkle.MAX_SIZE))) == "tile/entries/000"


def test_bundle_gives_back_its_entries() -> None:
    entries = [b"", b"a", b"\x00\x00", b"b" * 65_535]
    assert tile.parse_bundle(tile.encode_bundle(entries), 4) == entries
    assert tile.parse_bundle(b"", 0) == []


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1), (b"\x00", 1), (b"\x00\x01", 1), (b"\x00\x02a", 1), (b"\xff\xff" + b"a" * 65_534, 1),
        (b"\x00\x01a\x00", 2), (b"\x00\x01a", 2),
        (b"\x00\x01a\x00", 1), (b"\x00\x01a\x00\x00", 1), (b"a", 0),
    ],
)  # fmt: skip
def test_bundle_of_another_count_of_entries_is_refused(data: bytes, width: int) -> None:
    refused("E3226", partial(tile.parse_bundle, data, width))


def test_bundle_beyond_the_format_is_a_mistake_of_the_caller() -> None:
    for entries in ([b""] * 257, [b"b" * 65_536]):
        with pytest.raises(ValueError, match="65535 bytes at most"):
            tile.encode_bundle(entries)


def test_proofs_come_from_tiles(log: dict[str, bytes], root: bytes) -> None:
    for reader in (TileReader(log.get, SIZE), TileReader(log.get, SIZE, root)):
        assert merkle.root_at(SIZE, reader) == root
        for index in (0, 255, 256, 65_535, 65_536, SIZE - 1):
            proof = merkle.inclusion_at(index, SIZE, reader)
            merkle.verify_inclusion(merkle.leaf_hash(entry(index)), index, SIZE, proof, root)
            assert reader.bundle(index // 256)[index % 256] == entry(index)
        for old in (1, 255, 256, 65_536, 65_537):
            old_root = merkle.root_at(old, reader)
            merkle.verify_consistency(old, old_root, SIZE, root, merkle.consistency_at(old, SIZE, reader))


def test_reader_asks_only_for_tiles_that_the_signed_size_has(log: dict[str, bytes], root: bytes) -> None:
    allowed = {str(path) for path in tile.tiles_for(SIZE)}
    asked: list[str] = []

    def get(name: str) -> bytes | None:
        asked.append(name)
        return log[name]

    reader = TileReader(get, SIZE, root)
    merkle.inclusion_at(5, SIZE, reader)
    merkle.inclusion_at(6, SIZE, reader)
    assert set(asked) <= allowed
    assert len(asked) == len(set(asked)) == 5


def test_missing_partial_tile_is_read_from_the_full_one(root: bytes) -> None:
    """Logs delete a partial tile once the full one is there (tessera #671)."""
    grown = log_of(SIZE + 256)
    for path in tile.right_edge(SIZE):
        grown.pop(str(path), None)
    grown["tile/1/001.p/1"] = log_of(SIZE)["tile/1/001.p/1"]  # this one is not full yet
    grown["tile/2/000.p/1"] = log_of(SIZE)["tile/2/000.p/1"]
    reader = TileReader(grown.get, SIZE, root)
    assert "tile/0/257.p/208" not in grown
    assert "tile/0/257" in grown
    assert merkle.root_at(SIZE, reader) == root
    assert reader.bundle(257) == [entry(index) for index in range(257 * 256, SIZE)]


def test_full_tile_of_another_log_does_not_stand_in_for_a_partial_one(
    log: dict[str, bytes], root: bytes
) -> None:
    del log["tile/0/257.p/208"]
    log["tile/0/257"] = log["tile/0/000"]
    message = refused("E3225", partial(TileReader(log.get, SIZE, root).read, 0, SIZE - 1))
    assert "do not lead to the root" in message


@pytest.mark.parametrize("name", ["tile/0/257.p/208", "tile/1/000", "tile/0/003"])
def test_withheld_tile_is_named(log: dict[str, bytes], root: bytes, name: str) -> None:
    del log[name]
    message = refused("E3224", partial(TileReader(log.get, SIZE, root).read, 0, 3 * 256))
    assert f"{name} is withheld" in message


def test_withheld_bundle_is_named(log: dict[str, bytes], root: bytes) -> None:
    del log["tile/entries/257.p/208"]
    message = refused("E3224", partial(TileReader(log.get, SIZE, root).bundle, 257))
    assert "tile/entries/257.p/208 is withheld" in message


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tile/0/257.p/208", b""),
        ("tile/0/257.p/208", b"a" * 207 * 32),
        ("tile/0/257.p/208", b"a" * 256 * 32),
        ("tile/0/000", b"a" * 255 * 32),
        ("tile/0/000", b"a" * 8_193),
    ],
)
def test_tile_of_wrong_length_is_refused(log: dict[str, bytes], name: str, data: bytes) -> None:
    log[name] = data
    path = parse_tile_path(name)
    message = refused("E3225", partial(TileReader(log.get, SIZE).read, 0, path.index * 256))
    assert f"{name} has {len(data)} bytes" in message


def test_full_tile_in_place_of_a_partial_one_must_be_full(log: dict[str, bytes]) -> None:
    """A log that serves 208 hashes under the full name would have it cached for ever (tessera #364)."""
    log["tile/0/257"] = log.pop("tile/0/257.p/208")
    message = refused("E3225", partial(TileReader(log.get, SIZE).read, 0, SIZE - 1))
    assert "tile/0/257 has 6656 bytes instead of 8192" in message


@pytest.mark.parametrize(
    "name", ["tile/0/257.p/208", "tile/0/003", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"]
)
def test_flipped_bit_in_a_tile_is_refused_before_a_hash_is_used(
    log: dict[str, bytes], root: bytes, name: str
) -> None:
    log[name] = bytes([log[name][0] ^ 1]) + log[name][1:]
    refused("E3225", partial(TileReader(log.get, SIZE, root).read, 0, 3 * 256 + 200))


def test_tile_that_changes_when_asked_again_is_still_checked(
    log: dict[str, bytes], root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile, "MAX_TILES_HELD", 2)
    reader = TileReader(log.get, SIZE, root)
    good = reader.tile(0, 257)
    log["tile/0/257.p/208"] = b"a" * 208 * 32
    for index in range(9):
        assert reader.read(0, index * 256) == merkle.leaf_hash(entry(index * 256))
    assert reader.tile(0, 257) == good
    log["tile/0/000"] = b"a" * 8_192
    refused("E3225", partial(reader.read, 0, 0))
    assert len(reader._held) <= 2


def test_proofs_from_any_tiles_are_the_same_when_the_reader_forgets(
    log: dict[str, bytes], root: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    indices = (0, 255, 256, 300, SIZE - 1, 0)
    reader = TileReader(log.get, SIZE, root)
    proofs = [merkle.inclusion_at(index, SIZE, reader) for index in indices]
    monkeypatch.setattr(tile, "MAX_INNER_TILES_HELD", 1)
    forgetful = TileReader(log.get, SIZE, root)
    assert [merkle.inclusion_at(index, SIZE, forgetful) for index in indices] == proofs
    assert len(forgetful._inner) == 1 < len(reader._inner)


def test_entry_that_was_not_signed_is_refused(log: dict[str, bytes], root: bytes) -> None:
    """A proof for one entry beside a bundle that shows another (sigstore-python #1651)."""
    entries = [entry(index) for index in range(256, 512)]
    log["tile/entries/001"] = tile.encode_bundle([*entries[:7], b"forged", *entries[8:]])
    message = refused("E3227", partial(TileReader(log.get, SIZE, root).bundle, 1))
    assert "the first to differ is entry 263" in message
    log["tile/entries/001"] = tile.encode_bundle([entries[1], entries[0], *entries[2:]])
    assert "entry 256" in refused("E3227", partial(TileReader(log.get, SIZE, root).bundle, 1))


def test_bundle_is_compared_with_all_hashes_above_it() -> None:
    hashes = b"".join(merkle.leaf_hash(entry(index)) for index in range(3))
    tile.verify_bundle([entry(0), entry(1), entry(2)], hashes, 0)
    message = refused("E3227", partial(tile.verify_bundle, [entry(0), entry(1)], hashes, 0))
    assert "2 entries for 3 hashes" in message
    refused("E3227", partial(tile.verify_bundle, [entry(at) for at in range(4)], hashes, 0))


@pytest.mark.parametrize(("level", "index"), [(0, SIZE), (0, -1), (8, 257), (17, 0), (64, 0)])
def test_hash_that_the_size_does_not_have_is_a_mistake_of_the_caller(
    log: dict[str, bytes], level: int, index: int
) -> None:
    with pytest.raises(ValueError, match="no complete subtree"):
        TileReader(log.get, SIZE).read(level, index)


@pytest.mark.parametrize(("level", "index"), [(0, 258), (0, -1), (3, 0), (1, 2)])
def test_tile_that_the_size_does_not_have_is_a_mistake_of_the_caller(
    log: dict[str, bytes], level: int, index: int
) -> None:
    with pytest.raises(ValueError, match="no tile"):
        TileReader(log.get, SIZE).tile(level, index)
