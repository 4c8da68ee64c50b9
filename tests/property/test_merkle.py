"""Compare trees, proofs and tiles with a naive restatement of RFC 6962, and forge proofs at random."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.property import merkle_reference as reference

from hisn.errors import VerificationError
from hisn.tlog import merkle
from hisn.tlog.edge import Edge, entry_tiles
from hisn.tlog.tile import (
    ENTRIES,
    TilePath,
    TileReader,
    encode_bundle,
    parse_bundle,
    parse_tile_path,
    tiles_for,
)

entries = st.lists(st.binary(max_size=4), min_size=1, max_size=70)
numbers = st.integers(0, 2**64)
hashes = st.binary(min_size=32, max_size=32)
proofs = st.lists(hashes | st.binary(max_size=40), max_size=70)


def leaves_of(items: list[bytes]) -> list[bytes]:
    return [merkle.leaf_hash(item) for item in items]


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_roots_equal_the_reference(items: list[bytes]) -> None:
    assert merkle.root_of(leaves_of(items)) == reference.mth(items)
    edge, tiles = Edge().append(leaves_of(items))
    assert edge.root() == reference.mth(items)
    assert merkle.root_at(len(items), TileReader(tiles.get, len(items))) == reference.mth(items)


@given(entries, st.data())
def test_inclusion_proofs_equal_the_reference_and_verify(items: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    proof = merkle.inclusion_proof(leaves_of(items), index)
    assert list(proof) == reference.path(index, items)
    leaf = merkle.leaf_hash(items[index])
    merkle.verify_inclusion(leaf, index, len(items), proof, reference.mth(items))


@given(entries, st.data())
def test_consistency_proofs_equal_the_reference_and_verify(items: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(items)))
    proof = merkle.consistency_proof(leaves_of(items), old)
    assert list(proof) == reference.proof(old, items)
    merkle.verify_consistency(old, reference.mth(items[:old]), len(items), reference.mth(items), proof)


@given(entries, st.data())
def test_subtree_proofs_equal_the_reference_and_verify(items: list[bytes], data: st.DataObject) -> None:
    end = data.draw(st.integers(1, len(items)))
    start = data.draw(st.sampled_from([at for at in range(end) if reference.is_subtree(at, end)]))
    proof = merkle.subtree_consistency_proof(leaves_of(items), start, end)
    assert list(proof) == reference.subtree_proof(start, end, items)
    merkle.verify_subtree_consistency(
        start, end, len(items), reference.mth(items[start:end]), reference.mth(items), proof
    )


@given(st.integers(-300, 300), st.integers(-300, 300))
def test_subtrees_are_those_of_the_reference(start: int, end: int) -> None:
    assert merkle.is_subtree(start, end) == (start >= 0 and reference.is_subtree(start, end))


@given(entries, st.data())
def test_proof_of_another_index_size_or_leaf_is_refused(items: list[bytes], data: st.DataObject) -> None:
    """With distinct leaves one proof shows one thing."""
    items = [b"%d" % at for at in range(len(items))]
    size, root = len(items), reference.mth(items)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(leaves_of(items), index)
    other = data.draw(st.integers(0, 2**63))
    assume(other != index)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(merkle.leaf_hash(items[index]), other, size, proof, root)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(merkle.leaf_hash(items[index - 1] + b"x"), index, size, proof, root)


@given(entries, st.data())
def test_log_that_was_rewritten_has_no_consistency_proof(items: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(items)))
    at = data.draw(st.integers(0, old - 1))
    rewritten = [*items[:at], items[at] + b"!", *items[at + 1 :]]
    for proof in (
        merkle.consistency_proof(leaves_of(items), old),
        merkle.consistency_proof(leaves_of(rewritten), old),
    ):
        with pytest.raises(VerificationError):
            merkle.verify_consistency(
                old, reference.mth(items[:old]), len(items), reference.mth(rewritten), proof
            )


@given(st.tuples(hashes | st.binary(max_size=40), hashes), st.tuples(numbers, numbers, numbers), proofs)
def test_any_numbers_and_hashes_raise_nothing_but_a_refusal(
    known: tuple[bytes, bytes], bounds: tuple[int, int, int], proof: list[bytes]
) -> None:
    (leaf, root), (first, second, third) = known, bounds
    assume(leaf != root)
    with pytest.raises(VerificationError):
        merkle.verify_inclusion(leaf, first, second, proof, root)
    with pytest.raises(VerificationError):
        merkle.verify_consistency(first, leaf, second, root, proof)
    with pytest.raises(VerificationError):
        merkle.verify_subtree_consistency(first, second, third, leaf, root, proof)


@given(st.lists(st.integers(0, 300), max_size=5))
def test_log_cut_into_any_appends_has_the_same_files(cuts: list[int]) -> None:
    items = [b"%d" % at for at in range(sum(cuts))]
    files, edge = dict[str, bytes](), Edge()
    for cut in cuts:
        held = items[edge.size - edge.size % 256 : edge.size]
        new = items[edge.size : edge.size + cut]
        files |= entry_tiles(edge.size, held, new)
        edge, tiles = edge.append(leaves_of(new))
        files |= tiles
    once, tiles = Edge().append(leaves_of(items))
    assert edge == once == Edge.load(len(items), files.get)
    expected = tiles | entry_tiles(0, [], items)
    assert expected.items() <= files.items()
    assert set(expected) == {str(path) for path in tiles_for(len(items))}


@given(st.text() | st.from_regex(r"tile/(entries|[0-9]+)/([x0-9/]+)([.]p/[0-9]+)?"))
def test_name_of_a_tile_is_refused_or_read_as_its_one_spelling(text: str) -> None:
    try:
        path = parse_tile_path(text)
    except VerificationError:
        return
    assert str(path) == text


@given(st.integers(ENTRIES, 63), st.integers(0, merkle.MAX_SIZE // 256), st.integers(1, 256))
def test_every_name_of_a_tile_is_read_again(level: int, index: int, width: int) -> None:
    path = TilePath(level, index, width)
    assert parse_tile_path(str(path)) == path


@given(st.binary(max_size=600), st.integers(0, 256))
def test_bundle_is_refused_or_means_exactly_its_bytes(data: bytes, width: int) -> None:
    try:
        items = parse_bundle(data, width)
    except VerificationError:
        return
    assert len(items) == width
    assert encode_bundle(items) == data


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_bundle_is_read_again(items: list[bytes]) -> None:
    assert parse_bundle(encode_bundle(items), len(items)) == items


@given(
    st.integers(1, 600), st.dictionaries(st.integers(0, 9), st.none() | st.binary(max_size=64), max_size=3)
)
def test_hostile_files_raise_nothing_but_a_refusal_and_give_no_wrong_hash(
    size: int, damage: dict[int, bytes | None]
) -> None:
    items = [b"%d" % at for at in range(size)]
    leaves = leaves_of(items)
    files: dict[str, bytes | None] = {**Edge().append(leaves)[1], **entry_tiles(0, [], items)}
    for at, data in damage.items():
        files[sorted(files)[at % len(files)]] = data
    reader = TileReader(files.get, size, merkle.root_of(leaves))
    for index in {0, size // 2, size - 1}:
        try:
            assert reader.read(0, index) == leaves[index]
            assert reader.bundle(index // 256)[index % 256] == items[index]
        except VerificationError:
            assert damage
