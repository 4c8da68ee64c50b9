"""Make logs, witnesses and mirrors for tests; every seed is written out."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from hisn.core.instant import Instant
from hisn.core.keys import DualSigner, dual_from_seed
from hisn.errors import StorageError
from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.known import KnownLog
from hisn.node.mirror import Mirror
from hisn.node.quota import Quota
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.witness import Witness
from hisn.tlog.checkpoint import Checkpoint, LogSigner, sign_checkpoint
from hisn.tlog.cosign import Cosigner
from hisn.tlog.merkle import consistency_proof, leaf_hash, root_of
from hisn.tlog.ports import Blobs, Conflict, Register

NOW_S = 1_800_000_000
ORIGIN = "north.example/log"
OWN = "south.example/log"


class SetClock:
    """Stand still until it is moved, forwards or back."""

    def __init__(self, seconds: int = NOW_S) -> None:
        self.seconds = seconds

    def now(self) -> Instant:
        return Instant(self.seconds * 1_000_000)


class MapRegister:
    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        return self.rows.get(name)

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        with self.lock:
            if self.rows.get(name) != old:
                raise Conflict(name)
            self.rows[name] = new


class MapBlobs:
    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def put(self, name: str, data: bytes) -> None:
        if self.files.setdefault(name, data) != data:
            raise StorageError("E5202", f"{name} exists with other bytes")

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        for name, data in items:
            self.put(name, data)

    def get(self, name: str) -> bytes | None:
        return self.files.get(name)

    def list(self, prefix: str) -> Iterator[str]:
        yield from sorted(name for name in self.files if name.startswith(prefix))

    def replace(self, name: str, data: bytes) -> None:
        self.files[name] = data

    def delete(self, name: str) -> None:
        self.files.pop(name, None)


@cache
def signer(number: int) -> DualSigner:
    return dual_from_seed(bytes([number]) * 32)


class SampleLog:
    """Hold a log that can sign any of its sizes, and lie."""

    def __init__(self, origin: str = ORIGIN, seed: int = 1, words: str = "entry") -> None:
        self.signer = LogSigner(origin, signer(seed), SetClock())
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
    register = register or MapRegister()
    return Rooms(own, KnownLogs(*logs), register, Suspects(BlobSuspects(blobs or MapBlobs()), register))


def witness(
    shared: Rooms, clock: SetClock | None = None, quota: Quota | None = None, number: int = 1
) -> Witness:
    return Witness(shared, witness_cosigner(number), clock or SetClock(), quota)


@cache
def witness_cosigner(number: int = 1) -> Cosigner:
    return Cosigner(f"south{number}.example/witness", signer(100 + number))


@cache
def mirror_cosigner(number: int = 1) -> Cosigner:
    return Cosigner(f"south{number}.example/mirror", signer(150 + number))


def mirror(shared: Rooms, blobs: Blobs, clock: SetClock | None = None, key: bytes = bytes(32)) -> Mirror:
    return Mirror(shared, mirror_cosigner(), clock or SetClock(), blobs=blobs, tickets=Tickets(key))


def joined(items: Sequence[bytes]) -> bytes:
    return b"".join(items)
