"""Put whole nodes together for tests: a log, a witness and a mirror behind one application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from tests.unit.node.samples import (
    ORIGIN,
    OWN,
    KnownLogs,
    SampleLog,
    mirror_cosigner,
    signer,
    witness_cosigner,
)

from hisn.core.keys import PublicKey
from hisn.node.auth import Doorkeeper, RequestSigner
from hisn.node.client import Caller
from hisn.node.http import Services, make_app
from hisn.node.intake import Patience
from hisn.node.known import origin_hash
from hisn.node.mirror import Mirror
from hisn.node.publish import Publisher
from hisn.node.published import Haste, Published
from hisn.node.quota import Quota
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.witness import Witness
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.policy import Group, LogLine, Policy, WitnessLine
from hisn.tlog.sign import LogSigner

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


class Hosts(httpx.AsyncBaseTransport):
    """Be the network: host names are applications; one that is not listed is away."""

    def __init__(self, **apps: Starlette) -> None:
        self.apps = {name: httpx.ASGITransport(app, raise_app_exceptions=False) for name, app in apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        app = self.apps.get(request.url.host)
        if app is None:
            raise httpx.ConnectError("nobody is there")
        return await app.handle_async_request(request)


class Unit:
    """Hold a log of one member and witnesses of it, each in a node of its own, over a network of names."""

    def __init__(self, count: int, k: int | None = None) -> None:
        self.clock = FakeClock()
        self.log_signer = LogSigner(ORIGIN, signer(1), self.clock)
        self.blobs, self.register = MemoryBlobs(), MemoryRegister()
        self.writer = LogWriter.create(self.log_signer, self.blobs, self.register)
        # A log that grows through its writer; the sample only lends its keys.
        keys = SampleLog()
        self.nodes = {
            f"w{number}": Node((keys,), f"own{number}", number, clock=self.clock)
            for number in range(1, count + 1)
        }
        self.hosts = Hosts(**{name: node.app() for name, node in self.nodes.items()})
        self.policy = policy_of({name: f"http://{name}/witness" for name in self.nodes}, k)
        self.haste = Haste(whole_s=5, grace_s=1)

    def grow(self, count: int = 1) -> None:
        size = self.writer.head().checkpoint.size
        self.writer.append([b"entry %d" % number for number in range(size, size + count)])

    def publisher(self) -> Publisher:
        return Publisher(self.writer, self.policy, register=self.register, clock=self.clock, haste=self.haste)

    def publish(self, transport: httpx.AsyncBaseTransport | None = None) -> Published:
        async def work() -> Published:
            async with Caller(transport=transport or self.hosts) as caller:
                return await self.publisher().publish(caller)

        return run(work())


def policy_of(urls: dict[str, str], k: int | None = None) -> Policy:
    """Write the policy of the sample log: its n-th witness lives at the n-th address."""
    lines: list[WitnessLine] = []
    groups: list[Group] = []
    for number, (name, url) in enumerate(urls.items(), 1):
        names = (f"{name}.ed", f"{name}.pq")
        vkeys = witness_cosigner(number).keys.vkeys
        lines += [WitnessLine(line, vkey, url) for line, vkey in zip(names, vkeys, strict=True)]
        groups.append(Group(name, 2, names))
    count = len(groups)
    if groups:
        groups.append(Group("QUORUM", k or 2 * count // 3 + 1, tuple(group.name for group in groups)))
    logs = tuple(LogLine(vkey) for vkey in SampleLog().signer.keys.vkeys)
    return Policy(logs, tuple(lines), tuple(groups), "QUORUM" if groups else "none")
