"""Follow the acts of one author: each names its number and its predecessor, and none is told twice.

Two different acts of one author with one number are proof of equivocation.  The proof is the two
leaves: whoever has them and the author's keys needs nobody's word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hisn.acts.envelope import verify_envelope
from hisn.acts.statement import Head, Statement
from hisn.core.keys import DualPublic
from hisn.errors import VerificationError
from hisn.tlog.merkle import leaf_hash

_HINT = "the act is void; keep the log as evidence, and ask its owner what happened"


class EquivocationError(VerificationError):
    """Carry the two leaves by which an author contradicts himself."""

    def __init__(self, message: str, first: bytes, second: bytes) -> None:
        super().__init__("E3320", message, hint="keep both leaves: together they are the proof")
        self.first = first
        self.second = second

    def __reduce__(self) -> tuple[object, ...]:
        return (EquivocationError, (self.message, self.first, self.second))


@dataclass(frozen=True, slots=True)
class Act:
    """Hold an act whose signatures were verified: the leaf as it stands in the log, and what it says."""

    leaf: bytes
    statement: Statement


@dataclass(frozen=True, slots=True)
class Link:
    """Hold how far one author's acts were followed: the last of them, and the newest heads it had seen."""

    last: Act | None = None
    seen: dict[str, Head] = field(default_factory=dict, hash=False)


def verify_link(link: Link, act: Act) -> Link:
    """Return the chain with one act more; the old one is unchanged.

    Raises EquivocationError for another act with the last one's number, VerificationError for a replay,
    a gap, another predecessor, or heads older than those the author had seen before.
    """
    header = act.statement.header
    last = link.last.statement.header if link.last else None
    if link.last and last and (header.actor, header.seq) == (last.actor, last.seq):
        raise _told_twice(link.last, act)
    number = last.seq + 1 if last else 0
    if header.seq != number or (last and header.actor != last.actor):
        raise VerificationError(
            "E3322", f"act {header.seq} of {header.actor} stands where {number} is due", hint=_HINT
        )
    if header.prev != (leaf_hash(link.last.leaf) if link.last else None):
        raise VerificationError(
            "E3323",
            f"act {header.seq} of {header.actor} follows another act than the one before it",
            hint=_HINT,
        )
    return Link(
        act, link.seen | {head.origin: _newer(link.seen.get(head.origin), head) for head in header.seen}
    )


def _told_twice(first: Act, second: Act) -> VerificationError:
    header = second.statement.header
    if first.statement == second.statement:
        return VerificationError(
            "E3321", f"act {header.seq} of {header.actor} stands twice in its log", hint=_HINT
        )
    message = f"{header.actor} has signed two different acts with the number {header.seq}"
    return EquivocationError(message, first.leaf, second.leaf)


def _newer(known: Head | None, head: Head) -> Head:
    if known and head.size < known.size:
        # "I had not seen your request yet", said by one who cited a later head before.
        raise VerificationError(
            "E3324",
            f"an act cites {head.origin} at {head.size}, after one that cited {known.size}",
            hint=_HINT,
        )
    if known and head.size == known.size and head.root != known.root:
        raise VerificationError(
            "E3325",
            f"acts of one author cite two roots of {head.origin} at {head.size}",
            hint="the log of that origin may be forked: keep both acts, and compare its checkpoints",
        )
    return head


def verify_chain(acts: Iterable[Act], link: Link | None = None) -> Link:
    """Follow an author's acts in the order of his log, from his first one or from where one stopped.

    Raises what `verify_link` raises; an older number told again is an equivocation here, too.
    """
    link = link or Link()
    known: dict[tuple[str, int], Act] = {}
    for act in acts:
        place = (act.statement.header.actor, act.statement.header.seq)
        if place in known:
            raise _told_twice(known[place], act)
        link = verify_link(link, act)
        known[place] = act
    return link


def verify_equivocation(first: bytes, second: bytes, keys: DualPublic) -> tuple[Statement, Statement]:
    """Return the two statements by which the owner of the keys contradicts himself.

    Raises VerificationError if they are no proof: one leaf twice, or other numbers or authors.
    """
    one, other = verify_envelope(first, keys), verify_envelope(second, keys)
    same_place = (one.header.actor, one.header.seq) == (other.header.actor, other.header.seq)
    if not same_place or one == other:
        raise VerificationError(
            "E3326",
            "the two acts do not contradict each other",
            hint="a fork proof needs two different acts of one author with one number",
        )
    return one, other
