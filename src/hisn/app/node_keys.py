"""Change how a node's secret is kept: its passphrase, its node key, and who holds escrow copies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hisn.app.home import Node, read_config, write_config
from hisn.app.identity import new_identity
from hisn.app.key_file import (
    changing_keys,
    end_rotation,
    has_secret,
    key_data,
    rotate_secret,
    write_secret,
)
from hisn.app.member import Draft
from hisn.app.places import Places
from hisn.core.canon import Json
from hisn.errors import StorageError, UsageError
from hisn.evidence.escrow import EscrowSecret, parse_escrow_public
from hisn.evidence.node_key import needs_passphrase
from hisn.evidence.vault import KEY_BYTES, Vault, recover_keys
from hisn.storage.keyring import FileKeyStore
from hisn.storage.system import SystemEntropy
from hisn.tlog.ports import Entropy


@dataclass(frozen=True, slots=True)
class Escrowed:
    """Say which escrow keys are new (their ids), and how many sealed files got a copy for them."""

    added: tuple[str, ...]
    copies: int


def is_locked(node: Node) -> bool:
    """Tell whether a passphrase locks the node's secret. Raises StorageError."""
    return needs_passphrase(key_data(node.places))


def change_passphrase(node: Node, passphrase: str | None) -> None:
    """Lock the node's secret by another passphrase; None leaves it open. Raises StorageError.

    Nothing that the secret wraps is touched.  Copies of the old file open with the old passphrase.
    """
    with changing_keys(node.places):
        # Or the next start would ask for the old passphrase, to finish what is finished.
        end_rotation(node.places)
        node.take_secret(write_secret(node.places, node.identity, passphrase, node.entropy))


def rotate(node: Node, passphrase: str | None) -> None:
    """Replace the node key, wrap the keys of all sealed files by it, and log that. Raises StorageError.

    `passphrase` is the one that locks the secret, None where it is open.
    """
    with changing_keys(node.places):
        node.take_secret(rotate_secret(node.places, node.identity, passphrase, node.entropy))
    node.log_rotation()


def escrow(node: Node, texts: Sequence[str] = ()) -> Escrowed:
    """Add escrow keys, and the copies for them that sealed files lack; log that.

    Stopped in between, it can be done again, also without naming the keys.  Raises InputError for
    a mistyped key, StorageError.
    """
    wanted = dict.fromkeys((*node.config.escrow, *(str(parse_escrow_public(text)) for text in texts)))
    before = {public.id for public in node.escrow()}
    with changing_keys(node.places):
        if len(wanted) > len(node.config.escrow):
            # First, so that what is sealed from now on has its copies.
            config = msgspec.structs.replace(node.config, escrow=tuple(wanted))
            write_config(node.places, config)
            node.config = config
        store = FileKeyStore(node.places.keys)
        vault = Vault(store, node.identity.node_key, node.entropy, node.escrow())
        copies = vault.escrow_all()
    added = tuple(public.id for public in node.escrow() if public.id not in before)
    _log_escrow(node)
    return Escrowed(added, copies)


def _log_escrow(node: Node) -> None:
    """Say of each escrow key once that it can open what is sealed here: the others rely on the secrecy."""
    said = node.key_events("escrow")
    details: list[dict[str, Json]] = [{"to": public.id} for public in node.escrow()]
    drafts = [
        Draft(kind="key-event", public={"event": "escrow", "detail": detail})
        for detail in details
        if detail not in said
    ]
    node.member.record(drafts)


def make_escrow_key(path: Path, entropy: Entropy) -> str:
    """Write a new escrow key's secret half to a file, for its owner alone; return the public half.

    Raises UsageError (E1305) where there is a file already, StorageError.
    """
    secret = EscrowSecret(entropy.read(KEY_BYTES))
    try:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secret.text + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError as error:
        raise UsageError(
            "E1305",
            f"there is a file {path} already",
            hint="an escrow key in it would be lost; name another file",
            unchanged="nothing was written",
        ) from error
    except OSError as error:
        raise StorageError(
            "E5020",
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and free space",
            unchanged="the node has no new escrow key",
        ) from error
    return str(secret.public)


def recover_by_escrow(
    root: Path, secret: EscrowSecret, passphrase: str | None, entropy: Entropy | None = None
) -> tuple[int, int]:
    """Make a new secret for a node that lost its own, and open its evidence by an escrow key.

    Returns how many keys of sealed files open again, and how many have no copy for the escrow key.
    The node's signing keys are lost with its secret: it shows what it sealed, and signs nothing.
    Raises UsageError (E1306, E1307), StorageError.  Interrupted, it can be done again.
    """
    places, entropy = Places(root), entropy or SystemEntropy()
    read_config(places)
    if has_secret(places):
        raise UsageError(
            "E1306",
            "the node's key is there",
            hint="if nobody knows its passphrase any more, move keys/node.key to a safe place first",
            unchanged="nothing was changed",
        )
    if not places.keys.is_dir():
        key_data(places)  # raises: the keys folder itself is gone
    identity = new_identity(entropy)
    store = FileKeyStore(places.keys)
    with changing_keys(places):
        erased = store.erased()
        count = sum(name not in erased for name in store.list())
        lost = recover_keys(store, secret, identity.node_key, entropy)
        if len(lost) == count:
            raise UsageError(
                "E1307",
                "this escrow key opens nothing here",
                hint=f"its id is {secret.public.id}; find the one that was named to this node",
                unchanged="nothing was changed",
            )
        # Last: until it is there, the copies are as good as before, and all of this can be done again.
        write_secret(places, identity, passphrase, entropy)
    return count - len(lost), len(lost)
