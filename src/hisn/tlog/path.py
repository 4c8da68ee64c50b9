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


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Refuse (E3220) unless the leaf with this hash stands at `index` in the tree of `size` leaves."""
    if why := _fault(leaf, index, size, proof, root):
        raise VerificationError("E3220", f"entry {index} is not proven to be in the log: {why}", hint=HINT)


def _fault(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> str:
    """Say what is wrong with a path, or "". It climbs level by level; `last` is the tree's right edge."""
    if not 0 <= index < size <= MAX_SIZE:
        return f"there is no entry {index} in a tree of {size}"
    if any(len(each) != HASH_BYTES for each in (leaf, root, *proof)):
        return f"a hash is not {HASH_BYTES} bytes long"
    node, at, last = leaf, index, size - 1
    rest = list(reversed(proof))
    while last:
        # At the right edge a node without a sibling goes up as it is.
        if at & 1 or at < last:
            if not rest:
                return "the proof is too short"
            node = node_hash(rest.pop(), node) if at & 1 else node_hash(node, rest.pop())
        at, last = at >> 1, last >> 1
    if rest:
        return "the proof is too long"
    return "" if node == root else "the proof leads to another root"
