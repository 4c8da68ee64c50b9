"""Hold what only this node knows: one secret, from which all its keys come.

The secret is a node key, which wraps the keys of sealed evidence and can be replaced, and a seed,
from which the signing keys of every role are derived.  One small file is all that has to be kept
apart and safe; whoever has it and its passphrase is the member.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hisn.core.keys import DualPublic, PublicKey
from hisn.core.signers import DualSigner, dual_from_seed
from hisn.errors import StorageError
from hisn.evidence.node_key import lock, lock_unattended, unlock
from hisn.tlog.ports import Entropy

ROLES = ("act", "log", "mirror", "root", "witness")

_LABEL = "hisn node"
_HALF = 32


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Hold the secret of a node; never printed."""

    node_key: bytes
    seed: bytes

    def signer(self, role: str, generation: int = 0) -> DualSigner:
        """Return the signing keys of a role; a later generation replaces them when they are rotated."""
        return dual_from_seed(self._derive(f"hisn role/1\n{role}\n{generation:d}"))

    @property
    def source_salt(self) -> bytes:
        """Return the salt of the names that sources have in the log."""
        return self._derive("hisn source salt/1")

    @property
    def ticket_key(self) -> bytes:
        """Return the key of the tickets that this node's mirror gives out."""
        return self._derive("hisn mirror tickets/1")

    def _derive(self, label: str) -> bytes:
        return HKDF(SHA256(), _HALF, salt=None, info=label.encode()).derive(self.seed)


def new_identity(entropy: Entropy) -> Identity:
    """Make the secret of a new node."""
    return Identity(entropy.read(_HALF), entropy.read(_HALF))


def format_identity(identity: Identity, passphrase: str | None, entropy: Entropy) -> bytes:
    """Return the file of a secret, locked by a passphrase; None leaves it open, for unattended starts."""
    secret = identity.node_key + identity.seed
    return (
        lock_unattended(secret, _LABEL) if passphrase is None else lock(secret, _LABEL, passphrase, entropy)
    )


def parse_identity(data: bytes, passphrase: str) -> Identity:
    """Return the secret of a file. Raises InputError (passphrase) and StorageError (damaged)."""
    secret = unlock(data, _LABEL, passphrase)
    if len(secret) != 2 * _HALF:
        raise StorageError(
            "E5305",
            "the file of the node's key is damaged, or is another key's",
            hint="restore the keys folder from its own backup",
        )
    return Identity(secret[:_HALF], secret[_HALF:])


class LostSigner:
    """Stand where a signing key was that is lost: its public half is known, and it signs nothing."""

    def __init__(self, public: PublicKey, role: str) -> None:
        self.public = public
        self._role = role

    def sign(self, _message: bytes) -> bytes:
        """Raise StorageError (E5337)."""
        raise StorageError(
            "E5337",
            f"the {self._role} key of this node is lost; what an escrow key brought back signs nothing",
            hint="make a node with a new name; what this one has sealed can still be shown",
            unchanged="nothing was signed",
        )


def lost_signer(public: DualPublic, role: str) -> DualSigner:
    """Return what stands where the keys of a role were."""
    return DualSigner(LostSigner(public.ed25519, role), LostSigner(public.mldsa, role))
