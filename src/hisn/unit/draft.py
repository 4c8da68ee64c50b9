"""Draft charters and epochs of the roster: documents that nobody has signed yet.

A draft is checked by the rules that verifiers apply, and refused if it gives a side a veto.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from hisn.acts.statement import Head
from hisn.acts.write import head_json
from hisn.core.canon import Json, b64, canonical
from hisn.core.keys import DualPublic
from hisn.errors import PolicyError
from hisn.tlog.merkle import EMPTY_ROOT
from hisn.unit.enrol import Enrolment
from hisn.unit.roster import check_link, check_step
from hisn.unit.rosterdoc import (
    ENTRY_ROLES,
    Charter,
    Key,
    Member,
    OutsideWitness,
    Roster,
    parse_charter,
    parse_roster,
    safe_quorum,
)
from hisn.unit.veto import check_no_veto

ACTS_PER_HOUR = 3_600
MEMBER_ROLES = frozenset({"act", "log", "root"})
"""The roles that no member can do without."""


@dataclass(frozen=True, slots=True)
class Join:
    """Take in a member, or take back a suspended one under the root key that it had."""

    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class Suspend:
    """End what a member signs from now on; its root key stays, so that it can answer."""

    member: str


@dataclass(frozen=True, slots=True)
class Rotate:
    """Replace the keys of one role; for act and log, `until` and `start` are entries, by default now.

    An `until` in the past says that a thief had the key from there on; only the owner can say so.
    """

    member: str
    role: str
    public: DualPublic
    until: int | None = None
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Revoke:
    """End what counts in one role, without new keys, by default now."""

    member: str
    role: str
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Change the side and address of a member."""

    member: str
    side: str
    url: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Take in a witness that is no member."""

    enrolment: Enrolment


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Drop an outside witness."""

    name: str


Change: TypeAlias = Join | Suspend | Rotate | Revoke | Move | Admit | Dismiss


def _refuse(reason: str) -> PolicyError:
    return PolicyError(
        "E4302", reason, hint="compare the change with the roster in force", unchanged="nothing was drafted"
    )


@dataclass(slots=True)
class _Draft:
    """Hold the parts of an epoch while changes are applied to them."""

    unit: str
    epoch: int
    at: dict[str, Head] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    witnesses: dict[str, OutsideWitness] = field(default_factory=dict)

    def apply(self, change: Change) -> None:
        match change:
            case Join(enrolment):
                self._join(enrolment)
            case Suspend(name):
                for role in ("act", "log", "mirror", "witness"):
                    self._end(name, role, None)
                self.members[name] = replace(self.members[name], is_active=False)
            case Rotate(name, role, public, until, start):
                end = self._end(name, role, until)
                self._begin(name, role, public, max(end, self._now(name, role)) if start is None else start)
            case Revoke(name, role, until):
                self._end(name, role, until)
            case Move(name, side, url):
                self.members[name] = replace(self._member(name), side=side, url=url)
            case Admit(enrolment):
                self._admit(enrolment)
            case Dismiss(name):
                if self.witnesses.pop(name, None) is None:
                    raise _refuse(f"{name} is no outside witness")
            case _:
                assert_never(change)

    def _member(self, name: str) -> Member:
        if name not in self.members:
            raise _refuse(f"{name} is no member")
        return self.members[name]

    def _now(self, name: str, role: str) -> int:
        if role not in ENTRY_ROLES:
            return self.epoch
        return self.at[name].size if name in self.at else 0

    def _end(self, name: str, role: str, until: int | None) -> int:
        """End whatever counts in a role from `until` on, by default now, and return from where."""
        member = self._member(name)
        end = self._now(name, role) if until is None else until
        keys = []
        for key in member.keys:
            if key.role == role and (key.until is None or key.until > end):
                # A key that was to begin later never does.
                keys.append(replace(key, until=max(end, key.start)))
            else:
                keys.append(key)
        self.members[name] = replace(member, keys=tuple(keys))
        return max([end, *(key.start for key in keys if key.role == role)])

    def _begin(self, name: str, role: str, public: DualPublic, start: int) -> None:
        member = self.members[name]
        self.members[name] = replace(member, keys=(*member.keys, Key(role, public, start)))

    def _check_unit(self, enrolment: Enrolment) -> None:
        if enrolment.unit != self.unit:
            raise _refuse(f"{enrolment.id} enrolled for another unit")

    def _join(self, enrolment: Enrolment) -> None:
        self._check_unit(enrolment)
        name, keys = enrolment.id, dict(enrolment.keys)
        known = self.members.get(name)
        if known and (known.is_active or keys.get("root") != known.open_key("root")):
            raise _refuse(f"{name} is a member; a suspended one comes back under its own root key")
        if not keys.keys() >= MEMBER_ROLES:
            raise _refuse(f"{name} has not enrolled keys for all of {', '.join(sorted(MEMBER_ROLES))}")
        old_keys = known.keys if known else ()
        self.members[name] = Member(name, enrolment.side, enrolment.url, is_active=True, keys=old_keys)
        if known:
            del keys["root"]
        for role, public in keys.items():
            ends = [key.until or 0 for key in old_keys if key.role == role]
            self._begin(name, role, public, max(self._now(name, role), *ends, 0))

    def _admit(self, enrolment: Enrolment) -> None:
        self._check_unit(enrolment)
        if enrolment.id in self.witnesses or enrolment.keys.keys() != {"witness"}:
            raise _refuse(f"{enrolment.id} is an outside witness already, or has enrolled for other roles")
        self.witnesses[enrolment.id] = OutsideWitness(
            enrolment.id, enrolment.side, enrolment.url, enrolment.keys["witness"]
        )

    def document(self, charter: str, previous: str) -> bytes:
        members: list[Json] = [_member_json(self.members[name]) for name in sorted(self.members)]
        witnesses: list[Json] = [
            {"name": each.name, "side": each.side, "url": each.url, **_pair_json(each.public)}
            for _, each in sorted(self.witnesses.items())
        ]
        return canonical(
            {
                "format": "hisn-roster/1",
                "epoch": self.epoch,
                "name": self.unit,
                "charter": charter,
                "previous": previous,
                "at": [head_json(self.at[origin]) for origin in sorted(self.at)],
                "members": members,
                "witnesses": witnesses,
            }
        )


