"""Verify with the two algorithms of the unit: Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204).

Everything of weight is signed with both, so that it stands while either of them does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from hisn.errors import VerificationError

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# The second coordinates of the eight points whose order divides 8.
_SMALL_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})


class Algorithm(Enum):
    """Name a signature algorithm."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"

    @property
    def key_bytes(self) -> int:
        """Return the length of a public key."""
        return 32 if self is Algorithm.ED25519 else 1312

    @property
    def signature_bytes(self) -> int:
        """Return the length of a signature."""
        return 64 if self is Algorithm.ED25519 else 2420


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Hold the raw bytes of a public key; those of others come through `parse_public_key`."""

    algorithm: Algorithm
    raw: bytes

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if the signature is this key's over the message. Raises VerificationError."""
        try:
            if self.algorithm is Algorithm.ED25519:
                Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
            else:
                MLDSA44PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise VerificationError(
                "E3112",
                f"an {self.algorithm.value} signature does not verify",
                hint="the text was changed after it was signed, or another key signed it",
            ) from error


def _refuse_point(reason: str) -> VerificationError:
    return VerificationError("E3111", f"the Ed25519 key {reason}", hint="the owner must make a new key")


def _check_point(raw: bytes) -> None:
    # RFC 8032 5.1.3, and more: under a key of small order one signature fits almost any text.
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _P:
        raise _refuse_point("is not in its canonical form")
    if y in _SMALL_ORDER:
        raise _refuse_point("is a point of small order")
    # x² = u/v has a root exactly if u·v is a square (Euler); u and v are not zero here.
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    if pow(u * v, (_P - 1) // 2, _P) != 1:
        raise _refuse_point("is not a point of the curve")


def parse_public_key(algorithm: Algorithm, raw: bytes) -> PublicKey:
    """Return the public key of somebody else, checked. Raises VerificationError.

    Refuses other lengths and, of Ed25519, whatever is not the one encoding of a point of large order.
    """
    if len(raw) != algorithm.key_bytes:
        raise VerificationError(
            "E3110",
            f"an {algorithm.value} key has {algorithm.key_bytes} bytes, this one {len(raw)}",
            hint="ask the owner for the key again",
        )
    if algorithm is Algorithm.ED25519:
        _check_point(raw)
    return PublicKey(algorithm, raw)


@dataclass(frozen=True, slots=True)
class DualPublic:
    """Hold the two public keys of one owner."""

    ed25519: PublicKey
    mldsa: PublicKey


def parse_dual_public(ed25519: bytes, mldsa: bytes) -> DualPublic:
    """Return the two public keys of somebody else, checked. Raises VerificationError."""
    return DualPublic(
        parse_public_key(Algorithm.ED25519, ed25519), parse_public_key(Algorithm.ML_DSA_44, mldsa)
    )


def key_id_hex(public: PublicKey) -> str:
    """Return the name of a key in acts: 32 hexadecimal digits."""
    named = b"hisn-act-key/1\n" + public.algorithm.value.encode() + b"\n" + public.raw
    return hashlib.sha256(named).hexdigest()[:32]
