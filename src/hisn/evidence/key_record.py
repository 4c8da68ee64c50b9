"""Write and read the record of one key: wrapped by the node's key, with its escrow copies.

A record is canonical JSON, so that a backup can be compared byte by byte.  AES-256-GCM binds the
key's commitment; after opening, the commitment is computed again, because AES-GCM alone can be
made to open one ciphertext to two keys.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hisn.core.canon import Json, b64, canonical, parse_b64, parse_canonical
from hisn.errors import StorageError, VerificationError
from hisn.evidence.escrow import EscrowCopy, EscrowSecret

NONCE_BYTES = 12
MAX_RECORD_BYTES = 64 * 1024

_FORMAT = "hisn-key/1"
_COMMITMENT = b"hisn key commitment/1\n"
_WRAP = b"hisn key wrap/1\n"
_NODE_KEY_ID = b"hisn node key id/1\n"
_PARTS = {"format", "node_key", "nonce", "wrapped", "escrow"}
_COPY_PARTS = {"to", "ephemeral", "sealed"}


@dataclass(frozen=True, slots=True, repr=False)
class IntakeKey:
    """Hold the key of one file that was taken in, and the commitment that names it."""

    key: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Hold a wrapped key: by which node key, and its copies for escrow keys."""

    node_key: str
    nonce: bytes
    wrapped: bytes
    escrow: tuple[EscrowCopy, ...]


def key_commitment(key: bytes) -> bytes:
    """Return the commitment to an intake key."""
    return hashlib.sha256(_COMMITMENT + key).digest()


def node_key_id(node_key: bytes) -> str:
    """Return a short name of a node key, which tells after a broken rotation who wraps what."""
    return hashlib.sha256(_NODE_KEY_ID + node_key).hexdigest()[:16]


def wrap_key(key: IntakeKey, node_key: bytes, nonce: bytes, escrow: tuple[EscrowCopy, ...] = ()) -> KeyRecord:
    """Wrap a key; the nonce is 12 fresh random bytes."""
    wrapped = AESGCM(node_key).encrypt(nonce, key.key, _WRAP + key.commitment)
    return KeyRecord(node_key_id(node_key), nonce, wrapped, escrow)


def unwrap_key(record: KeyRecord, commitment: bytes, node_key: bytes) -> IntakeKey:
    """Return the key of a record. Raises StorageError."""
    try:
        key = AESGCM(node_key).decrypt(record.nonce, record.wrapped, _WRAP + commitment)
    except (InvalidTag, ValueError) as error:
        raise StorageError(
            "E5303",
            f"the key {commitment.hex()[:16]} does not open with this node's key",
            hint="was the node key rotated or replaced? an escrow key opens its copy",
        ) from error
    return _checked(key, commitment)


def open_escrow(record: KeyRecord, commitment: bytes, secret: EscrowSecret) -> IntakeKey | None:
    """Return the key of the copy for an escrow key, None where there is none. Raises StorageError."""
    copy = next((copy for copy in record.escrow if copy.to == secret.public.id), None)
    return None if copy is None else _checked(secret.open(copy, commitment), commitment)


def _checked(key: bytes, commitment: bytes) -> IntakeKey:
    if key_commitment(key) != commitment:
        raise _damaged(commitment.hex())
    return IntakeKey(key, commitment)


def format_record(record: KeyRecord) -> bytes:
    """Return the bytes that the key store keeps."""
    copies: list[Json] = [
        {"to": copy.to, "ephemeral": b64(copy.ephemeral), "sealed": b64(copy.sealed)}
        for copy in record.escrow
    ]
    return canonical(
        {
            "format": _FORMAT,
            "node_key": record.node_key,
            "nonce": b64(record.nonce),
            "wrapped": b64(record.wrapped),
            "escrow": copies,
        }
    )


def _damaged(name: str) -> StorageError:
    return StorageError(
        "E5302",
        f"the record of key {name[:16]} is damaged",
        hint="restore the keys folder from its own backup",
    )


def parse_record(name: str, data: bytes) -> KeyRecord:
    """Return the record of the key with this commitment (hex). Raises StorageError."""
    try:
        parts = _parts(parse_canonical(data, max_bytes=MAX_RECORD_BYTES, max_depth=3), _PARTS, name)
        copies = parts["escrow"]
        if parts["format"] != _FORMAT or not isinstance(copies, list):
            raise _damaged(name)
        return KeyRecord(
            node_key=_text(parts["node_key"], name),
            nonce=parse_b64(_text(parts["nonce"], name)),
            wrapped=parse_b64(_text(parts["wrapped"], name)),
            escrow=tuple(_parse_copy(copy, name) for copy in copies),
        )
    except VerificationError as error:
        raise _damaged(name) from error


def _parse_copy(value: Json, name: str) -> EscrowCopy:
    parts = _parts(value, _COPY_PARTS, name)
    return EscrowCopy(
        to=_text(parts["to"], name),
        ephemeral=parse_b64(_text(parts["ephemeral"], name)),
        sealed=parse_b64(_text(parts["sealed"], name)),
    )


def _parts(value: Json, names: set[str], name: str) -> dict[str, Json]:
    if not isinstance(value, dict) or set(value) != names:
        raise _damaged(name)
    return value


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise _damaged(name)
    return value
