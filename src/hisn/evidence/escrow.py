"""Keep a second way to the keys: copies that only the holder of an escrow key can open.

An escrow key is an X25519 key pair, made on a machine that is not the node and kept off it.  Its
public half goes to the node as one line of text with a checksum, since a mistyped line would mean
copies that nobody can open.  A copy is sealed by X25519 with a fresh key, HKDF-SHA256 and
AES-256-GCM; the commitment to the key that is kept is bound to it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hisn.core.canon import b64url, parse_b64url
from hisn.errors import InputError, StorageError, VerificationError

_PUBLIC_MARK = "hisn-escrow1"
_SECRET_MARK = "hisn-escrow-secret1"  # noqa: S105 -- the mark of the form, no secret
_INFO = b"hisn escrow/1\n"
_KEY_BYTES = 32
_CHECK_BYTES = 4
_ID_BYTES = 8
_NO_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class EscrowCopy:
    """Hold a key sealed to an escrow key: its id, the fresh public key, the ciphertext with tag."""

    to: str
    ephemeral: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class EscrowPublic:
    """Hold the public half of an escrow key."""

    raw: bytes

    @property
    def id(self) -> str:
        """Return a short name of the key."""
        return _digest(self.raw)[:_ID_BYTES].hex()

    def __str__(self) -> str:
        return _format(_PUBLIC_MARK, self.raw)

    def seal(self, key: bytes, commitment: bytes, ephemeral: bytes) -> EscrowCopy:
        """Seal a key; `ephemeral` is 32 fresh random bytes that are used for nothing else."""
        own = X25519PrivateKey.from_private_bytes(ephemeral)
        public = own.public_key().public_bytes_raw()
        shared = own.exchange(X25519PublicKey.from_public_bytes(self.raw))
        sealed = _cipher(shared, public, self.raw).encrypt(_NO_NONCE, key, commitment)
        return EscrowCopy(self.id, public, sealed)


@dataclass(frozen=True, slots=True, repr=False)
class EscrowSecret:
    """Hold the secret half of an escrow key. Its text is shown once, to be kept on paper or a token."""

    raw: bytes

    @property
    def public(self) -> EscrowPublic:
        """Return the half that the node gets."""
        return EscrowPublic(X25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    @property
    def text(self) -> str:
        """Return the line that restores this key."""
        return _format(_SECRET_MARK, self.raw)

    def open(self, copy: EscrowCopy, commitment: bytes) -> bytes:
        """Return the key of a copy. Raises StorageError for a copy that was changed or is another's."""
        try:
            own = X25519PrivateKey.from_private_bytes(self.raw)
            shared = own.exchange(X25519PublicKey.from_public_bytes(copy.ephemeral))
            cipher = _cipher(shared, copy.ephemeral, self.public.raw)
            return cipher.decrypt(_NO_NONCE, copy.sealed, commitment)
        except (InvalidTag, ValueError) as error:
            raise StorageError(
                "E5304",
                f"the escrow copy for key {commitment.hex()[:16]} does not open",
                hint="use the escrow key that the copy was made for; its id is in the record of the key",
            ) from error


def parse_escrow_public(text: str) -> EscrowPublic:
    """Return the escrow key of a line. Raises InputError for a mistyped or useless one."""
    raw = _parse(_PUBLIC_MARK, text)
    try:
        # A point of small order gives the same shared secret to everybody.
        X25519PrivateKey.from_private_bytes(bytes(_KEY_BYTES)).exchange(
            X25519PublicKey.from_public_bytes(raw)
        )
    except ValueError as error:
        raise _mistyped() from error
    return EscrowPublic(raw)


def parse_escrow_secret(text: str) -> EscrowSecret:
    """Return the secret escrow key of a line. Raises InputError."""
    return EscrowSecret(_parse(_SECRET_MARK, text))


def _format(mark: str, raw: bytes) -> str:
    return mark + b64url(raw + _digest(mark.encode() + raw)[:_CHECK_BYTES])


def _parse(mark: str, text: str) -> bytes:
    text = text.strip()
    try:
        data = parse_b64url(text.removeprefix(mark))
    except VerificationError as error:
        raise _mistyped() from error
    raw = data[:_KEY_BYTES]
    if len(raw) != _KEY_BYTES or _format(mark, raw) != text:
        raise _mistyped()
    return raw


def _mistyped() -> InputError:
    return InputError(
        "E2300",
        "this is no escrow key",
        hint="copy the whole line; it has a checksum, and one wrong letter would lock the evidence for ever",
        unchanged="nothing was sealed to it",
    )


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(b"hisn escrow key/1\n" + data).digest()


def _cipher(shared: bytes, ephemeral: bytes, public: bytes) -> AESGCM:
    info = _INFO + ephemeral + public
    return AESGCM(HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(shared))
