"""Decrypt what was taken in, into a private folder, and check it against what the log says of it.

Three commitments stand in a batch's act: to the encrypted bytes, to the key (an AEAD alone can be
made to open one ciphertext to two texts), and, salted, to the bytes of the source.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hisn.app.reread import BatchAct
from hisn.errors import StorageError, VerificationError
from hisn.evidence.key_record import key_commitment
from hisn.evidence.raw import blob_salt, decrypt_raw


def unseal(act: BatchAct, key: bytes, parts: Iterable[bytes], folder: Path) -> str:
    """Write the file of a batch in the clear and return its path.

    Raises VerificationError (E3344, E3386: it is not what the log commits to), StorageError (E5344).
    """
    if key_commitment(key) != act.commitment:
        raise _other("the key", act.index)
    ciphertext = hashlib.sha256()
    plaintext = hashlib.sha256(blob_salt(key))
    path = folder / act.ciphertext.hex()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for part in decrypt_raw(key, _passed(parts, ciphertext.update)):
                plaintext.update(part)
                file.write(part)
    except OSError as error:
        raise StorageError(
            "E5344",
            f"cannot keep a decrypted copy: {error.strerror or error}",
            hint="free space in the node's folder; it needs room for the file in the clear while it is read",
            unchanged="nothing was judged or written to the log",
        ) from error
    if ciphertext.digest() != act.ciphertext:
        raise _other("the encrypted file", act.index)
    if plaintext.hexdigest() != act.public["raw"]:
        raise _other("the decrypted file", act.index)
    return str(path)


def _passed(parts: Iterable[bytes], see: Callable[[bytes], None]) -> Iterator[bytes]:
    for part in parts:
        see(part)
        yield part


def _other(what: str, index: int) -> VerificationError:
    return VerificationError(
        "E3386",
        f"{what} is not the one that the batch of entry {index} commits to",
        hint="ask its owner for it again; if it stays so, the owner cannot show what was sealed",
    )
