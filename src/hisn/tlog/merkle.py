"""Hash, prove and verify Merkle trees as in RFC 6962 section 2.1.

A *subtree* `[start, end)` is a run of leaves that is aligned well enough to be proven to lie in the
whole tree (draft-ietf-plants-merkle-tree-certs section 4).  One leaf is a subtree, and so is the
tree of an earlier size: an inclusion proof and a consistency proof are the same proof for
`[index, index + 1)` and `[0, old)`.  There is one generator here and one verifier, therefore.

Proofs are made from all leaf hashes, or from any `HashReader` that knows the complete subtrees
(tiles do), at the cost of a proof's own length.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Protocol

from hisn.errors import VerificationError
from hisn.tlog.path import (
    EMPTY_ROOT,
    HASH_BYTES,
    HINT,
    MAX_SIZE,
    leaf_hash,
    node_hash,
    verify_inclusion,
)

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_SIZE",
    "HashReader",
    "consistency_at",
    "consistency_proof",
    "inclusion_at",
    "inclusion_proof",
    "is_subtree",
    "leaf_hash",
    "node_hash",
    "root_at",
    "root_of",
    "subtree_consistency_at",
    "subtree_consistency_proof",
    "subtree_root",
    "subtree_root_at",
    "verify_consistency",
    "verify_inclusion",
    "verify_subtree_consistency",
]


class HashReader(Protocol):
    """Read the hashes of complete subtrees of one tree."""

    def read(self, level: int, index: int) -> bytes:
        """Return the root of leaves `[index << level, (index + 1) << level)`, or raise."""


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes; level by level, an odd last node rising as it is."""
    if not leaf_hashes:
        return EMPTY_ROOT
    nodes = list(leaf_hashes)
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        pairs = zip(nodes[::2], nodes[1::2], strict=False)
        nodes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        nodes += odd
    return nodes[0]


def is_subtree(start: int, end: int) -> bool:
    """Tell whether `[start, end)` is a subtree: start is a multiple of the size, rounded up."""
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def _require_subtree(start: int, end: int, size: int) -> None:
    if not is_subtree(start, end) or end > size:
        raise ValueError(f"no subtree of {size} leaves: [{start}, {end})")


def _proof_ranges(start: int, end: int, size: int) -> list[tuple[int, int]]:
    """Return the runs of leaves whose roots prove `[start, end)`, the lowest first."""
    _require_subtree(start, end, size)
    low, high = 0, size
    ranges = []
    is_known = True  # the verifier knows the root of what is left to prove
    while (low, high) != (start, end):
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if end <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low = middle
            if start < middle:
                start, is_known = middle, False
    if not is_known:
        ranges.append((start, end))
    return ranges[::-1]


def subtree_root(leaf_hashes: Sequence[bytes], start: int, end: int) -> bytes:
    """Return the root of the subtree `[start, end)`."""
    _require_subtree(start, end, len(leaf_hashes))
    return root_of(leaf_hashes[start:end])


def subtree_consistency_proof(
    leaf_hashes: Sequence[bytes], start: int, end: int, size: int | None = None
) -> tuple[bytes, ...]:
    """Prove that `[start, end)` is a subtree of the first `size` leaves."""
    size = len(leaf_hashes) if size is None else size
    if size > len(leaf_hashes):
        raise ValueError(f"{size} leaves were asked for, {len(leaf_hashes)} are there")
    return tuple(root_of(leaf_hashes[low:high]) for low, high in _proof_ranges(start, end, size))


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int | None = None) -> tuple[bytes, ...]:
    """Prove that the leaf at `index` is among the first `size` leaves."""
    return subtree_consistency_proof(leaf_hashes, index, index + 1, size)


def consistency_proof(leaf_hashes: Sequence[bytes], old: int, new: int | None = None) -> tuple[bytes, ...]:
    """Prove that the tree of `old` leaves, at least one, is the beginning of that of `new`."""
    return subtree_consistency_proof(leaf_hashes, 0, old, new)


