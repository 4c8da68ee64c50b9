r"""Encrypt what a source sent, as it came, before anything parses it.

The blob is ``hisn-raw/1\n``, then segments of 1 MiB of plaintext, each sealed by AES-256-GCM.  The
nonce is the segment's number (11 bytes) and a byte that is 1 in the last segment only: a blob that
was cut, or whose segments were moved, does not open.  Every key serves one blob, so that no nonce
is used twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hisn.errors import VerificationError

MAGIC = b"hisn-raw/1\n"
SEGMENT_BYTES = 1024 * 1024
TAG_BYTES = 16
KEY_BYTES = 32

_AEAD_KEY = b"hisn raw aead/1"
_SALT = b"hisn raw salt/1"


def derive_key(intake_key: bytes, label: bytes) -> bytes:
    """Return the key for one purpose of a file that was taken in: 32 bytes by HKDF-SHA256."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=label).derive(intake_key)


def blob_salt(intake_key: bytes) -> bytes:
    """Return the salt of the commitment to all bytes of the source."""
    return derive_key(intake_key, _SALT)


def blob_commitment(salt: bytes, parts: Iterable[bytes]) -> bytes:
    """Return the salted commitment to a source's bytes, which a reader of the whole source checks."""
    commitment = hashlib.sha256(salt)
    for part in parts:
        commitment.update(part)
    return commitment.digest()


class RawEncryptor:
    """Encrypt one stream of bytes; digests of both sides are known when it has ended.

    `ciphertext_digest` and `commitment` are those of what has passed so far.
    """

    def __init__(self, intake_key: bytes) -> None:
        self._cipher = AESGCM(derive_key(intake_key, _AEAD_KEY))
        self._ciphertext = hashlib.sha256()
        self._plaintext = hashlib.sha256(blob_salt(intake_key))

    @property
    def ciphertext_digest(self) -> bytes:
        """Return the SHA-256 of the blob."""
        return self._ciphertext.digest()

    @property
    def commitment(self) -> bytes:
        """Return the salted commitment to the bytes of the source."""
        return self._plaintext.digest()

    def encrypt(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blob in pieces; once only, since a second stream would use the nonces again."""
        yield self._passed(MAGIC)
        for at, (segment, is_last) in enumerate(_segments(parts, SEGMENT_BYTES)):
            self._plaintext.update(segment)
            yield self._passed(self._cipher.encrypt(_nonce(at, is_last=is_last), segment, MAGIC))

    def _passed(self, piece: bytes) -> bytes:
        self._ciphertext.update(piece)
        return piece


def decrypt_raw(intake_key: bytes, parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of the source. Raises VerificationError when a segment does not belong there.

    What was yielded before an error is true, but not all: a caller who needs the whole must wait
    for the end.
    """
    cipher = AESGCM(derive_key(intake_key, _AEAD_KEY))
    for at, (segment, is_last) in enumerate(_segments(_body(parts), SEGMENT_BYTES + TAG_BYTES)):
        try:
            plaintext = cipher.decrypt(_nonce(at, is_last=is_last), segment, MAGIC)
        except InvalidTag as error:
            raise _refused(f"segment {at} was changed, moved or cut, or the key is another one") from error
        if at and not plaintext:
            raise _refused("an empty segment stands behind the last one")
        yield plaintext


def _refused(reason: str) -> VerificationError:
    return VerificationError(
        "E3344",
        f"the encrypted records do not open: {reason}",
        hint="fetch the blob again from its owner or a mirror and compare its SHA-256 with the batch act",
    )


def _body(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what follows the magic bytes."""
    iterator = iter(parts)
    head = b""
    while len(head) < len(MAGIC) and (part := next(iterator, None)) is not None:
        head += part
    if not head.startswith(MAGIC):
        raise _refused("it does not begin as such a blob does")
    yield head[len(MAGIC) :]
    yield from iterator


def _segments(parts: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Cut a stream into segments of `size` bytes; the last is shorter, or full, or empty if alone."""
    pending = bytearray()
    for part in parts:
        pending += part
        while len(pending) > size:
            yield bytes(pending[:size]), False
            del pending[:size]
    yield bytes(pending), True


def _nonce(at: int, *, is_last: bool) -> bytes:
    return at.to_bytes(11, "big") + bytes([is_last])
