"""Find and prove a fork: two states that one log has signed and that cannot both be true.

A proof is portable: whoever has the log's public keys can check it, without the log and without
trust in whoever found it.  There are two forms.

- Two checkpoints of one size with different roots.  They are the whole proof.
- Two checkpoints and one index at which they have different leaves, each with its inclusion proof.
  The first such index is found by bisection, with a few tiles of each copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from hisn.errors import VerificationError
from hisn.tlog.checkpoint import LogKeys, SignedCheckpoint, parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.merkle import HashReader, inclusion_at, leaf_hash, root_at, verify_inclusion
from hisn.tlog.tile import ENTRIES, WIDTH, Get, TilePath, fetch_bundle, width_at


@dataclass(frozen=True, slots=True)
class Side:
    """Hold one of the two states: the checkpoint as it was signed, and a leaf hash with its path."""

    checkpoint: bytes
    leaf: bytes = b""
    path: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Fork:
    """Hold a proof of a fork; `index` is that of the leaves, or None if the roots say it all."""

    first: Side
    second: Side
    index: int | None = None


def find_fork(
    first: SignedCheckpoint, first_hashes: HashReader, second: SignedCheckpoint, second_hashes: HashReader
) -> Fork | None:
    """Return the proof that two checkpoints of a log contradict each other, or None if they do not.

    The readers must check their hashes against the roots (`TileReader` with `root`): copies that do
    not hold what was signed raise E3224, E3225 or E3231, and prove nothing about the log.
    """
    a, b = first.checkpoint, second.checkpoint
    if a.size == b.size:
        return Fork(Side(first.raw), Side(second.raw)) if a.root != b.root else None
    shared, longer = (a, second_hashes) if a.size < b.size else (b, first_hashes)
    if root_at(shared.size, longer) == shared.root:
        return None
    index = _first_difference(shared.size, first_hashes, second_hashes)
    return Fork(_side(first, first_hashes, index), _side(second, second_hashes, index), index)


def _side(signed: SignedCheckpoint, hashes: HashReader, index: int) -> Side:
    return Side(signed.raw, hashes.read(0, index), inclusion_at(index, signed.checkpoint.size, hashes))


def fetch_leaf(get: Get, fork: Fork, side: Side) -> bytes | None:
    """Return the entry of one side from a copy of the log; None if it is withheld there, or is another one.

    The hash proves the fork without it: a liar cannot save itself by keeping its entries back.
    """
    if fork.index is None:
        return None
    size = parse_signed_checkpoint(side.checkpoint).checkpoint.size
    bundle, at = divmod(fork.index, WIDTH)
    try:
        entry = fetch_bundle(get, TilePath(ENTRIES, bundle, width_at(ENTRIES, bundle, size)))[at]
    except VerificationError:
        return None
    return entry if leaf_hash(entry) == side.leaf else None


def _first_difference(size: int, first: HashReader, second: HashReader) -> int:
    """Return the first of `size` leaves that differs: from the largest complete subtrees downwards."""
    low = 0
    while low < size:
        level = (size - low).bit_length() - 1
        if first.read(level, low >> level) != second.read(level, low >> level):
            break
        low += 1 << level
    else:
        raise VerificationError(
            "E3231",
            f"the copies do not differ in {size} entries, but the roots that were signed do",
            hint="fetch the tiles again: one copy does not hold what its checkpoint says",
        )
    while level:
        level -= 1
        if first.read(level, low >> level) == second.read(level, low >> level):
            low += 1 << level
    return low


def verify_fork(fork: Fork, keys: LogKeys, second_keys: LogKeys | None = None) -> None:
    """Return if the log has really signed two states that contradict each other.

    `second_keys` are those of the second checkpoint if the log changed its keys between the two.
    Raise E3230, or what the checks of signatures and inclusion raise.
    """
    # 1. Both are checkpoints of one log, signed with both of its keys: nobody can frame it.
    second_keys = second_keys or keys
    if keys.name != second_keys.name:
        _refuse("the checkpoints are of two logs")
    first = verify_checkpoint(parse_signed_checkpoint(fork.first.checkpoint), keys)
    second = verify_checkpoint(parse_signed_checkpoint(fork.second.checkpoint), second_keys)
    # 2. Without leaves, the sizes are the same and the roots are not.
    if fork.index is None:
        if first.size != second.size or first.root == second.root:
            _refuse("two checkpoints alone prove a fork only if one size has two roots")
        return
    # 3. With leaves, both trees have the index, and at it something else each.
    for side, head in ((fork.first, first), (fork.second, second)):
        verify_inclusion(side.leaf, fork.index, head.size, side.path, head.root)
    if fork.first.leaf == fork.second.leaf:
        _refuse(f"both have the same entry {fork.index}")


def _refuse(why: str) -> None:
    raise VerificationError(
        "E3230", f"this proves no fork: {why}", hint="do not accuse the log; ask for the whole proof"
    )