def _range_root(low: int, high: int, reader: HashReader) -> bytes:
    """Join complete subtrees to the root of a run of leaves that starts where a subtree may."""
    roots = []
    while low < high:
        level = (high - low).bit_length() - 1
        roots.append(reader.read(level, low >> level))
        low += 1 << level
    root = roots.pop()
    while roots:
        root = node_hash(roots.pop(), root)
    return root


def root_at(size: int, reader: HashReader) -> bytes:
    """Return the root of the first `size` leaves."""
    return _range_root(0, size, reader) if size else EMPTY_ROOT


def subtree_root_at(start: int, end: int, reader: HashReader) -> bytes:
    """Return the root of the subtree `[start, end)`."""
    _require_subtree(start, end, end)
    return _range_root(start, end, reader)


def subtree_consistency_at(start: int, end: int, size: int, reader: HashReader) -> tuple[bytes, ...]:
    """Prove that `[start, end)` is a subtree of the first `size` leaves."""
    return tuple(_range_root(low, high, reader) for low, high in _proof_ranges(start, end, size))


def inclusion_at(index: int, size: int, reader: HashReader) -> tuple[bytes, ...]:
    """Prove that the leaf at `index` is among the first `size` leaves."""
    return subtree_consistency_at(index, index + 1, size, reader)


def consistency_at(old: int, new: int, reader: HashReader) -> tuple[bytes, ...]:
    """Prove that the tree of `old` leaves, at least one, is the beginning of that of `new`."""
    return subtree_consistency_at(0, old, new, reader)


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Refuse (E3221) unless the tree of `old` leaves is the beginning of that of `new`.

    A tree without leaves is the beginning of every tree: a proof of that says nothing, and whoever
    asks for it has lost what it trusted.  So `old` 0 is refused.
    """
    why = f"sizes {old} and {new} cannot be compared"
    if 0 < old <= new <= MAX_SIZE:
        why = _path_fault(0, old, new, proof, (old_root, new_root))
    if why:
        raise VerificationError(
            "E3221", f"size {new} is not proven to go on from size {old}: {why}", hint=HINT
        )


def verify_subtree_consistency(  # noqa: PLR0917  (six values make the statement; the order is that of the others)
    start: int, end: int, size: int, node: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Refuse (E3222) unless `node` is the root of the subtree `[start, end)` of the tree of `size`.

    Later drafts accept an empty subtree; nothing is proven by it, so it is refused.
    """
    why = f"this is no subtree of {size} leaves"
    if is_subtree(start, end) and end <= size <= MAX_SIZE:
        why = _path_fault(start, end, size, proof, (node, root))
    if why:
        raise VerificationError("E3222", f"[{start}, {end}) is not proven to be in the log: {why}", hint=HINT)


def _path_fault(start: int, end: int, size: int, proof: Sequence[bytes], known: tuple[bytes, bytes]) -> str:
    """Say what is wrong with a proof that a subtree (first of `known`) lies in a tree (second), or "".

    Section 4.3.3 of the draft, for valid bounds.  Three positions climb the tree together: `first`
    and `last` are the ends of the subtree, `edge` is the right edge of the tree.
    """
    node, root = known
    if any(len(each) != HASH_BYTES for each in (node, root, *proof)):
        return f"a hash is not {HASH_BYTES} bytes long"
    first, last, edge = start, end - 1, size - 1
    while first != last and (last == edge or last & 1):
        first, last, edge = first >> 1, last >> 1, edge >> 1
    rest = iter(proof)
    # Where the subtree's root is no node of the tree, the proof begins with the last node of both.
    low = high = node if first == last else next(rest, b"")
    for sibling in rest:
        if not edge:
            return "the proof is too long"
        if last & 1 or last == edge:
            if first < last:
                low = node_hash(sibling, low)
            high = node_hash(sibling, high)
            while not last & 1:
                first, last, edge = first >> 1, last >> 1, edge >> 1
        else:
            high = node_hash(high, sibling)
        first, last, edge = first >> 1, last >> 1, edge >> 1
    if edge:
        return "the proof is too short"
    return "" if (low, high) == (node, root) else "the proof leads to another root"
