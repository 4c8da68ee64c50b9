"""Submit a checkpoint to one witness or mirror, from whatever size it has seen (tlog-witness)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import InputError
from hisn.node.body import SIZE_TYPE, AddCheckpoint, format_add_checkpoint, parse_tree_size
from hisn.node.client import Ask, Caller
from hisn.tlog.checkpoint import SignedCheckpoint

Prove: TypeAlias = Callable[[int, int], tuple[bytes, ...]]
"""Prove that one tree of a log is the beginning of another, of at least the size of the first."""

_ROUNDS = 4
"""Answers "409" that are followed: other processes may submit meanwhile, but not for ever."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Hold the signature lines of an answer, of which none is verified."""

    lines: bytes


@dataclass(frozen=True, slots=True)
class Ahead:
    """Say that the other one claims to have seen a larger tree; that is no proof."""

    size: int


@dataclass(frozen=True, slots=True)
class Declined:
    """Say that the other one has refused, and how."""

    status: int
    why: str


async def submit_checkpoint(
    caller: Caller, prefix: str, signed: SignedCheckpoint, old: int, prove: Prove
) -> Accepted | Ahead | Declined:
    """Submit a checkpoint with the proof from `old`, and from the size that is answered if it is another.

    Raises StorageError (E5402, E5403).
    """
    size = signed.checkpoint.size
    old = min(old, size)
    for _ in range(_ROUNDS):
        proof = prove(old, size) if old else ()
        body = format_add_checkpoint(AddCheckpoint(old, proof, signed.raw))
        reply = await caller.ask(Ask(f"{prefix}/add-checkpoint", MAX_NOTE_BYTES, body))
        if reply.status == 200:
            return Accepted(reply.body)
        if reply.status != 409 or reply.content_type != SIZE_TYPE:
            return Declined(reply.status, f"it answers {reply.status}")
        try:
            told = parse_tree_size(reply.body)
        except InputError:
            return Declined(409, "it answers 409 without a size")
        if told > size:
            return Ahead(told)
        if told == old:
            return Declined(409, "it answers 409 with the size that it was sent")
        old = told
    return Declined(409, "it answers another size each time")
