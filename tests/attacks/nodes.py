"""Run whole nodes on loopback, each with a log, a witness and a mirror, who know each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from tests.unit.node.services import run

from hisn.core.keys import PublicKey
from hisn.core.signers import dual_from_seed
from hisn.node.auth import Doorkeeper, RequestSigner
from hisn.node.client import Caller, Deadlines
from hisn.node.http import Services, make_app
from hisn.node.known import KnownLog, origin_hash
from hisn.node.mirror import Mirror
from hisn.node.publish import Publisher
from hisn.node.published import Haste, Published
from hisn.node.ratchet import Rooms
from hisn.node.replicate import Copied, MirrorPeer, replicate
from hisn.node.serve import Listen, NodeServer
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.without import Missing
from hisn.node.witness import Witness
from hisn.storage.blobs import FileBlobs
from hisn.storage.register import SqliteRegister
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.append import LogWriter
from hisn.tlog.policy import Group, LogLine, Policy, WitnessLine
from hisn.tlog.sign import Cosigner, LogSigner


class Gate:
    """Stand before an application that is known only later, or replaced by a liar."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is None:
            raise RuntimeError("nobody is behind the gate yet")
        await self.app(scope, receive, send)


@dataclass
class Member:
    """Hold one member's node: what it keeps, what it signs with, and where it is."""

    number: int
    clock: FakeClock
    blobs: MemoryBlobs | FileBlobs = field(default_factory=MemoryBlobs)
    register: MemoryRegister | SqliteRegister = field(default_factory=MemoryRegister)
    gate: Gate = field(default_factory=Gate)
    url: str = ""
    policy: Policy | None = None

    def __post_init__(self) -> None:
        self.origin = f"member{self.number}.example"
        log, act, witness, mirror = (dual_from_seed(bytes([self.number, role]) * 16) for role in range(4))
        self.log_signer = LogSigner(self.origin, log, self.clock)
        self.act = act
        self.cosigner = Cosigner(self.origin, witness)
        self.mirror_cosigner = Cosigner(f"{self.origin}/mirror", mirror)
        self.writer = LogWriter.create(self.log_signer, self.blobs, self.register)
        self.signer = RequestSigner(self.origin, act.ed25519, self.clock)

    def start(self, unit: Unit) -> None:
        """Put the services together, as they know the other members."""
        suspects = Suspects(BlobSuspects(self.blobs), self.register)
        self.rooms = Rooms(self.origin, unit, self.register, suspects)
        self.witness = Witness(self.rooms, self.cosigner, self.clock)
        self.mirror = Mirror(
            self.rooms, self.mirror_cosigner, self.clock, blobs=self.blobs, tickets=Tickets(bytes(32))
        )
        self.gate.app = make_app(
            Services(
                blobs=self.blobs,
                own_log=origin_hash(self.origin),
                door=Doorkeeper(self.origin, unit, self.clock),
                may_read=lambda _member, _digest: True,
                witness=self.witness,
                mirror=self.mirror,
            )
        )

    def append(self, count: int = 1) -> None:
        size = self.writer.head().checkpoint.size
        self.writer.append([f"{self.origin} {number}".encode() for number in range(size, size + count)])

    def publish(self, haste: Haste | None = None) -> Published:
        if self.policy is None:
            raise RuntimeError("no policy yet")
        haste = haste or Haste(whole_s=5, grace_s=0.5)
        return Publisher(
            self.writer, self.policy, register=self.register, clock=self.clock, haste=haste
        ).publish_now()

    def replicate_to(self, other: Member) -> Copied | Missing:
        head = self.writer.published()
        if head is None:
            raise RuntimeError("nothing is published yet")

        def get(name: str) -> bytes | None:
            return self.blobs.get(f"log/{origin_hash(self.origin)}/{name}")

        async def work() -> Copied | Missing:
            async with Caller(self.signer, deadlines=Deadlines(whole_s=30)) as caller:
                peer = MirrorPeer(f"{other.url}/mirror", other.mirror_cosigner.keys, other.origin)
                return await replicate(caller, peer, head, get, self.clock)

        return run(work())


class Unit:
    """Hold the members of a unit: the roster that each of them goes by."""

    def __init__(self, members: list[Member]) -> None:
        self.members = {member.origin: member for member in members}

    def find(self, origin: str) -> KnownLog | None:
        member = self.members.get(origin)
        return KnownLog.of_member(member.log_signer.keys) if member else None

    def request_key(self, origin: str) -> PublicKey | None:
        member = self.members.get(origin)
        return member.act.public.ed25519 if member else None

    def policy(self, member: Member) -> Policy:
        """Return the policy for one member's log: two thirds of the others, and one more."""
        lines: list[WitnessLine] = []
        groups: list[Group] = []
        for other in self.members.values():
            if other is member:
                continue
            names = (f"{other.origin}.ed", f"{other.origin}.pq")
            vkeys = other.cosigner.keys.vkeys
            lines += [
                WitnessLine(name, vkey, f"{other.url}/witness")
                for name, vkey in zip(names, vkeys, strict=True)
            ]
            groups.append(Group(other.origin, 2, names))
        k = 2 * len(groups) // 3 + 1
        groups.append(Group("QUORUM", k, tuple(group.name for group in groups)))
        logs = tuple(LogLine(vkey) for vkey in member.log_signer.keys.vkeys)
        return Policy(logs, tuple(lines), tuple(groups), "QUORUM")


@contextmanager
def running(count: int, home: Path | None = None) -> Iterator[list[Member]]:
    """Run a unit of so many members while the block runs, on a real disk if `home` is given."""
    clock = FakeClock()
    members = [Member(number, clock, *_storage(home, number)) for number in range(1, count + 1)]
    servers = [NodeServer(member.gate, Listen()) for member in members]
    with ExitStack() as stack:
        for member, server in zip(members, servers, strict=True):
            member.url = stack.enter_context(server.background())
        unit = Unit(members)
        for member in members:
            member.start(unit)
            member.policy = unit.policy(member)
        try:
            yield members
        finally:
            # All at once: each takes a fifth of a second.
            for server in servers:
                server.stop()
    for member in members:
        if isinstance(member.register, SqliteRegister):
            member.register.close()


def _storage(home: Path | None, number: int) -> tuple[Any, Any]:
    if home is None:
        return MemoryBlobs(), MemoryRegister()
    folder = home / str(number)
    folder.mkdir()
    return FileBlobs(folder), SqliteRegister(folder / "commit.db")
