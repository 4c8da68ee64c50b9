"""Found units for tests: offices with all their keys, charters, epochs signed by whom a test likes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

from hisn.acts.statement import Head
from hisn.core.instant import Instant
from hisn.core.signers import DualSigner, dual_from_seed
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.sign import Cosigner, LogSigner, format_note, sign_checkpoint
from hisn.unit.draft import Change, make_charter, make_roster
from hisn.unit.enrol import Enrolment, assemble_roster, make_enrolment, sign_roster, verify_enrolment
from hisn.unit.roster import verify_epoch
from hisn.unit.rosterdoc import ROLES, Charter, Roster

UNIT = "Delta unit"
NOON = 1_793_707_200


@cache
def signer(name: str) -> DualSigner:
    return dual_from_seed(sha256(name.encode()).digest())


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


@dataclass(frozen=True)
class Office:
    """A member or a witness with all its keys; `generation` makes other ones."""

    name: str
    side: str
    roles: tuple[str, ...] = ROLES
    generation: int = 0

    def key(self, role: str, generation: int | None = None) -> DualSigner:
        return signer(f"{self.name} {role} {self.generation if generation is None else generation}")

    @property
    def keys(self) -> list[DualSigner]:
        return [self.key(role) for role in self.roles]

    @property
    def root(self) -> DualSigner:
        return self.key("root")

    @property
    def enrolment(self) -> Enrolment:
        held = {role: self.key(role) for role in self.roles}
        return verify_enrolment(make_enrolment(UNIT, self.name, self.side, "", held))

    def again(self, *, roles: tuple[str, ...] = ROLES) -> Enrolment:
        """Return an enrolment with new keys for all roles but root."""
        held = {role: self.key(role, 0 if role == "root" else 1) for role in roles}
        return verify_enrolment(make_enrolment(UNIT, self.name, self.side, "", held))


NORTH, SOUTH, EAST, WEST = (
    Office(f"{name}.example/log", name) for name in ("north", "south", "east", "west")
)
FOUR = (EAST, NORTH, SOUTH, WEST)
OUTSIDE = tuple(Office(f"w{number}.example", f"w{number}", ("witness",)) for number in (1, 2))


@dataclass
class Unit:
    """A unit with the envelopes of its epochs."""

    charter: Charter
    envelopes: list[bytes] = field(default_factory=list)
    chain: list[Roster] = field(default_factory=list)

    @property
    def roster(self) -> Roster:
        return self.chain[-1]

    def draft(self, *changes: Change, heads: Iterable[Head] = ()) -> Roster:
        return make_roster(self.charter, self.chain, heads, changes)

    def adopt(self, document: bytes, signers: Iterable[DualSigner]) -> Roster:
        envelope = signed(document, signers)
        roster = verify_epoch(self.charter, self.chain, envelope)
        self.chain.append(roster)
        self.envelopes.append(envelope)
        return roster


def signed(document: bytes, signers: Iterable[DualSigner]) -> bytes:
    return assemble_roster(document, sign_roster(document, signers))


def found(members: Sequence[Office] = FOUR, witnesses: Sequence[Office] = OUTSIDE) -> Unit:
    charter, envelope, first = _found(tuple(members), tuple(witnesses))
    return Unit(charter, [envelope], [first])


@cache
def _found(members: tuple[Office, ...], witnesses: tuple[Office, ...]) -> tuple[Charter, bytes, Roster]:
    charter, first = make_charter(
        UNIT, [each.enrolment for each in members], [each.enrolment for each in witnesses]
    )
    envelope = signed(first.document, [key for each in (*members, *witnesses) for key in each.keys])
    return charter, envelope, verify_epoch(charter, (), envelope)


def head(office: Office, size: int, version: str = "") -> Head:
    return Head(office.name, size, digest(f"{office.name} {size} {version}"))


class FixedClock:
    def now(self) -> Instant:
        return Instant(NOON * 1_000_000)


def checkpoint(
    of: Head, log: DualSigner, cosigners: Iterable[tuple[str, DualSigner, int]] = ()
) -> SignedCheckpoint:
    """Return a signed checkpoint, cosigned by (name, keys, seconds)."""
    own = sign_checkpoint(Checkpoint(of.origin, of.size, of.root), LogSigner(of.origin, log, FixedClock()))
    note = parse_signed_checkpoint(own).note
    lines = [
        line for name, keys, time_s in cosigners for line in Cosigner(name, keys).cosign(note.text, time_s)
    ]
    return parse_signed_checkpoint(format_note(note.text, (*note.signatures, *lines)))
