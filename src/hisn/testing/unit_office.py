"""Hold the offices of a simulated unit: who they are, on which side they stand, with which keys.

Keys follow from the seed, the office's name, the role and the generation.  So a test names a key
instead of keeping it: the stolen one, the one that replaces it, the one of the year before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from hisn.core.signers import DualSigner, dual_from_seed
from hisn.unit.draft import make_charter
from hisn.unit.enrol import Enrolment, assemble_roster, make_enrolment, sign_roster, verify_enrolment
from hisn.unit.roster import verify_epoch
from hisn.unit.rosterdoc import ROLES, Charter, Roster

UNIT = "Delta unit"
PLACES = ("north", "south", "east", "west", "coast", "delta", "harbour", "island", "meadow", "ridge")
"""Where the members of a simulated unit are at home; their ids are these with `.example`."""


@dataclass(frozen=True, slots=True)
class Office:
    """Hold one office: a member of the unit, or a witness outside it."""

    name: str
    side: str
    seed: int = 0
    is_member: bool = True

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles that it has keys for."""
        return ROLES if self.is_member else ("witness",)

    @property
    def url(self) -> str:
        """Return the address that the roster names: a member's whole node, an outsider's witness."""
        return f"https://{self.name}" if self.is_member else f"https://{self.name}/witness"

    def key(self, role: str, generation: int = 0) -> DualSigner:
        """Return the keys of a role; generation 0 is in the first roster."""
        return _key(f"{self.seed:d} {self.name} {role} {generation:d}")

    def enrolment(self, generation: int = 0, unit: str = UNIT) -> Enrolment:
        """Return the enrolment that it hands over; a root key stays the same for ever."""
        held = {role: self.key(role, 0 if role == "root" else generation) for role in self.roles}
        return verify_enrolment(make_enrolment(unit, self.name, self.side, self.url, held))


@lru_cache(maxsize=4_096)
def _key(label: str) -> DualSigner:
    return dual_from_seed(sha256(f"hisn testing key/1\n{label}".encode()).digest())


@dataclass(frozen=True, slots=True)
class Founded:
    """Hold a new unit: its charter, and epoch 0 as everybody signed it."""

    charter: Charter
    envelope: bytes
    roster: Roster


@lru_cache(maxsize=64)
def found_unit(offices: tuple[Office, ...]) -> Founded:
    """Found a unit; the same offices found the same one, once. Raises PolicyError for a veto."""
    members = [each.enrolment() for each in offices if each.is_member]
    outside = [each.enrolment() for each in offices if not each.is_member]
    charter, first = make_charter(UNIT, members, outside)
    signers = [each.key(role) for each in offices for role in each.roles]
    envelope = assemble_roster(first.document, sign_roster(first.document, signers))
    return Founded(charter, envelope, verify_epoch(charter, (), envelope))


def member_offices(count: int, sides: dict[str, str] | None = None, seed: int = 0) -> tuple[Office, ...]:
    """Return so many members; each is a side of its own but for those in `sides`, by place."""
    chosen = PLACES[:count] if count <= len(PLACES) else tuple(f"place{n:02d}" for n in range(count))
    return tuple(Office(f"{place}.example", (sides or {}).get(place, place), seed) for place in chosen)


def outside_offices(count: int, seed: int = 0) -> tuple[Office, ...]:
    """Return so many witnesses outside the unit, each a side of its own."""
    return tuple(Office(f"w{n}.example", f"w{n}", seed, is_member=False) for n in range(1, count + 1))
