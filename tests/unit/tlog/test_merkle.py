"""Test hashing and proofs of Merkle trees against fixed values and hostile proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest

from hisn.errors import VerificationError
from hisn.tlog import merkle

# The tree of eight leaves that implementations of RFC 6962 share.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
BYTE_LEAVES = [merkle.leaf_hash(bytes([value])) for value in range(130)]
HUGE = merkle.MAX_SIZE


class Levels:
    """Read complete subtrees from leaf hashes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves

    def read(self, level: int, index: int) -> bytes:
        low, high = index << level, (index + 1) << level
        assert high <= len(self.leaves), "only complete subtrees may be asked for"
        return merkle.root_of(self.leaves[low:high])


def refused(code: str, act: Callable[[], None]) -> str:
    with pytest.raises(VerificationError) as caught:
        act()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value.message


def test_empty_tree_hashes_to_the_hash_of_nothing() -> None:
    assert merkle.root_of([]) == merkle.EMPTY_ROOT == hashlib.sha256().digest()
    assert merkle.root_at(0, Levels([])) == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", ROOTS)
def test_roots_are_those_that_others_compute(size: int) -> None:
    assert merkle.root_of(LEAVES[:size]).hex() == ROOTS[size]
    assert merkle.root_at(size, Levels(LEAVES)).hex() == ROOTS[size]


def test_root_does_not_change_the_leaves_given() -> None:
    leaves = list(LEAVES)
    assert merkle.root_of(leaves) == merkle.root_of(tuple(leaves))
    assert leaves == LEAVES


def test_leaf_cannot_pass_as_a_node() -> None:
    left, right = LEAVES[:2]
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


def test_accumulated_vectors_of_the_draft() -> None:
    """Run all subtrees and proofs of trees up to 130 leaves, as the draft's appendix counts them.

    The draft there counts empty subtrees, which we refuse: they are written out here.
    """
    trees, inclusion, consistency = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    for end in range(131):
        for start in range(end + 1):
            if start == end:
                trees.update(f"[{start}, {end}) {merkle.EMPTY_ROOT.hex()}\n".encode())
            elif merkle.is_subtree(start, end):
                leaves = BYTE_LEAVES[start:end]
                assert merkle.subtree_root(BYTE_LEAVES, start, end) == merkle.root_of(leaves)
                trees.update(f"[{start}, {end}) {merkle.root_of(leaves).hex()}\n".encode())
                for index in range(start, end):
                    proof = merkle.inclusion_proof(leaves, index - start)
                    line = " ".join([f"{index} [{start}, {end})", *(each.hex() for each in proof)])
                    inclusion.update(f"{line}\n".encode())
    for size in range(131):
        for end in range(size + 1):
            for start in range(end + 1):
                if start == end or merkle.is_subtree(start, end):
                    proof = (
                        merkle.subtree_consistency_proof(BYTE_LEAVES, start, end, size) if start < end else ()
                    )
                    line = " ".join([f"[{start}, {end}) {size}", *(each.hex() for each in proof)])
                    consistency.update(f"{line}\n".encode())
    assert trees.hexdigest() == "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81"
    assert inclusion.hexdigest() == "ac2a8f989e44d99e399db448050ff5f19757df53cfb716aa81015d3955d8163f"
    assert consistency.hexdigest() == "10fa99b37bf9bf9ffa26b412fbd98bd75363256d0b75d61bc4538b9c9c5a0a74"


def test_every_proof_of_small_trees_verifies_and_comes_from_complete_subtrees() -> None:
    reader = Levels(BYTE_LEAVES)
    for size in range(1, 34):
        root = merkle.root_at(size, reader)
        assert root == merkle.root_of(BYTE_LEAVES[:size])
        for index in range(size):
            proof = merkle.inclusion_at(index, size, reader)
            assert proof == merkle.inclusion_proof(BYTE_LEAVES, index, size)
            merkle.verify_inclusion(BYTE_LEAVES[index], index, size, proof, root)
        for old in range(1, size + 1):
            proof = merkle.consistency_at(old, size, reader)
            assert proof == merkle.consistency_proof(BYTE_LEAVES, old, size)
            merkle.verify_consistency(old, merkle.root_at(old, reader), size, root, proof)
            for start in range(old):
                if merkle.is_subtree(start, old):
                    node = merkle.subtree_root_at(start, old, reader)
                    assert node == merkle.subtree_root(BYTE_LEAVES, start, old)
                    proof = merkle.subtree_consistency_at(start, old, size, reader)
                    merkle.verify_subtree_consistency(start, old, size, node, root, proof)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
def test_proof_of_wrong_length_is_refused(size: int) -> None:
    root = merkle.root_of(LEAVES[:size])
    for index in range(size):
        proof = merkle.inclusion_proof(LEAVES, index, size)
        check = partial(merkle.verify_inclusion, LEAVES[index], index, size, root=root)
        assert "too long" in refused("E3220", partial(check, proof=(*proof, LEAVES[0])))
        if proof:
            assert "too short" in refused("E3220", partial(check, proof=proof[:-1]))
    for old in range(1, size):
        proof = merkle.consistency_proof(LEAVES, old, size)
        check_old = partial(merkle.verify_consistency, old, merkle.root_of(LEAVES[:old]), size, root)
        assert "too long" in refused("E3221", partial(check_old, (*proof, LEAVES[0])))
        assert "too short" in refused("E3221", partial(check_old, proof[:-1]))
        assert "too short" in refused("E3221", partial(check_old, ()))
    assert "too long" in refused("E3221", partial(merkle.verify_consistency, size, root, size, root, [root]))


