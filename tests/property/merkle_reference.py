"""Say RFC 6962 section 2.1 and section 4 of the Merkle tree certificates draft once more, naively."""

from __future__ import annotations

import hashlib


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def mth(entries: list[bytes]) -> bytes:
    if not entries:
        return sha(b"")
    if len(entries) == 1:
        return sha(b"\x00" + entries[0])
    k = split(len(entries))
    return sha(b"\x01" + mth(entries[:k]) + mth(entries[k:]))


def path(index: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*path(index, entries[:k]), mth(entries[k:])]
    return [*path(index - k, entries[k:]), mth(entries[:k])]


def proof(old: int, entries: list[bytes], *, is_known: bool = True) -> list[bytes]:
    if old == len(entries):
        return [] if is_known else [mth(entries)]
    k = split(len(entries))
    if old <= k:
        return [*proof(old, entries[:k], is_known=is_known), mth(entries[k:])]
    return [*proof(old - k, entries[k:], is_known=False), mth(entries[:k])]


def subtree_proof(start: int, end: int, entries: list[bytes], *, is_known: bool = True) -> list[bytes]:
    if (start, end) == (0, len(entries)):
        return [] if is_known else [mth(entries)]
    k = split(len(entries))
    if end <= k:
        return [*subtree_proof(start, end, entries[:k], is_known=is_known), mth(entries[k:])]
    if k <= start:
        return [*subtree_proof(start - k, end - k, entries[k:], is_known=is_known), mth(entries[:k])]
    return [*subtree_proof(0, end - k, entries[k:], is_known=False), mth(entries[:k])]


def is_subtree(start: int, end: int) -> bool:
    ceil = 1
    while ceil < end - start:
        ceil *= 2
    return start < end and start % ceil == 0
