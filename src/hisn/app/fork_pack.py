"""Compare two states of one log, wherever they are, and prove the fork if they exclude each other.

A side is named by a file with a checkpoint, by the folder of a log's files, or by an address below
``/log/<hash>``, ``/mirror/<hash>`` or ``/witness/<hash>``.  Two checkpoints of one size need nothing
else.  Of different sizes the tiles of both are read, where the side has none from this node's own
log and mirror; nothing of them is believed that does not lead to what was signed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from hisn.app.home import Node
from hisn.app.pack_parts import trust_of
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import StorageError, UsageError
from hisn.evidence.packing import build_fork_pack, fork_sides
from hisn.node.auth import RequestSigner
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.fork import Fork, fetch_leaf, find_fork
from hisn.tlog.tile import Get, TileReader
from hisn.verify.check import verify_pack
from hisn.verify.logged import judge_states
from hisn.verify.steps import Report, Result

CHECKPOINT = "checkpoint"
_ADDRESS = re.compile(r"(https?://[!-~]+?)/(log|mirror|witness)/([0-9a-f]{64})/?(?:checkpoint)?")


@dataclass(frozen=True, slots=True)
class Proof:
    """Hold a fork pack and what the verifier says of it; `hashed` entries are shown by their hash alone."""

    data: bytes
    report: Report
    hashed: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Hold two states of one log; without a proof one goes on from the other."""

    first: Checkpoint
    second: Checkpoint
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class _Side:
    signed: SignedCheckpoint
    get: Get

    @property
    def reader(self) -> TileReader:
        head = self.signed.checkpoint
        return TileReader(self.get, head.size, head.root)


def compare(node: Node, first: str, second: str, *, without_entries: bool = False) -> Compared:
    """Compare two sides, and return the proof of a fork, if they are one.

    `without_entries` shows hashes only: entries are for members.  Raises UsageError (no such side,
    two logs), VerificationError (not signed by the log, or its tiles are withheld or wrong),
    StorageError.
    """
    with ExitStack() as stack:
        sides = [_open(node, stack, text) for text in (first, second)]
        heads = [side.signed.checkpoint for side in sides]
        if heads[0].origin != heads[1].origin:
            raise UsageError(
                "E1341",
                f"these are two logs, {heads[0].origin} and {heads[1].origin}",
                hint="a fork is two states of one log; compare copies of the same one",
            )
        if node.roster.find(heads[0].origin) is None:
            raise UsageError(
                "E1342",
                f"the log {heads[0].origin} is of no member of this unit",
                hint="the roster has the keys by which a fork is proven; ask a member of that log's unit",
            )
        # Both are signed by the log with keys that count there: nobody is accused without that.
        judge_states(node.rosters, [side.signed.raw for side in sides])
        fork = find_fork(sides[0].signed, sides[0].reader, sides[1].signed, sides[1].reader)
        proof = _prove(node, fork, sides, without_entries=without_entries) if fork else None
    return Compared(heads[0], heads[1], proof)


def _prove(node: Node, fork: Fork, sides: Sequence[_Side], *, without_entries: bool) -> Proof:
    leaves: list[bytes | None] = [None, None]
    if not without_entries:
        for number, (side, shown) in enumerate(zip(sides, (fork.first, fork.second), strict=True)):
            # A node that gives its entries to nobody cannot save itself by that.
            with suppress(StorageError):
                leaves[number] = fetch_leaf(side.get, fork, shown)
    data = build_fork_pack(trust_of(node, sides[0].signed.raw), *fork_sides(fork, (leaves[0], leaves[1])))
    report = verify_pack(data, genesis=node.charter.genesis)
    if report.result is not Result.FORK_PROVEN:
        why = report.failed.detail if report.failed else report.result.value
        raise StorageError(
            "E5351",
            f"the fork pack does not verify: {why}",
            hint="keep both checkpoints, and run hisn node fsck: something in the node's folder was changed",
            unchanged="no pack was written",
        )
    return Proof(data, report, 0 if fork.index is None else leaves.count(None))


def _open(node: Node, stack: ExitStack, text: str) -> _Side:
    get = _remote(node, stack, text) if text.startswith(("http://", "https://")) else _local(Path(text))
    data = get(CHECKPOINT)
    if data is None:
        raise UsageError(
            "E1340",
            f"there is no checkpoint at {text}",
            hint="name a checkpoint's file, the folder of a log's files, or an address that ends in "
            "/log/HASH, /mirror/HASH or /witness/HASH",
        )
    signed = parse_signed_checkpoint(data)
    return _Side(signed, _first_of(get, *_kept(node, signed.checkpoint.origin)))


def _first_of(*gets: Get) -> Get:
    def get(name: str) -> bytes | None:
        return next((data for each in gets if (data := each(name)) is not None), None)

    return get


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