def _pair_json(public: DualPublic) -> dict[str, Json]:
    return {"ed25519": b64(public.ed25519.raw), "mldsa": b64(public.mldsa.raw)}


def _place(key: Key) -> tuple[str, int, bool, int, bytes]:
    return key.role, key.start, key.until is None, key.until or 0, key.public.ed25519.raw


def _member_json(member: Member) -> Json:
    keys: list[Json] = [
        {"role": key.role, "from": key.start, "until": key.until, **_pair_json(key.public)}
        for key in sorted(member.keys, key=_place)
    ]
    return {
        "id": member.id,
        "side": member.side,
        "url": member.url,
        "status": "active" if member.is_active else "suspended",
        "keys": keys,
    }


def _checked(document: bytes, charter: Charter, old: Roster | None) -> Roster:
    roster = parse_roster(document)
    check_link(charter, old, roster)
    check_step(old, roster, {member.id for member in roster.members})
    check_no_veto(roster)
    return roster


def make_charter(
    name: str,
    members: Iterable[Enrolment],
    witnesses: Iterable[Enrolment] = (),
    *,
    roster_threshold: int | None = None,
    acts_per_hour: int = ACTS_PER_HOUR,
) -> tuple[Charter, Roster]:
    """Return the charter of a new unit and its first roster, which all keys in it must sign.

    `roster_threshold` members must sign an epoch, by default as few as are safe.  Raises PolicyError for
    a roster that gives a side a veto, VerificationError for one that nobody would accept.
    """
    draft = _Draft(name, 0)
    for enrolment in members:
        draft.apply(Join(enrolment))
    for enrolment in witnesses:
        draft.apply(Admit(enrolment))
    document = draft.document("", "")
    roster = parse_roster(document)
    needed = safe_quorum(len(roster.active)) if roster_threshold is None else roster_threshold
    charter = parse_charter(
        canonical(
            {
                "format": "hisn-charter/1",
                "name": name,
                "fold_version": 1,
                "roster": roster.digest.hex(),
                "thresholds": {"roster": needed},
                "quota": {"acts_per_hour": acts_per_hour},
            }
        )
    )
    return charter, _checked(document, charter, None)


def make_roster(
    charter: Charter, chain: Sequence[Roster], heads: Iterable[Head], changes: Iterable[Change]
) -> Roster:
    """Return the next epoch, unsigned.

    `heads` are the newest states of members' logs that a quorum has witnessed; where none is given
    the one of the epoch before stays.  Raises as `make_charter` does.
    """
    old = chain[-1]
    known = {head.origin: head for head in (*old.at, *heads)}
    at = {each.id: known.get(each.id, Head(each.id, 0, EMPTY_ROOT)) for each in old.members}
    draft = _Draft(
        old.name,
        old.epoch + 1,
        at,
        {member.id: member for member in old.members},
        {witness.name: witness for witness in old.witnesses},
    )
    for change in changes:
        draft.apply(change)
    return _checked(draft.document(charter.genesis.hex(), old.digest.hex()), charter, old)
