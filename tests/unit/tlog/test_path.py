"""A path proves one leaf at one place of one tree."""

from __future__ import annotations

import pytest

from hisn.errors import VerificationError
from hisn.tlog.merkle import inclusion_proof, root_of
from hisn.tlog.path import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    leaf_hash,
    node_hash,
    verify_inclusion,
)

LEAVES = [leaf_hash(b"%d" % number) for number in range(20)]


@pytest.mark.parametrize("size", range(1, 21))
def test_every_leaf_is_proven_at_its_own_place_and_at_no_other(size: int) -> None:
    root = root_of(LEAVES[:size])
    for index in range(size):
        path = inclusion_proof(LEAVES, index, size)
        verify_inclusion(LEAVES[index], index, size, path, root)
        for other in set(range(-1, size + 1)) - {index}:
            with pytest.raises(VerificationError) as caught:
                verify_inclusion(LEAVES[index], other, size, path, root)
            assert caught.value.code == "E3220"


def test_a_leaf_cannot_pass_as_a_node() -> None:
    # Without the prefixes, the two hashes of an inner node would be an entry of 64 bytes.
    inner = LEAVES[0] + LEAVES[1]
    assert leaf_hash(inner) != node_hash(LEAVES[0], LEAVES[1])
    with pytest.raises(VerificationError):
        verify_inclusion(leaf_hash(inner), 0, 1, (), root_of(LEAVES[:2]))


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        ((), "too short"),
        ((LEAVES[1], LEAVES[1], LEAVES[1]), "too long"),
        ((LEAVES[1][:-1],), f"not {HASH_BYTES} bytes"),
        ((LEAVES[0],), "another root"),
    ],
)
def test_what_is_wrong_with_a_path_is_said(proof: tuple[bytes, ...], why: str) -> None:
    with pytest.raises(VerificationError, match=why):
        verify_inclusion(LEAVES[0], 0, 2, proof, root_of(LEAVES[:2]))


def test_a_tree_larger_than_any_is_refused_at_once() -> None:
    with pytest.raises(VerificationError):
        verify_inclusion(LEAVES[0], 0, MAX_SIZE + 1, (), LEAVES[0])


def test_nothing_is_in_an_empty_tree() -> None:
    with pytest.raises(VerificationError):
        verify_inclusion(EMPTY_ROOT, 0, 0, (), EMPTY_ROOT)
