"""Say everything in which one epoch of the roster differs from the one before it.

A signer must see what he signs.  Nothing that a drafter says about a draft is believed: what is shown
is computed from the two documents, and it is whole.  Whoever applies the differences to the old epoch
gets the new one, so no second change hides behind the one that was announced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from hisn.acts.statement import Head
from hisn.unit.quorum import witnesses_of
from hisn.unit.roster import threshold
from hisn.unit.rosterdoc import Charter, Key, Member, OutsideWitness, Roster, safe_quorum


@dataclass(frozen=True, slots=True)
class Joined:
    """A member is taken in; its keys follow one by one."""

    member: Member


@dataclass(frozen=True, slots=True)
class Suspended:
    """What a member signs counts no more; its root key stays."""

    id: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A suspended member is active again."""

    id: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A member, or an outside witness, changes side or address."""

    id: str
    old: tuple[str, str]
    new: tuple[str, str]


@dataclass(frozen=True, slots=True)
class KeyBegins:
    """A key counts that did not."""

    id: str
    key: Key


@dataclass(frozen=True, slots=True)
class KeyEnds:
    """A key ends; `witnessed` is the size up to which a quorum has seen the member's log."""

    id: str
    key: Key
    witnessed: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """An outside witness is taken in, or comes under other keys."""

    witness: OutsideWitness
    is_known: bool


@dataclass(frozen=True, slots=True)
class Dismissed:
    """An outside witness is dropped."""

    name: str


@dataclass(frozen=True, slots=True)
class Witnessed:
    """The state that a quorum has seen of a member's log is another: members' keys end from it on."""

    head: Head


@dataclass(frozen=True, slots=True)
class Needed:
    """Say how many must agree now: members who sign an epoch, or witnesses who cosign the log of `origin`.

    It follows from the charter and from who is in the unit, and is no change of its own.
    """

    origin: str
    old: tuple[int, int] | None
    new: tuple[int, int]


Difference: TypeAlias = (
    Joined | Suspended | Returned | Moved | KeyBegins | KeyEnds | Admitted | Dismissed | Witnessed
)


def differences(old: Roster | None, new: Roster) -> tuple[Difference, ...]:
    """Return all differences between two epochs, the members in their order, then the witnesses.

    `check_link` and `check_step` come first: name and charter are the same, and nobody is dropped.
    """
    return (*_of_members(old, new), *_of_witnesses(old, new), *_of_states(old, new))


def _of_members(old: Roster | None, new: Roster) -> Iterator[Difference]:
    for member in new.members:
        known = old.find(member.id) if old else None
        if known is None:
            yield Joined(member)
        elif known.is_active != member.is_active:
            yield Returned(member.id) if member.is_active else Suspended(member.id)
        if known and (known.side, known.url) != (member.side, member.url):
            yield Moved(member.id, (known.side, known.url), (member.side, member.url))
        before = {key.public: key for key in known.keys} if known else {}
        for key in member.keys:
            was = before.get(key.public)
            if was is None:
                yield KeyBegins(member.id, key)
            elif was != key:
                yield KeyEnds(member.id, key, new.witnessed(member.id))


def _of_witnesses(old: Roster | None, new: Roster) -> Iterator[Difference]:
    before = {each.name: each for each in old.witnesses} if old else {}
    for witness in new.witnesses:
        known = before.pop(witness.name, None)
        if known is None or known.public != witness.public:
            yield Admitted(witness, is_known=known is not None)
        if known and (known.side, known.url) != (witness.side, witness.url):
            yield Moved(witness.name, (known.side, known.url), (witness.side, witness.url))
    yield from (Dismissed(name) for name in before)


def _of_states(old: Roster | None, new: Roster) -> Iterator[Difference]:
    before = {head.origin: head for head in old.at} if old else {}
    yield from (Witnessed(head) for head in new.at if before.get(head.origin) != head)


def needed(charter: Charter, old: Roster | None, new: Roster) -> tuple[Needed, ...]:
    """Return how many must agree where that changes: for an epoch (`origin` empty), then for each log."""
    found = []
    before = (threshold(charter, old), len(old.active)) if old else None
    after = threshold(charter, new), len(new.active)
    if before != after:
        found.append(Needed("", before, after))
    for member in new.active:
        known = old.find(member.id) if old else None
        was = _quorum(old, member.id) if old and known and known.is_active else None
        if was != _quorum(new, member.id):
            found.append(Needed(member.id, was, _quorum(new, member.id)))
    return tuple(found)


def _quorum(roster: Roster, origin: str) -> tuple[int, int]:
    count = len(witnesses_of(roster, origin))
    return (safe_quorum(count) if count else 0), count
