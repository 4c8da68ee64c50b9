"""Read charters and roster documents: who is a member, on which side, with which keys, and where.

A document is canonical JSON and names every key that its members ever had, each with the stretch
where it counts.  Keys of the roles `act` and `log` count for entries [start, until) of their
member's log, so that a revocation can be checked offline and without a clock; keys of the roles
`root`, `witness` and `mirror` sign what has no place in that log and count for epochs [start, until).

What is checked here a document must fulfil by itself; `unit.roster` checks it against the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from hisn.acts import kinds
from hisn.acts.kinds import Check, is_count, is_dict, is_digest, is_id, is_str, is_text, parse_shape
from hisn.acts.statement import Head, parse_heads
from hisn.core.canon import MAX_EXACT, Json, parse_b64, parse_canonical
from hisn.core.keys import DualPublic, parse_dual_public
from hisn.core.proof_limits import MAX_MEMBER_KEYS, MAX_MEMBERS, MAX_ROSTER_BYTES, MAX_WITNESSES
from hisn.errors import VerificationError
from hisn.tlog.path import EMPTY_ROOT

NOW = MAX_EXACT
"""The place where only a key without an end counts."""
ENTRY_ROLES = ("act", "log")
ROLES = ("act", "log", "mirror", "root", "witness")
is_url = kinds.matching("(https?://[!-~]+)?")
"""Tell whether a value is the address of a node, or empty."""
_HINT = "it was made by another program or changed; ask the unit for the document that it adopted"


@dataclass(frozen=True, slots=True)
class Key:
    """Hold one pair of keys of a member, and where it counts: [start, until), None for no end."""

    role: str
    public: DualPublic
    start: int
    until: int | None = None

    def covers(self, place: int) -> bool:
        """Tell whether the key counts at an entry, or in an epoch."""
        return self.start <= place and (self.until is None or place < self.until)


@dataclass(frozen=True, slots=True)
class Member:
    """Hold a member; its id is the origin of its log and the name under which it cosigns."""

    id: str
    side: str
    url: str
    is_active: bool
    keys: tuple[Key, ...]

    def open_key(self, role: str) -> DualPublic | None:
        """Return the keys of a role that have no end, or None."""
        return next((key.public for key in self.keys if key.role == role and key.until is None), None)


@dataclass(frozen=True, slots=True)
class OutsideWitness:
    """Hold a witness that is no member."""

    name: str
    side: str
    url: str
    public: DualPublic


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Hold one epoch. `signers` are the members whose root keys signed it, empty if nobody verified that.

    `at` names, per log of a member of the epoch before, the last state that a quorum had witnessed.
    """

    epoch: int
    name: str
    charter: str
    previous: str
    at: tuple[Head, ...]
    members: tuple[Member, ...]
    witnesses: tuple[OutsideWitness, ...]
    document: bytes
    signers: frozenset[str] = frozenset()

    @property
    def digest(self) -> bytes:
        """Return the digest by which acts and the next epoch name this one."""
        return sha256(self.document).digest()

    @property
    def active(self) -> tuple[Member, ...]:
        """Return the members that are not suspended."""
        return tuple(member for member in self.members if member.is_active)

    def find(self, origin: str) -> Member | None:
        """Return the member of an id, or None."""
        return next((member for member in self.members if member.id == origin), None)

    def witnessed(self, origin: str) -> int:
        """Return the size up to which a log had been witnessed when this epoch began."""
        return next((head.size for head in self.at if head.origin == origin), 0)

    def keys_at(self, origin: str, role: str, place: int) -> DualPublic:
        """Return a member's keys of a role at an entry of its log, or in an epoch.

        Raises VerificationError.
        """
        member = self.find(origin)
        if member is None:
            raise VerificationError(
                "E3414", f"{origin} is no member in epoch {self.epoch}", hint="it may have joined later"
            )
        for key in member.keys:
            if key.role == role and key.covers(place):
                return key.public
        word = "entry" if role in ENTRY_ROLES else "epoch"
        raise VerificationError(
            "E3415",
            f"{origin} has no {role} key for {word} {place} in epoch {self.epoch}",
            hint="the key was replaced, revoked or suspended before that place; what it signs there is void",
        )


@dataclass(frozen=True, slots=True)
class Charter:
    """Hold the founding text: its bytes are the one thing that a stranger must be told."""

    name: str
    fold_version: int
    roster: str
    thresholds: dict[str, int]
    acts_per_hour: int
    document: bytes

    @property
    def genesis(self) -> bytes:
        """Return the digest that names the unit."""
        return sha256(self.document).digest()


def safe_quorum(count: int) -> int:
    """Return how many of `count` must agree so that fewer than a third who lie cannot make two truths.

    2 of 3 would not do: with one liar among them, two quorums can share nobody but the liar.
    """
    return 2 * count // 3 + 1


def _refuse(code: str, reason: str) -> VerificationError:
    return VerificationError(code, reason, hint=_HINT)


def _are_thresholds(value: Json) -> bool:
    return isinstance(value, dict) and "roster" in value and all(map(is_count, value.values()))


