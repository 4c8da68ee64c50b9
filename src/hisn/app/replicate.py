"""Bring the published log to the mirrors of the other members."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from hisn.app.addresses import MIRROR_PATH
from hisn.app.home import Node
from hisn.core.canon import b64, parse_b64
from hisn.node.client import Caller, Deadlines
from hisn.node.replicate import Copied, MirrorPeer, replicate
from hisn.node.without import Missing, Why
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.tlog.cosign import CosignerKeys
from hisn.tlog.ports import Conflict
from hisn.tlog.staging import LogNames

_ROW = "replicated/"
_WHOLE_S = 60.0


@dataclass(frozen=True, slots=True)
class Replicated:
    """Say that a member's mirror has the published log of `size` entries now, or why it has not."""

    to: str
    size: int
    missing: Why | None = None


def mirror_peers(node: Node) -> Iterator[MirrorPeer]:
    """Yield the mirrors of the other active members that have an address."""
    for member in node.roster.active:
        public = member.open_key("mirror")
        if member.id != node.config.origin and member.url and public:
            keys = CosignerKeys(member.id + MIRROR_PATH, public)
            yield MirrorPeer(member.url.rstrip("/") + MIRROR_PATH, keys, member.id)


def replicate_all(node: Node) -> list[Replicated]:
    """Bring every mirror up to what is published; return what became of those that were behind.

    Raises StorageError if our own disk fails, VerificationError if our own files are damaged.
    """
    published = node.log.published()
    if published is None:
        return []
    peers = [peer for peer in mirror_peers(node) if not _has(node, peer, published)]
    if not peers:
        return []
    outcomes = asyncio.run(_ask(node, peers, published))
    done = []
    for peer, outcome in zip(peers, outcomes, strict=True):
        if isinstance(outcome, Copied):
            _remember(node, peer, published)
            done.append(Replicated(peer.to, published.checkpoint.size))
        else:
            done.append(Replicated(peer.to, published.checkpoint.size, outcome.why))
    return done


async def _ask(node: Node, peers: list[MirrorPeer], head: SignedCheckpoint) -> list[Copied | Missing]:
    folder = LogNames(node.config.origin).folder

    def get(name: str) -> bytes | None:
        return node.blobs.get(folder + name)

    async with Caller(deadlines=Deadlines(whole_s=_WHOLE_S)) as caller:
        asked = (replicate(caller, peer, head, get, node.clock) for peer in peers)
        return list(await asyncio.gather(*asked))


def _has(node: Node, peer: MirrorPeer, head: SignedCheckpoint) -> bool:
    row = node.register.get(_ROW + peer.to)
    return row is not None and parse_b64(row) == head.checkpoint.root


def _remember(node: Node, peer: MirrorPeer, head: SignedCheckpoint) -> None:
    """Remember what a mirror has, so that it is not asked every few seconds."""
    row = node.register.get(_ROW + peer.to)
    try:
        node.register.swap(_ROW + peer.to, row, b64(head.checkpoint.root).encode())
    except Conflict:
        return
