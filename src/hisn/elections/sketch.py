"""Count distinct things in bounded memory, in any order: keep the k smallest digests.

A thing's digest is the first 64 bits of its SHA-256, so that the same things give the same sketch
on every machine.  Up to k things the count is exact; beyond, the k-th smallest digest says how
densely the digests lie (k minimum values; the error is about 1 in the root of k).  The sketch of
two sets together is that of their sketches: it does not depend on order or division.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

_SPACE = 1 << 64


def digest64(text: str) -> int:
    """Return the first 64 bits of the text's SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def packed(digests: Iterable[int], k: int) -> bytes:
    """Return the sketch of things with these digests, which may repeat."""
    smallest = sorted(set(digests))[:k]
    return struct.pack(f">{len(smallest)}Q", *smallest)


def digests_in(sketch: bytes) -> tuple[int, ...]:
    """Return the digests that a sketch holds, ascending."""
    return struct.unpack(f">{len(sketch) // 8}Q", sketch)


def joined(one: bytes, other: bytes, k: int) -> bytes:
    """Return the sketch of two sets together."""
    if not one or not other:
        return (one or other)[: 8 * k]
    return packed((*digests_in(one), *digests_in(other)), k)


def estimate(sketch: bytes, k: int) -> int:
    """Return how many distinct things there were; exact while they are fewer than k."""
    count = len(sketch) // 8
    if count < k:
        return count
    return (k - 1) * _SPACE // (int.from_bytes(sketch[8 * k - 8 : 8 * k], "big") + 1)
