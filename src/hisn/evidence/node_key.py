"""Lock the secrets of a node: by a passphrase, or in the open for a start that nobody attends.

A locked secret is a file of canonical JSON: scrypt's parameters beside the secret that AES-256-GCM
sealed by the passphrase's key.  Changing the passphrase locks the same secret again; nothing that
the secret wraps has to be touched.  An *unattended* file holds the secret as it is: then the
permissions of the file are all that protects it, and `hisn node doctor` says so.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from hisn.core.canon import Json, b64, canonical, parse_b64, parse_canonical
from hisn.errors import InputError, StorageError, VerificationError
from hisn.tlog.ports import Entropy

FORMAT = "hisn-locked/1"
MAX_LOCKED_BYTES = 4_096

_SALT_BYTES = 16
_KEY_BYTES = 32
_NO_NONCE = bytes(12)


@dataclass(frozen=True, slots=True)
class Cost:
    """Hold scrypt's parameters: memory is 128 * n * r bytes."""

    n: int = 2**17
    r: int = 8
    p: int = 1


DEFAULT_COST = Cost()
"""128 MiB and about half a second: what OWASP's password storage advice names."""
MAX_COST = Cost(2**20, 8, 4)
"""A file that asks for more memory was not written by us."""


def lock(secret: bytes, label: str, passphrase: str, entropy: Entropy, cost: Cost = DEFAULT_COST) -> bytes:
    """Return a file that holds a secret locked by a passphrase; `label` says what it is for."""
    salt = entropy.read(_SALT_BYTES)
    # The salt is fresh, so the key serves this one message and the nonce can be constant.
    sealed = AESGCM(_passphrase_key(passphrase, salt, cost)).encrypt(_NO_NONCE, secret, label.encode())
    parts: dict[str, Json] = {
        "format": FORMAT, "label": label, "kdf": "scrypt",
        "n": cost.n, "r": cost.r, "p": cost.p, "salt": b64(salt), "secret": b64(sealed),
    }  # fmt: skip
    return canonical(parts)


def lock_unattended(secret: bytes, label: str) -> bytes:
    """Return a file that holds a secret as it is, for a node that starts without a person."""
    return canonical({"format": FORMAT, "label": label, "kdf": "none", "secret": b64(secret)})


def needs_passphrase(data: bytes) -> bool:
    """Tell whether a locked file asks for a passphrase. Raises StorageError."""
    return _parse(data)["kdf"] != "none"


def unlock(data: bytes, label: str, passphrase: str = "") -> bytes:
    """Return the secret. Raises InputError for a wrong passphrase, StorageError for a damaged file."""
    parts = _parse(data)
    try:
        secret = parse_b64(_text(parts["secret"]))
        if parts["label"] != label:
            raise _damaged()
        if parts["kdf"] == "none":
            return secret
        cost = Cost(
            _size(parts["n"], MAX_COST.n), _size(parts["r"], MAX_COST.r), _size(parts["p"], MAX_COST.p)
        )
        key = _passphrase_key(passphrase, parse_b64(_text(parts["salt"])), cost)
    except (VerificationError, ValueError) as error:
        raise _damaged() from error
    try:
        return AESGCM(key).decrypt(_NO_NONCE, secret, label.encode())
    except (InvalidTag, ValueError) as error:
        raise InputError(
            "E2301",
            "the passphrase does not open the node's key",
            hint="check the keyboard's layout; nobody can reset it, but an escrow key opens the evidence",
            unchanged="nothing was changed",
        ) from error


def _passphrase_key(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    # One passphrase, one key: keyboards differ in how they compose letters with marks.
    text = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    return Scrypt(salt=salt, length=_KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(text)


_OPEN_PARTS = {"format", "label", "kdf", "secret"}
_PARTS = {"none": _OPEN_PARTS, "scrypt": _OPEN_PARTS | {"n", "r", "p", "salt"}}


def _parse(data: bytes) -> dict[str, Json]:
    try:
        value = parse_canonical(data, max_bytes=MAX_LOCKED_BYTES, max_depth=1)
    except VerificationError as error:
        raise _damaged() from error
    kdf = value.get("kdf") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kdf, str) or set(value) != _PARTS.get(kdf):
        raise _damaged()
    if value["format"] != FORMAT:
        raise _damaged()
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise _damaged()
    return value


def _size(value: Json, most: int) -> int:
    if not isinstance(value, int) or not 1 <= value <= most:
        raise _damaged()
    return value


def _damaged() -> StorageError:
    return StorageError(
        "E5305",
        "the file of the node's key is damaged, or is another key's",
        hint="restore the keys folder from its own backup",
    )
