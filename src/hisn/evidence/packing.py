"""Put a proof pack together from parts that somebody has gathered; nothing is verified here.

`hisn.evidence.pack` holds the format.  Whoever writes a pack verifies it before it leaves the house.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hisn.core.canon import Json, b64, canonical
from hisn.evidence.disclosure import Presented
from hisn.evidence.pack import Event, format_label, write_pack
from hisn.evidence.sealed_map import presented_json
from hisn.tlog.fork import Fork
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof

READER = b"""\
# A proof pack of Hisn

This file holds a statement, what it rests on, and the proof that neither was changed.
Do not trust this text, nor a program that came with it.

1. Get the verifier from a place that you trust: `hisn verify`, or the single file `hisn-verify.pyz`.
2. Get the genesis digest of the unit from somebody other than the sender of this pack.
3. Run `hisn verify THIS.evpack --genesis DIGEST`. It needs no network.
4. Read what is proven, and what is not.

The format and the algorithm are documented; anybody can write a verifier.
"""


@dataclass(frozen=True, slots=True)
class PackAct:
    """Hold an act: its leaf, its C2SP tlog-proof, and the file of what is shown of its body."""

    leaf: bytes
    proof: bytes
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Hold what every pack begins with: the charter, the roster of every epoch, the log's policy."""

    genesis: bytes
    rosters: Sequence[bytes]
    policy: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PackParts:
    """Hold the parts of a pack about a finding; `finding` is the number of its act in `acts`.

    `acts` are the finding, the batches it names, rechecks and dissents.  `heads` are signed
    checkpoints that acts of the pack had `seen`.  `timestamps` are RFC 3161 responses by number
    of act, over the SHA-256 of its leaf.
    """

    trust: Trust
    acts: Sequence[PackAct]
    finding: int
    events: Sequence[Event] = ()
    heads: Sequence[bytes] = ()
    timestamps: Mapping[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForkSide:
    """Hold one of two statements that exclude each other: a checkpoint, or an entry and its proof.

    In the place of the entry its leaf hash proves a fork of the log as well: to strangers, and where
    the entry is withheld.
    """

    checkpoint: bytes | None = None
    leaf: bytes | None = None
    proof: bytes | None = None
    leaf_hash: bytes | None = None


def build_pack(parts: PackParts) -> bytes:
    """Return the pack of a finding. Raises ValueError where a number points at no act."""
    if not 0 <= parts.finding < len(parts.acts) or not all(
        0 <= n < len(parts.acts) for n in parts.timestamps
    ):
        raise ValueError("a number in the parts of a pack points at no act")
    files = _trust_files(parts.trust, parts.finding)
    for number, act in enumerate(parts.acts):
        files[f"acts/{number:04d}.leaf"] = act.leaf
        files[f"acts/{number:04d}.tlog-proof"] = act.proof
        if act.body is not None:
            files[f"bodies/{number:04d}.json"] = act.body
    for number, event in enumerate(parts.events):
        files[f"events/{number:04d}.json"] = format_event(event)
    for number, head in enumerate(parts.heads):
        files[f"heads/{number:04d}.checkpoint"] = head
    for number, token in parts.timestamps.items():
        files[f"timestamps/{number:04d}.tsr"] = token
    return write_pack(files)


def build_fork_pack(trust: Trust, first: ForkSide, second: ForkSide) -> bytes:
    """Return the pack that shows two statements which exclude each other, of one log or one actor."""
    files = _trust_files(trust, None)
    for name, side in (("a", first), ("b", second)):
        hashed = side.leaf_hash if side.leaf is None else None
        shown = {
            "checkpoint": side.checkpoint,
            "leaf": side.leaf,
            "leaf-hash": hashed,
            "tlog-proof": side.proof,
        }
        files |= {f"fork/{name}.{kind}": data for kind, data in shown.items() if data is not None}
    return write_pack(files)


def build_roster_fork_pack(genesis: bytes, rosters: Sequence[bytes], first: bytes, second: bytes) -> bytes:
    """Return the pack that shows two epochs which both follow the same ones under one number."""
    files = _trust_files(Trust(genesis=genesis, rosters=rosters, policy=b""), None)
    return write_pack(files | {"fork/a.dsse": first, "fork/b.dsse": second})


def fork_sides(
    fork: Fork, leaves: tuple[bytes | None, bytes | None] = (None, None)
) -> tuple[ForkSide, ForkSide]:
    """Return the sides of a proven fork for a pack; `leaves` are its entries, None shows the hash alone."""
    if fork.index is None:
        return ForkSide(checkpoint=fork.first.checkpoint), ForkSide(checkpoint=fork.second.checkpoint)
    first, second = (
        ForkSide(
            leaf=leaf,
            leaf_hash=side.leaf,
            proof=format_tlog_proof(TlogProof(fork.index, side.path, side.checkpoint)),
        )
        for side, leaf in zip((fork.first, fork.second), leaves, strict=True)
    )
    return first, second


def format_body(presented: Presented) -> bytes:
    """Return the file of a presented sealed body."""
    return canonical(presented_json(presented))


def format_event(event: Event) -> bytes:
    """Return the file of an event."""
    value: dict[str, Json] = {
        "act": event.act,
        "index": event.index,
        "path": [digest.hex() for digest in event.path],
    }
    if event.shown is not None:
        value["map"] = presented_json(event.shown)
    if event.record is not None and event.raw_salt is not None:
        value |= {"record": b64(event.record), "raw_salt": event.raw_salt.hex()}
    return canonical(value)


def _trust_files(trust: Trust, finding: int | None) -> dict[str, bytes]:
    rosters = {f"roster/{epoch:04d}.dsse": data for epoch, data in enumerate(trust.rosters)}
    return {
        "pack.json": format_label(finding),
        "charter/genesis.json": trust.genesis,
        "policy": trust.policy,
        "VERIFY.md": READER,
        **rosters,
    }
