"""Keep the file of a node's secret, and replace the node key in it without ever losing a record.

::

    keys/node.key     the secret: node key and seed
    keys/node.next    the secret with a new node key, while records are wrapped again by it
    keys/lock         held together by those who use the keys, alone by who replaces them

Replacing goes so; beside each step stands what is left if the process dies after it::

    write node.next           both secrets; records are wrapped by the old node key
    wrap every record again   both secrets; records are wrapped by either
    replace node.key          the new secret twice
    log the rotation          the same
    remove node.next          done

Whoever opens the node while ``node.next`` is there takes the remaining steps first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hisn.app.identity import Identity, format_identity, parse_identity
from hisn.app.places import Places
from hisn.errors import StorageError
from hisn.evidence.node_key import needs_passphrase
from hisn.evidence.vault import KEY_BYTES, Vault
from hisn.storage.blobs import FileBlobs
from hisn.storage.keyring import FileKeyStore
from hisn.storage.lock import held, held_now
from hisn.tlog.ports import Entropy

_KEY = "node.key"
_NEXT = "node.next"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Secret:
    """Hold an opened secret and its file as it was read; `is_rotated`: a rotation is still to be logged."""

    identity: Identity
    data: bytes
    is_rotated: bool = False


def read_secret(places: Places, passphrase: Callable[[], str], entropy: Entropy) -> Secret:
    """Return the node's secret; a rotation that was interrupted is finished first, but for its log entry.

    Raises InputError (passphrase), StorageError (E5333 where it is lost, E5305 where it is damaged).
    """
    data = key_data(places)
    text = passphrase() if needs_passphrase(data) else ""
    if not _path(places, _NEXT).exists():
        return Secret(parse_identity(data, text), data)
    with held(_path(places, _LOCK)):
        # Another process may have taken some of the steps while we waited.
        data = key_data(places)
        old = parse_identity(data, text)
        if not _path(places, _NEXT).exists():
            return Secret(old, data)
        prepared = _path(places, _NEXT).read_bytes()
        new = parse_identity(prepared, text)
        _wrap_again(places, old, new, entropy)
        FileBlobs(places.keys).replace(_KEY, prepared)
    return Secret(new, prepared, is_rotated=True)


def write_secret(places: Places, identity: Identity, passphrase: str | None, entropy: Entropy) -> Secret:
    """Put a secret in place, durably and for its owner alone; None leaves it open. Raises StorageError."""
    data = format_identity(identity, passphrase, entropy)
    FileBlobs(places.keys).replace(_KEY, data)
    return Secret(identity, data)


def rotate_secret(places: Places, old: Identity, passphrase: str | None, entropy: Entropy) -> Secret:
    """Replace the node key, with the keys held alone; what is left to do is to log it. Raises StorageError.

    A record that does not open with the old key stops it before anything is changed.
    """
    store = FileKeyStore(places.keys)
    vault = Vault(store, old.node_key, entropy)
    for name in store.list():
        vault.get(bytes.fromhex(name))
    new = replace(old, node_key=entropy.read(KEY_BYTES))
    data = format_identity(new, passphrase, entropy)
    FileBlobs(places.keys).replace(_NEXT, data)
    _wrap_again(places, old, new, entropy)
    FileBlobs(places.keys).replace(_KEY, data)
    return Secret(new, data, is_rotated=True)


def end_rotation(places: Places) -> None:
    """Remove what a rotation prepared, durably: brought back, it would ask for an old passphrase."""
    path = _path(places, _NEXT)
    if not path.exists():
        return
    try:
        folder = os.open(places.keys, os.O_RDONLY)
        try:
            path.unlink(missing_ok=True)
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(
            "E5331",
            f"cannot remove {path}: {error.strerror or error}",
            hint="check the keys folder's permissions; the next start tries again",
            unchanged="the new node key is in use",
        ) from error


@contextmanager
def using_keys(places: Places, data: bytes) -> Iterator[None]:
    """Use the keys while the block runs, beside others who do. Raises StorageError (E5336).

    `data` is the secret's file as it was read: if it was replaced since, what would be wrapped by
    the old node key could never be opened again.
    """
    with held(_path(places, _LOCK), shared=True):
        if key_data(places) != data:
            raise StorageError(
                "E5336",
                "the node's key was replaced while this command ran",
                hint="run it again",
                unchanged="nothing was sealed or changed",
            )
        yield


@contextmanager
def changing_keys(places: Places) -> Iterator[None]:
    """Hold the keys alone while the block runs. Raises StorageError (E5336) where others use them."""
    with held_now(_path(places, _LOCK)) as is_alone:
        if not is_alone:
            raise StorageError(
                "E5336",
                "another process of this node uses its keys",
                hint="wait until hisn guard --seal or hisn evidence is done, then run this again",
                unchanged="the keys are as they were",
            )
        yield


def key_data(places: Places) -> bytes:
    """Return the file of the secret as it lies there. Raises StorageError (E5333)."""
    try:
        return _path(places, _KEY).read_bytes()
    except OSError as error:
        raise StorageError(
            "E5333",
            f"the node's key is not there: {error.strerror or error}",
            hint="restore the keys folder from its own backup, or use an escrow key: "
            "hisn node recover --escrow-secret",
        ) from error


def has_secret(places: Places) -> bool:
    """Tell whether there is a file of the secret."""
    return _path(places, _KEY).exists()


def _wrap_again(places: Places, old: Identity, new: Identity, entropy: Entropy) -> None:
    Vault(FileKeyStore(places.keys), old.node_key, entropy).rotate(new.node_key)


def _path(places: Places, name: str) -> Path:
    return places.keys / name
