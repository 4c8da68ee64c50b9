"""Read a state of a log, and the log's files beside it, wherever they are.

A side is named by a member's id, by a file with a checkpoint, by the folder of a log's files, or by an
address below ``/log/<hash>``, ``/mirror/<hash>`` or ``/witness/<hash>``.  Where it has no tiles, those
of this node's own log and mirror are read; nothing of them is believed that does not lead to what was
signed.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, UsageError
from hisn.node.auth import RequestSigner
from hisn.node.copy import LogCopy
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.tile import Get, TileReader

CHECKPOINT = "checkpoint"
_ADDRESS = re.compile(r"(https?://[!-~]+?)/(log|mirror|witness)/([0-9a-f]{64})/?(?:checkpoint)?")


@dataclass(frozen=True, slots=True)
class Side:
    """Hold a state of a log as it was signed, and how the log's files are read."""

    signed: SignedCheckpoint
    get: Get

    @property
    def reader(self) -> TileReader:
        """Return what reads tiles and entries, all of them proven by the state."""
        head = self.signed.checkpoint
        return TileReader(self.get, head.size, head.root)


def open_side(node: Node, stack: ExitStack, text: str) -> Side:
    """Open a side: a member's id, a file, a folder or an address. Raises UsageError, StorageError."""
    if node.roster.find(text) and not Path(text).exists():
        get = _holding(_kept_head(node, text))
    elif text.startswith(("http://", "https://")):
        get = _remote(node, stack, text)
    else:
        get = _local(Path(text))
    data = get(CHECKPOINT)
    if data is None:
        raise UsageError(
            "E1340",
            f"there is no checkpoint at {text}",
            hint="name a member whose log is mirrored here, a checkpoint's file, a log's folder, "
            "or an address that ends in /log/HASH, /mirror/HASH or /witness/HASH",
        )
    signed = parse_signed_checkpoint(data)
    return Side(signed, _first_of(get, *_kept(node, signed.checkpoint.origin)))


def _first_of(*gets: Get) -> Get:
    def get(name: str) -> bytes | None:
        return next((data for each in gets if (data := each(name)) is not None), None)

    return get


def _holding(head: bytes | None) -> Get:
    return lambda name: head if name == CHECKPOINT else None


def _kept_head(node: Node, origin: str) -> bytes | None:
    """Return the newest state of a log that this node has the entries of: its own, or one that it mirrors."""
    if origin == node.config.origin:
        return node.log.head().raw
    copy = LogCopy(origin_hash(origin), node.blobs, node.register)
    head = Heads(node).newest(origin, copy.next_entry())
    if head is None:
        return None
    copy.complete(head.checkpoint.size, head.checkpoint.root)
    return head.raw


def _kept(node: Node, origin: str) -> tuple[Get, Get]:
    """Return this node's own files of a log, if it is its own, and those of its mirror."""
    log = origin_hash(origin)
    return (
        lambda name: node.blobs.get(f"log/{log}/{name}"),
        lambda name: node.blobs.get(f"mirror/{log}/{name}"),
    )


def _local(path: Path) -> Get:
    """Return how to read a side on this machine; a checkpoint in a log's folder brings its tiles along."""
    if path.is_dir():
        folder: Path | None = path
    else:
        folder = path.parent if path.name == CHECKPOINT else None

    def get(name: str) -> bytes | None:
        if name == CHECKPOINT and not path.is_dir():
            return _read(path, MAX_NOTE_BYTES)
        return _read(folder / name) if folder else None

    return get


def _read(path: Path, most: int = -1) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(
            "E5350", f"cannot read {path}: {error.strerror or error}", hint="check the permissions"
        ) from error


def _remote(node: Node, stack: ExitStack, text: str) -> Get:
    match = _ADDRESS.fullmatch(text)
    if not match:
        raise UsageError(
            "E1340",
            f"{text} is no address of a log",
            hint="it ends in /log/HASH, /mirror/HASH or /witness/HASH, where HASH is that of the origin",
        )
    base, room, log = match.groups()
    member = next((each.id for each in node.roster.active if each.url.rstrip("/") == base), "")
    signer = RequestSigner(node.config.origin, node.signer("act").ed25519, node.clock)
    remote = stack.enter_context(RemoteNode(base, member, signer if member else None))

    def get(name: str) -> bytes | None:
        # A witness keeps checkpoints only.
        if room == "witness" and name != CHECKPOINT:
            return None
        return remote.file(f"{room}/{log}", name)

    return get
