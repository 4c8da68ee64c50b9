"""Put whole nodes together for tests: a log, a witness and a mirror behind one application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from tests.unit.node.samples import OWN, KnownLogs, SampleLog, mirror_cosigner, signer, witness_cosigner

from hisn.core.keys import PublicKey
from hisn.node.auth import Doorkeeper, RequestSigner
from hisn.node.http import Services, make_app
from hisn.node.intake import Patience
from hisn.node.known import origin_hash
from hisn.node.mirror import Mirror
from hisn.node.quota import Quota
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.witness import Witness
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister

T = TypeVar("T")
NORTH_ACT = signer(11).ed25519


class Listed:
    """Know the members of a unit of tests by their act keys."""

    def __init__(self, **keys: PublicKey) -> None:
        self.keys = {"north.example/log": NORTH_ACT.public} | keys

    def request_key(self, origin: str) -> PublicKey | None:
        return self.keys.get(origin)


@dataclass
class Node:
    """Hold the parts of one node, for tests to look into."""

    logs: tuple[SampleLog, ...]
    own: str = OWN
    number: int = 1
    quota: Quota | None = None
    patience: Patience = field(default_factory=Patience)
    readers: Callable[[str, str], bool] = lambda _member, _digest: True
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    register: MemoryRegister = field(default_factory=MemoryRegister)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        suspects = Suspects(BlobSuspects(self.blobs), self.register)
        self.rooms = Rooms(self.own, KnownLogs(*self.logs), self.register, suspects)
        self.witness = Witness(self.rooms, witness_cosigner(self.number), self.clock)
        self.mirror = Mirror(
            self.rooms, mirror_cosigner(self.number), self.clock, blobs=self.blobs, tickets=Tickets(bytes(32))
        )
        self.door = Doorkeeper(self.own, Listed(), self.clock)
        self.north = RequestSigner("north.example/log", NORTH_ACT, self.clock)

    @property
    def services(self) -> Services:
        return Services(
            blobs=self.blobs,
            own_log=origin_hash(self.own),
            door=self.door,
            may_read=self.readers,
            witness=self.witness,
            mirror=self.mirror,
            quota=self.quota,
            patience=self.patience,
        )

    def app(self) -> Starlette:
        return make_app(self.services)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def call(
    app: Starlette, method: str, path: str, content: Any = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return await client.request(method, path, content=content, headers=headers)

    return run(ask())
