"""Find this node's signing keys: of each role those that the roster in force names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hisn.app.identity import ROLES, Identity, LostSigner, lost_signer
from hisn.core.keys import DualPublic
from hisn.core.signers import DualSigner
from hisn.tlog.checkpoint import LogKeys
from hisn.tlog.staging import FormerKeys
from hisn.unit.rosterdoc import Roster

_GENERATIONS = 16
"""How often the keys of a role can be replaced."""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Hold a node's secret beside the roster that says which of its keys count."""

    origin: str
    identity: Identity
    roster: Roster

    def signer(self, role: str) -> DualSigner:
        """Return the keys of a role; signing with them fails where they are lost (E5337)."""
        own = self.identity.signer(role)
        member = self.roster.find(self.origin)
        public = member.open_key(role) if member else None
        if public in (None, own.public):
            return own
        return next(iter(self.signers_of([public])), None) or lost_signer(public, role)

    def signers_of(self, publics: Collection[DualPublic | None]) -> list[DualSigner]:
        """Return the node's signers, of any role and generation, that have these public keys."""
        signers = (
            self.identity.signer(role, generation) for generation in range(_GENERATIONS) for role in ROLES
        )
        return [signer for signer in signers if signer.public in publics]

    @property
    def is_lost(self) -> bool:
        """Tell whether the signing keys are lost: after a recovery by escrow the node can only be read."""
        return isinstance(self.signer("log").ed25519, LostSigner)

    def former(self) -> tuple[FormerKeys, ...]:
        """Return the keys that signed the log before, and up to where: its base."""
        own = self.roster.find(self.origin)
        return tuple(
            FormerKeys(LogKeys(self.origin, key.public), key.until)
            for key in (own.keys if own else ())
            if key.role == "log" and key.until is not None
        )
