"""Find this node's signing keys: of each role those that the roster in force names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hisn.app.identity import ROLES, Identity, LostSigner, lost_signer
from hisn.core.keys import DualPublic
from hisn.core.signers import DualSigner, Succession
from hisn.errors import UsageError
from hisn.tlog.checkpoint import LogKeys
from hisn.tlog.staging import FormerKeys
from hisn.unit.rosterdoc import Key, Roster

_GENERATIONS = 16
"""How often the keys of a role can be replaced."""


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """Hold a node's secret beside the roster that says which of its keys count."""

    origin: str
    identity: Identity
    roster: Roster

    def signer(self, role: str) -> DualSigner:
        """Return the newest keys of a role; signing with them fails where they are lost (E5337).

        Those of a suspended member have ended; it still has them.
        """
        keys = self._keys(role)
        return self._signer_of(role, keys[-1].public) if keys else self.identity.signer(role)

    def succession(self, role: str) -> Succession:
        """Return who signs the entries of the log, as `act` or as `log`: an epoch can name a later end."""
        seen = self.roster.witnessed(self.origin)
        ends = [(key.until, key) for key in self._keys(role)[:-1] if key.until is not None]
        earlier = [
            (until, self._signer_of(role, key.public)) for until, key in ends if until > max(key.start, seen)
        ]
        return Succession(self.signer(role), tuple(earlier))

    def next_signer(self, role: str) -> DualSigner:
        """Return the keys that are to replace those of a role. Raises UsageError (E1332): there are none."""
        publics = {key.public for key in self._keys(role)}
        known = [at for at in range(_GENERATIONS) if self.identity.signer(role, at).public in publics]
        # Never one before the newest: that can be a key from the time when this node was alone.
        if not known or known[-1] + 1 == _GENERATIONS:
            raise UsageError(
                "E1332",
                f"this node has no other {role} key to put in the place of its own",
                hint="make a node with a new name, and let the unit take it in",
                unchanged="nothing was drafted",
            )
        return self.identity.signer(role, known[-1] + 1)

    def enrolling(self, role: str) -> DualSigner:
        """Return the keys under which this node joins a unit, or comes back as a suspended member."""
        member = self.roster.find(self.origin)
        if member is None or member.is_active or role == "root" or not self._keys(role):
            return self.signer(role)
        return self.next_signer(role)

    def _keys(self, role: str) -> list[Key]:
        member = self.roster.find(self.origin)
        return [key for key in member.keys if key.role == role] if member else []

    def _signer_of(self, role: str, public: DualPublic) -> DualSigner:
        signers = (self.identity.signer(role, generation) for generation in range(_GENERATIONS))
        return next((signer for signer in signers if signer.public == public), lost_signer(public, role))

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