def test_proof_with_a_hash_of_wrong_length_is_refused() -> None:
    """Node hashes are joined without lengths: 31 and 33 bytes could be cut anew."""
    root = merkle.root_of(LEAVES)
    first, second, third = merkle.inclusion_proof(LEAVES, 2)
    cut = (first + second[:1], second[1:], third)
    assert "32 bytes" in refused("E3220", partial(merkle.verify_inclusion, LEAVES[2], 2, 8, cut, root))
    assert "32 bytes" in refused("E3220", partial(merkle.verify_inclusion, b"", 0, 1, (), b""))
    assert "32 bytes" in refused("E3221", partial(merkle.verify_consistency, 1, b"x", 1, b"x", ()))


@pytest.mark.parametrize(("index", "size"), [(8, 8), (9, 8), (0, 0), (-1, 8), (0, HUGE + 1)])
def test_index_beyond_the_size_is_refused(index: int, size: int) -> None:
    message = refused("E3220", partial(merkle.verify_inclusion, LEAVES[0], index, size, (), LEAVES[0]))
    assert "no entry" in message


def test_consistency_from_size_0_is_an_error_in_the_verifier() -> None:
    """An empty tree is the beginning of any: accepting it would let a log begin again unseen."""
    root = merkle.root_of(LEAVES)
    for old_root, new, new_root in ((merkle.EMPTY_ROOT, 8, root), (merkle.EMPTY_ROOT, 0, merkle.EMPTY_ROOT)):
        refused("E3221", partial(merkle.verify_consistency, 0, old_root, new, new_root, ()))


@pytest.mark.parametrize(("old", "new"), [(8, 7), (-1, 8), (1, HUGE + 1)])
def test_sizes_that_cannot_be_compared_are_refused(old: int, new: int) -> None:
    refused("E3221", partial(merkle.verify_consistency, old, LEAVES[0], new, LEAVES[0], ()))


def test_same_size_with_another_root_is_refused() -> None:
    message = refused("E3221", partial(merkle.verify_consistency, 3, LEAVES[0], 3, LEAVES[1], ()))
    assert "another root" in message


@pytest.mark.parametrize(("start", "end"), [(0, 0), (4, 4), (1, 3), (2, 6), (5, 4), (-4, 0), (0, 9)])
def test_run_of_leaves_that_is_no_subtree_is_refused(start: int, end: int) -> None:
    node = root = merkle.root_of(LEAVES)
    message = refused("E3222", partial(merkle.verify_subtree_consistency, start, end, 8, node, root, ()))
    assert "no subtree" in message
    with pytest.raises(ValueError, match="no subtree"):
        merkle.subtree_consistency_proof(LEAVES, start, end)
    if end <= 8:
        with pytest.raises(ValueError, match="no subtree"):
            merkle.subtree_root_at(start, end, Levels(LEAVES))


def test_subtree_of_other_leaves_is_refused() -> None:
    root = merkle.root_of(LEAVES)
    proof = merkle.subtree_consistency_proof(LEAVES, 4, 7)
    other = merkle.root_of([*LEAVES[4:6], LEAVES[0]])
    refused("E3222", partial(merkle.verify_subtree_consistency, 4, 7, 8, other, root, proof))
    merkle.verify_subtree_consistency(4, 7, 8, merkle.root_of(LEAVES[4:7]), root, proof)


def test_every_flipped_bit_of_a_proof_is_refused() -> None:
    root = merkle.root_of(LEAVES[:7])
    proof = merkle.consistency_proof(LEAVES, 3, 7)
    old_root = merkle.root_of(LEAVES[:3])
    for at, part in enumerate(proof):
        for bit in range(256):
            flipped = (int.from_bytes(part, "big") ^ 1 << bit).to_bytes(32, "big")
            forged = (*proof[:at], flipped, *proof[at + 1 :])
            refused("E3221", partial(merkle.verify_consistency, 3, old_root, 7, root, forged))


def test_huge_sizes_cost_nothing() -> None:
    """A checkpoint may claim 2**63 - 1 entries: neither verifying nor proving walks over them."""

    class Same:
        reads = 0

        def read(self, level: int, index: int) -> bytes:
            assert (index + 1) << level <= HUGE
            self.reads += 1
            return chain[level]

    chain = [LEAVES[0]]
    for _ in range(63):
        chain.append(merkle.node_hash(chain[-1], chain[-1]))
    assert all(merkle.node_hash(low, low) == high for low, high in pairwise(chain))
    same = Same()
    root = merkle.root_at(HUGE, same)
    for index in (0, 1, HUGE // 2, HUGE - 1):
        proof = merkle.inclusion_at(index, HUGE, same)
        merkle.verify_inclusion(LEAVES[0], index, HUGE, proof, root)
        assert len(proof) <= 63
    for old in (1, HUGE - 1, 2**62, 2**62 + 1):
        old_root = merkle.root_at(old, same)
        merkle.verify_consistency(old, old_root, HUGE, root, merkle.consistency_at(old, HUGE, same))
    assert same.reads < 2_000
    refused("E3220", partial(merkle.verify_inclusion, LEAVES[0], 0, 10**4000, [LEAVES[0]] * 9, root))


def test_proof_from_too_few_leaves_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="9 leaves"):
        merkle.inclusion_proof(LEAVES, 0, 9)
    with pytest.raises(ValueError, match="no subtree"):
        merkle.inclusion_proof(LEAVES, 8)
    with pytest.raises(ValueError, match="no subtree"):
        merkle.consistency_proof(LEAVES, 0)
