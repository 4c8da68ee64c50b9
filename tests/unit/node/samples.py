"""Make logs, witnesses and mirrors for tests; every seed is written out."""

from __future__ import annotations

from functools import cache

from hisn.core.signers import DualSigner, dual_from_seed
from hisn.node.answer import Answer
from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.entries import Span, UploadHead, format_head, format_package, spans
from hisn.node.known import KnownLog
from hisn.node.mirror import Mirror
from hisn.node.quota import Quota
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.witness import Witness
from hisn.testing.fake_clock import SECOND, START, FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.checkpoint import Checkpoint
from hisn.tlog.merkle import consistency_proof, leaf_hash, root_of, subtree_consistency_proof
from hisn.tlog.ports import Blobs, Register
from hisn.tlog.sign import Cosigner, LogSigner, sign_checkpoint

NOW_S = START // SECOND
ORIGIN = "north.example/log"
OWN = "south.example/log"


@cache
def signer(number: int) -> DualSigner:
    return dual_from_seed(bytes([number]) * 32)


class SampleLog:
    """Hold a log that can sign any of its sizes, and lie."""

    def __init__(self, origin: str = ORIGIN, seed: int = 1, words: str = "entry") -> None:
        self.signer = LogSigner(origin, signer(seed), FakeClock())
        self.origin = origin
        self.words = words
        self.entries: list[bytes] = []
        self.leaves: list[bytes] = []

    def grow(self, size: int) -> SampleLog:
        for number in range(len(self.entries), size):
            self.entries.append(f"{self.words} {number}".encode())
            self.leaves.append(leaf_hash(self.entries[-1]))
        return self

    def head(self, size: int, extensions: tuple[str, ...] = ()) -> Checkpoint:
        self.grow(size)
        return Checkpoint(self.origin, size, root_of(self.leaves[:size]), extensions)

    def note(self, size: int, extensions: tuple[str, ...] = ()) -> bytes:
        return sign_checkpoint(self.head(size, extensions), self.signer)

    def proof(self, old: int, size: int) -> tuple[bytes, ...]:
        self.grow(size)
        return consistency_proof(self.leaves, old, size) if old else ()

    def request(self, old: int, size: int) -> bytes:
        return format_add_checkpoint(AddCheckpoint(old, self.proof(old, size), self.note(size)))


class KnownLogs:
    def __init__(self, *logs: SampleLog) -> None:
        self.known = {log.origin: KnownLog.of_member(log.signer.keys) for log in logs}

    def find(self, origin: str) -> KnownLog | None:
        return self.known.get(origin)


def rooms(
    *logs: SampleLog, register: Register | None = None, blobs: Blobs | None = None, own: str = OWN
) -> Rooms:
    register = register or MemoryRegister()
    return Rooms(own, KnownLogs(*logs), register, Suspects(BlobSuspects(blobs or MemoryBlobs()), register))


def witness(
    shared: Rooms, clock: FakeClock | None = None, quota: Quota | None = None, number: int = 1
) -> Witness:
    return Witness(shared, witness_cosigner(number), clock or FakeClock(), quota)


@cache
def witness_cosigner(number: int = 1) -> Cosigner:
    return Cosigner(f"south{number}.example/witness", signer(100 + number))


@cache
def mirror_cosigner(number: int = 1) -> Cosigner:
    return Cosigner(f"south{number}.example/mirror", signer(150 + number))


def mirror(shared: Rooms, blobs: Blobs, clock: FakeClock | None = None, key: bytes = bytes(32)) -> Mirror:
    return Mirror(shared, mirror_cosigner(), clock or FakeClock(), blobs=blobs, tickets=Tickets(key))


def package(log: SampleLog, span: Span, size: int) -> bytes:
    log.grow(size)
    proof = subtree_consistency_proof(log.leaves, span.low, span.end, size)
    return format_package(log.entries[span.start : span.end], proof)


def upload_body(log: SampleLog, start: int, end: int, ticket: bytes = b"", count: int | None = None) -> bytes:
    """Write an upload of `[start, end)`, or of its first `count` packages."""
    packages = [package(log, span, end) for span in list(spans(start, end))[:count]]
    return format_head(UploadHead(log.origin, start, end, ticket)) + b"".join(packages)


def push(service: Mirror, body: bytes, step: int = 1 << 20) -> Answer:
    """Feed an upload in pieces, as the service's skin does."""
    upload = service.add_entries()
    for at in range(0, len(body), step):
        early = upload.feed(body[at : at + step])
        if early:
            return early
    return upload.finish()
