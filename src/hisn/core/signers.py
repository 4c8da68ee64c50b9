"""Sign with the two algorithms of the unit; `hisn.core.keys` verifies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hisn.core.keys import Algorithm, DualPublic, PublicKey

SEED_BYTES = 32


class Signer(Protocol):
    """Sign with one private key, wherever it is kept."""

    @property
    def public(self) -> PublicKey:
        """Return the public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message."""
        ...


class SeedSigner:
    """Sign in this process with a private key made from a seed of 32 bytes."""

    def __init__(self, algorithm: Algorithm, seed: bytes) -> None:
        key: Ed25519PrivateKey | MLDSA44PrivateKey
        if algorithm is Algorithm.ED25519:
            key = Ed25519PrivateKey.from_private_bytes(seed)
        else:
            key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self._key = key
        self.public = PublicKey(algorithm, key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of the message; of ML-DSA another one each time."""
        return self._key.sign(message)


@dataclass(frozen=True, slots=True)
class DualSigner:
    """Hold the two signers of one owner."""

    ed25519: Signer
    mldsa: Signer

    @property
    def public(self) -> DualPublic:
        """Return the two public keys."""
        return DualPublic(self.ed25519.public, self.mldsa.public)


@dataclass(frozen=True, slots=True)
class Succession:
    """Hold the signers of one role in their order: each of `earlier` signs the entries before its end."""

    newest: DualSigner
    earlier: tuple[tuple[int, DualSigner], ...] = ()

    def at(self, entry: int) -> DualSigner:
        """Return who signs an entry."""
        return next((signer for until, signer in self.earlier if entry < until), self.newest)


def dual_from_seed(seed: bytes) -> DualSigner:
    """Return both signers of one seed of 32 bytes; neither key tells anything about the other."""
    if len(seed) != SEED_BYTES:
        raise ValueError("a seed has 32 bytes")

    def signer(algorithm: Algorithm) -> SeedSigner:
        label = b"hisn key/1 " + algorithm.value.encode()
        return SeedSigner(algorithm, HKDF(SHA256(), SEED_BYTES, salt=None, info=label).derive(seed))

    return DualSigner(signer(Algorithm.ED25519), signer(Algorithm.ML_DSA_44))
