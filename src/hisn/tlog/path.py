"""Hash leaves, and follow a Merkle path from a leaf to the root (RFC 6962 section 2.1).

This is all that a verifier of proofs needs of Merkle trees; `hisn.tlog.merkle` makes the proofs.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from hisn.errors import VerificationError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1
"""A larger tree does not exist; a hostile size must not make loops long."""
HINT = "do not rely on it; ask the log, or a mirror of it, for the proof again and keep this one"


def leaf_hash(entry: bytes) -> bytes:
    """Hash an entry to its leaf; the prefix keeps a leaf from passing as a node."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two nodes to their parent."""
    return sha256(b"\x01" + left + right).digest()


def path_fault(start: int, end: int, size: int, proof: Sequence[bytes], known: tuple[bytes, bytes]) -> str:
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


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Refuse (E3220) unless the leaf with this hash stands at `index` in the tree of `size` leaves."""
    why = f"there is no entry {index} in a tree of {size}"
    if 0 <= index < size <= MAX_SIZE:
        why = path_fault(index, index + 1, size, proof, (leaf, root))
    if why:
        raise VerificationError("E3220", f"entry {index} is not proven to be in the log: {why}", hint=HINT)
