"""Bring the own log to one mirror: its checkpoint, then every entry the mirror lacks (C2SP tlog-mirror).

The mirror says where to go on, and is believed no further than its own copy is concerned: what is
sent is proven, and what it signs is verified.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from hisn.core.clock import Clock
from hisn.core.limits import MiB
from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import InputError, VerificationError
from hisn.node.answer import BINARY
from hisn.node.body import MIRROR_INFO_TYPE, MirrorInfo, parse_mirror_info
from hisn.node.client import Ask, Caller, Reply
from hisn.node.entries import UploadHead, format_head, format_package, spans
from hisn.node.known import origin_hash
from hisn.node.submit import Accepted, Ahead, Declined, submit_checkpoint
from hisn.node.without import FUTURE_S, Missing, Why, Without, of_peer
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.cosign import CosignerKeys, verify_cosigner
from hisn.tlog.merkle import consistency_at, subtree_consistency_at
from hisn.tlog.tile import WIDTH, Get, TileReader

MAX_PACKAGES = 32
"""Packages of one request, as tlog-mirror advises."""
MAX_UPLOAD_BYTES = 8 * MiB
_IDLE_ROUNDS = 4
"""Answers without a step forward that are followed: others upload, too, but not for ever."""


@dataclass(frozen=True, slots=True)
class MirrorPeer:
    """Hold one mirror: its submission prefix, its keys, and the id of its node if it is a member's."""

    prefix: str
    keys: CosignerKeys
    to: str = ""


@dataclass(frozen=True, slots=True)
class Copied:
    """Hold the lines, verified, by which a mirror says that it holds and serves the whole tree."""

    name: str
    lines: bytes
    time_s: int


async def replicate(
    caller: Caller, peer: MirrorPeer, head: SignedCheckpoint, get: Get, clock: Clock
) -> Copied | Missing:
    """Bring a mirror up to a published checkpoint, with the log's files from `get`.

    A mirror that is away, wrong or hostile is a `Missing`; what it took is not sent again the next
    time.  Raises VerificationError if the files of the log are damaged.
    """
    try:
        return await _Push(caller, peer, head, get, clock).run()
    except Without as error:
        return Missing(peer.keys.name, error.why, error.detail)


class _Push:
    """Hold one push."""

    def __init__(
        self, caller: Caller, peer: MirrorPeer, head: SignedCheckpoint, get: Get, clock: Clock
    ) -> None:
        self._caller = caller
        self._peer = peer
        self._head = head
        self._clock = clock
        self._reader = TileReader(get, head.checkpoint.size, head.checkpoint.root)

    async def run(self) -> Copied:
        await self._offer()
        size = self._head.checkpoint.size
        at = MirrorInfo(size, await self._begin(), b"")
        idle, best = 0, 0
        while idle < _IDLE_ROUNDS:
            reply = await self._send(at)
            if reply.status == 200:
                if at.size == size:
                    return self._checked(reply.body)
                # An older pending checkpoint is complete: now on to ours.
                told = MirrorInfo(size, at.size, b"")
            else:
                told = self._told(reply)
            # A step is a bundle at least, so that a mirror cannot be filled one entry at a time.
            reached = min(told.next_entry, size)
            idle = 0 if reached // WIDTH > best // WIDTH else idle + 1
            best, at = max(best, reached), told
        raise Without(Why.WRONG, "its uploads do not go on")

    async def _offer(self) -> None:
        """Make the checkpoint a pending one."""

        def prove(old: int, new: int) -> tuple[bytes, ...]:
            return consistency_at(old, new, self._reader)

        with of_peer():
            outcome = await submit_checkpoint(self._caller, self._peer.prefix, self._head, 0, prove)
        match outcome:
            case Accepted():
                return
            case Ahead(size):
                raise Without(Why.CLAIMS, f"{size} entries")
            case Declined(_, why):
                raise Without(Why.DECLINED, why)
            case _:
                assert_never(outcome)

    async def _begin(self) -> int:
        """Return up to where the mirror seems to be; if it is not true, it will say so."""
        log = origin_hash(self._head.checkpoint.origin)
        with of_peer():
            reply = await self._caller.ask(Ask(f"{self._peer.prefix}/{log}/checkpoint", MAX_NOTE_BYTES))
        try:
            size = parse_signed_checkpoint(reply.body).checkpoint.size if reply.status == 200 else 0
        except VerificationError:
            size = 0
        return size if size <= self._head.checkpoint.size else 0

    async def _send(self, at: MirrorInfo) -> Reply:
        start = min(at.next_entry, at.size)
        body = b"".join(self._upload(UploadHead(self._head.checkpoint.origin, start, at.size, at.ticket)))
        headers = {"Content-Type": BINARY, "Content-Encoding": "gzip"}
        ask = Ask(
            f"{self._peer.prefix}/add-entries",
            MAX_NOTE_BYTES,
            gzip.compress(body, 1),
            headers,
            self._peer.to,
            is_body_signed=False,
        )
        with of_peer():
            return await self._caller.ask(ask)

    def _upload(self, head: UploadHead) -> Iterator[bytes]:
        """Yield the head and as many packages as one request should have."""
        yield format_head(head)
        sent = 0
        for number, span in enumerate(spans(head.start, head.end)):
            if number == MAX_PACKAGES or sent > MAX_UPLOAD_BYTES:
                return
            entries = self._reader.bundle(span.low // WIDTH)[span.start - span.low : span.end - span.low]
            proof = subtree_consistency_at(span.low, span.end, head.end, self._reader)
            package = format_package(entries, proof)
            sent += len(package)
            yield package

    def _told(self, reply: Reply) -> MirrorInfo:
        if reply.status not in (202, 409) or reply.content_type != MIRROR_INFO_TYPE:
            raise Without(Why.DECLINED, f"it answers {reply.status}")
        try:
            info = parse_mirror_info(reply.body)
        except InputError as error:
            raise Without(Why.WRONG, error.message) from error
        if info.size > self._head.checkpoint.size:
            raise Without(Why.CLAIMS, f"{info.size} entries")
        return info

    def _checked(self, lines: bytes) -> Copied:
        name = self._peer.keys.name
        try:
            signed = parse_signed_checkpoint(self._head.note.text + b"\n" + lines)
            time_s = max(verify_cosigner(signed, self._peer.keys).timestamps)
        except VerificationError as error:
            raise Without(Why.UNSIGNED, error.message) from error
        if time_s > self._clock.now() // 1_000_000 + FUTURE_S:
            raise Without(Why.FUTURE, f"{time_s} s")
        return Copied(name, lines, time_s)