_CHARTER: dict[str, Check] = {
    "format": kinds.one_of("hisn-charter/1"),
    "name": is_text,
    "fold_version": is_count,
    "roster": is_digest,
    "thresholds": _are_thresholds,
    "quota": lambda value: kinds.has_shape(value, {"acts_per_hour": is_count}),
}
_ROSTER: dict[str, Check] = {
    "format": kinds.one_of("hisn-roster/1"),
    "epoch": is_count,
    "name": is_text,
    "charter": kinds.either(is_digest, ""),
    "previous": kinds.either(is_digest, ""),
    "at": kinds.is_heads,
    "members": kinds.list_of(is_dict, MAX_MEMBERS),
    "witnesses": kinds.list_of(is_dict, MAX_WITNESSES),
}
_MEMBER: dict[str, Check] = {
    "id": is_id,
    "side": is_id,
    "url": is_url,
    "status": kinds.one_of("active", "suspended"),
    "keys": kinds.list_of(is_dict, MAX_MEMBER_KEYS),
}
PAIR: dict[str, Check] = {"ed25519": is_str, "mldsa": is_str}
_UNTIL = kinds.either(is_count, None)
_KEY: dict[str, Check] = {"role": kinds.one_of(*ROLES), "from": is_count, "until": _UNTIL, **PAIR}
_WITNESS: dict[str, Check] = {"name": is_id, "side": is_id, "url": is_url, **PAIR}


def parse_charter(document: bytes) -> Charter:
    """Return the charter of genesis.json. Raises VerificationError."""
    value = parse_canonical(document, max_bytes=MAX_ROSTER_BYTES)
    fields = parse_shape(value, _CHARTER, "the charter", "E3400")
    plain = {name: fields[name] for name in ("name", "fold_version", "roster", "thresholds")}
    return Charter(**plain, acts_per_hour=fields["quota"]["acts_per_hour"], document=document)


def parse_pair(fields: dict[str, Any]) -> DualPublic:
    """Return the two keys of an object that has them in base64. Raises VerificationError."""
    return parse_dual_public(
        parse_b64(fields["ed25519"], "an Ed25519 key"), parse_b64(fields["mldsa"], "an ML-DSA-44 key")
    )


def _parse_member(value: Json) -> Member:
    fields = parse_shape(value, _MEMBER, "a member", "E3401")
    keys = []
    for each in fields["keys"]:
        found = parse_shape(each, _KEY, f"a key of {fields['id']}", "E3401")
        keys.append(Key(found["role"], parse_pair(found), found["from"], found["until"]))
    return Member(fields["id"], fields["side"], fields["url"], fields["status"] == "active", tuple(keys))


def _parse_witness(value: Json) -> OutsideWitness:
    fields = parse_shape(value, _WITNESS, "a witness", "E3401")
    return OutsideWitness(fields["name"], fields["side"], fields["url"], parse_pair(fields))


def parse_roster(document: bytes) -> Roster:
    """Return the epoch that a document describes, whoever wrote it. Raises VerificationError."""
    value = parse_canonical(document, max_bytes=MAX_ROSTER_BYTES)
    fields = parse_shape(value, _ROSTER, "the roster", "E3401")
    plain = {name: fields[name] for name in ("epoch", "name", "charter", "previous")}
    roster = Roster(
        **plain,
        at=parse_heads(fields["at"]),
        members=tuple(_parse_member(each) for each in fields["members"]),
        witnesses=tuple(_parse_witness(each) for each in fields["witnesses"]),
        document=document,
    )
    if any(head.size == 0 and head.root != EMPTY_ROOT for head in roster.at):
        raise _refuse("E3401", "an empty log has the root of an empty tree")
    _check_names(roster)
    _check_distinct(roster)
    for member in roster.members:
        _check_keys(member, roster.epoch)
    return roster


def _check_names(roster: Roster) -> None:
    ids, names = [each.id for each in roster.members], [each.name for each in roster.witnesses]
    if not kinds.is_ascending(ids) or not kinds.is_ascending(names):
        raise _refuse("E3402", "members or witnesses are named twice, or not in order")
    # In a policy a witness `a` has the lines `a.ed` and `a.pq` and the group `a`.
    taken = [name + suffix for name in ids + names for suffix in ("", ".ed", ".pq")]
    if len(set(taken)) != len(taken) or "none" in taken:
        raise _refuse("E3402", "two names could be taken for one another in a policy")
    if not 1 <= len(roster.active) <= MAX_WITNESSES - len(names):
        raise _refuse("E3402", f"1 to {MAX_WITNESSES} members and outside witnesses can be active")


def _check_distinct(roster: Roster) -> None:
    pairs = [key.public for member in roster.members for key in member.keys]
    pairs += [witness.public for witness in roster.witnesses]
    raw = [key.raw for pair in pairs for key in (pair.ed25519, pair.mldsa)]
    if len(set(raw)) != len(raw):
        # One key in two roles lets a text signed for one pass in the other; under two names it votes twice.
        raise _refuse("E3403", "one key stands in two places of the roster")


def _check_keys(member: Member, epoch: int) -> None:
    # Keys withdrawn as a whole, [n, n), stand before the one that replaced them; there may be several,
    # for a member may have to rotate again before its log has grown.
    places = [
        (key.role, key.start, MAX_EXACT if key.until is None else key.until, key.public.ed25519.raw)
        for key in member.keys
    ]
    if not kinds.is_ascending(places):
        raise _refuse("E3404", f"the keys of {member.id} are not in order")
    for key in member.keys:
        last = key.start if key.until is None else key.until
        if last < key.start or (key.role not in ENTRY_ROLES and last > epoch):
            raise _refuse("E3404", f"a {key.role} key of {member.id} ends before it begins, or in the future")
    for role in ROLES:
        keys = [key for key in member.keys if key.role == role]
        ends = [key.until for key in keys[:-1]]
        if any(end is None or end > key.start for end, key in zip(ends, keys[1:], strict=True)):
            raise _refuse("E3404", f"two {role} keys of {member.id} count at one place")
        is_needed = role == "root" or (member.is_active and role in ENTRY_ROLES)
        is_refused = role != "root" and not member.is_active
        is_open = member.open_key(role) is not None
        if (is_needed and not is_open) or (is_refused and is_open):
            word = "active" if member.is_active else "suspended"
            raise _refuse("E3404", f"{member.id} is {word}, and its {role} key says otherwise")
