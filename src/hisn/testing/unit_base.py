"""Run the nodes of a unit in memory, with its network, its clock and its rosters.

`hisn.testing.unit_simulator` adds evidence and verification to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from hisn.acts.statement import Head, Statement, check_body
from hisn.core.keys import DualPublic
from hisn.core.signers import DualSigner
from hisn.errors import VerificationError
from hisn.evidence.sealed_map import parse_map
from hisn.node.known import origin_hash
from hisn.node.publish import Publisher
from hisn.node.published import Published
from hisn.node.replicate import Copied, MirrorPeer, replicate
from hisn.node.without import Missing
from hisn.testing.fake_clock import FakeClock
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.testing.seeded_entropy import SeededEntropy
from hisn.testing.unit_log import Logged, Snapshot, blob_name
from hisn.testing.unit_nodes import MIRROR_SUFFIX, MemberNode, Node
from hisn.testing.unit_office import Office, found_unit, member_offices, outside_offices
from hisn.testing.unit_wire import Network
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.tlog.cosign import CosignerKeys
from hisn.tlog.policy import Policy
from hisn.tlog.tile import Get
from hisn.unit.draft import Change, Rotate, make_roster
from hisn.unit.enrol import assemble_roster, sign_roster
from hisn.unit.publishing import publishing_policy
from hisn.unit.quorum import witnesses_of
from hisn.unit.roster import new_keys, verify_epoch
from hisn.unit.rosterdoc import Roster, safe_quorum

_GENERATIONS = 8


class UnitNodes:
    """Run the nodes of one unit.

    Members are named by their place, `north`, `south` and so on, or by their whole id; outside
    witnesses are `w1.example`, `w2.example`.  Each stands on a side of its own but for those in
    `sides`, which maps places to sides.
    """

    def __init__(
        self, *, members: int = 4, outside: int = 2, sides: dict[str, str] | None = None, seed: int = 0
    ) -> None:
        self.seed = seed
        self.clock = FakeClock()
        self.network = Network()
        self.offices = {
            each.name: each
            for each in (*member_offices(members, sides, seed), *outside_offices(outside, seed))
        }
        founded = found_unit(tuple(self.offices.values()))
        self.charter = founded.charter
        self.envelopes = [founded.envelope]
        self.chain = [founded.roster]
        self.nodes: dict[str, Node] = {}
        for office in self.offices.values():
            self._settle(office)

    def _settle(self, office: Office) -> None:
        entropy = SeededEntropy(self.seed, office.name)
        if office.is_member:
            node: Node = MemberNode(office, self.clock, entropy)
        else:
            node = Node(office, self.clock, MemoryBlobs(), MemoryRegister())
        self.nodes[office.name] = node
        node.adopt(self.chain)
        self.network.nodes[office.name] = node

    @property
    def genesis(self) -> bytes:
        """Return the digest that a stranger must be told."""
        return self.charter.genesis

    @property
    def members(self) -> dict[str, MemberNode]:
        """Return the nodes of the members, by id."""
        return {name: node for name, node in self.nodes.items() if isinstance(node, MemberNode)}

    def __getitem__(self, name: str) -> MemberNode:
        return self.members[self.full(name)]

    def node(self, name: str) -> Node:
        """Return the node of a member or of an outside witness."""
        return self.nodes[self.full(name)]

    def full(self, name: str) -> str:
        """Return the whole id of a place."""
        return name if "." in name else f"{name}.example"

    def witnesses(self, name: str) -> tuple[str, ...]:
        """Return who witnesses a member's log."""
        return tuple(each.name for each in witnesses_of(self.chain[-1], self.full(name)))

    def quorum(self, name: str) -> int:
        """Return how many of them must cosign: k of n, so that f = n - k may lie."""
        return safe_quorum(len(self.witnesses(name)))

    def liars(self, name: str) -> int:
        """Return f: how many witnesses of a member's log may lie."""
        return len(self.witnesses(name)) - self.quorum(name)

    def policy(self, node: MemberNode) -> Policy:
        """Return the policy by which a node publishes, with the addresses of its witnesses."""
        policy = publishing_policy(node.roster, node.name, node.face.size)
        members = {each.id for each in node.roster.members}
        lines = (
            replace(line, url=f"{line.url}/witness") if line.vkey.name in members else line
            for line in policy.witnesses
        )
        return replace(policy, witnesses=tuple(lines))

    def publish(self, name: str) -> Published:
        """Ask every witness for the newest state of a log, and publish it with a quorum."""
        node = self[name]
        publisher = Publisher(node.face.writer, self.policy(node), register=node.register, clock=self.clock)
        return asyncio.run(publisher.publish(self.network.caller(node.name)))

    def replicate(self, name: str, *to: str) -> dict[str, Copied | Missing]:
        """Bring what is published of a log to mirrors, by default to every other member's."""
        node = self[name]
        head = node.published()
        others = [self.full(each) for each in to] or [each for each in self.members if each != node.name]
        return {other: self.push(name, other, head, node.face.file) for other in others} if head else {}

    def push(self, name: str, mirror: str, head: SignedCheckpoint, get: Get) -> Copied | Missing:
        """Bring one state of a log, whose files `get` gives, to one mirror."""
        node, other = self[name], self[mirror]
        member = node.roster.find(other.name)
        public = member.open_key("mirror") if member else None
        keys = CosignerKeys(other.name + MIRROR_SUFFIX, public or other.mirror_cosigner.keys.public)
        peer = MirrorPeer(f"https://{other.name}/mirror", keys, other.name)
        return asyncio.run(replicate(self.network.caller(node.name), peer, head, get, self.clock))

    def settle(self, *names: str) -> None:
        """Publish and mirror the logs named, without names all: a quiet minute."""
        for name in names or tuple(self.members):
            self.publish(name)
            self.replicate(name)

    def deliver(self, logged: Logged, *to: str) -> dict[str, bool]:
        """Let members fetch the body of an act from its author; tell who has got it.

        Whether it is the body that the act commits to they check before they keep it.
        """
        statement = logged.statement
        digest = logged.body_digest
        if statement is None or not digest:
            return {}
        got = {}
        for name in to or tuple(self.members):
            node = self[name]
            url = f"https://{logged.ref.origin}/blob/sha256/{digest.hex()}"
            reply = self.network.ask(node.name, url)
            got[node.name] = reply.status == 200 and is_body(statement, reply.body)
            if got[node.name] and node.name != logged.ref.origin:
                node.blobs.put(blob_name(digest), reply.body)
        return got

    def copy(self, reader: str, holder: str, origin: str) -> Get:
        """Return how a reader ("": a stranger) reads a holder's files of a log: its own, or its copy."""
        holder, origin = self.full(holder), self.full(origin)
        room = "log" if holder == origin else "mirror"
        sender = self.full(reader) if reader else ""

        def get(name: str) -> bytes | None:
            url = f"https://{holder}/{room}/{origin_hash(origin)}/{name}"
            reply = self.network.ask(sender, url)
            return reply.body if reply.status == 200 else None

        return get

    def restart(self, name: str) -> None:
        """Stop a node and start it again: what is not in its register and blobs is forgotten."""
        node = self.node(name)
        if isinstance(node, MemberNode):
            node.face.reopen()
        node.start()

    def backup(self, name: str) -> Snapshot:
        """Take a backup of a member's node."""
        return self[name].face.snapshot()

    def restore(self, name: str, snapshot: Snapshot) -> None:
        """Put a backup in the place of what a member's node has now."""
        self[name].face.restore(snapshot)
        self.restart(name)

    def adopt(
        self,
        *changes: Change,
        signers: Iterable[str] | None = None,
        heads: Iterable[Head] = (),
        tell: Iterable[str] | None = None,
    ) -> Roster:
        """Draft, sign and adopt an epoch; `signers` sign with their root keys, by default everybody.

        `heads` replace the published states that the epoch names.  Only the nodes in `tell` learn
        of it, by default all.  Raises PolicyError or VerificationError for one that is not valid.
        """
        known = {head.origin: head for head in (*self._published(), *heads)}
        draft = make_roster(self.charter, self.chain, known.values(), changes)
        names = [self.full(each) for each in signers] if signers is not None else list(self.members)
        keys = [self.offices[name].key("root") for name in names]
        keys += [self._holder(public) for public in new_keys(self.chain[-1], draft)]
        envelope = assemble_roster(draft.document, sign_roster(draft.document, keys))
        self.chain.append(verify_epoch(self.charter, self.chain, envelope))
        self.envelopes.append(envelope)
        for name in self.offices if tell is None else tell:
            self.tell(name)
        return self.chain[-1]

    def tell(self, name: str) -> None:
        """Let a node learn of the newest epoch."""
        self.node(name).adopt(self.chain)

    def rotate(
        self,
        name: str,
        role: str,
        *,
        until: int | None = None,
        signers: Iterable[str] | None = None,
        tell: Iterable[str] | None = None,
    ) -> Roster:
        """Replace a member's keys of a role by those of the next generation, and use them from now on."""
        node = self[name]
        is_of_log = role in node.face.generations
        held = node.face.generations if is_of_log else node.generations
        fresh = node.office.key(role, held[role] + 1).public
        adopted = self.adopt(Rotate(node.name, role, fresh, until), signers=signers, tell=tell)
        if is_of_log:
            keys = adopted.find(node.name)
            node.face.rotate(role, next(key.start for key in keys.keys if key.public == fresh) if keys else 0)
        else:
            held[role] += 1
        self.restart(name)
        return adopted

    def _published(self) -> list[Head]:
        heads = []
        for node in self.members.values():
            published = node.published()
            if published:
                head = published.checkpoint
                heads.append(Head(head.origin, head.size, head.root))
        return heads

    def _holder(self, public: DualPublic) -> DualSigner:
        """Return the keys that somebody of the unit holds, by what the roster says of them."""
        for office in self.offices.values():
            for role in office.roles:
                for generation in range(_GENERATIONS):
                    if office.key(role, generation).public == public:
                        return office.key(role, generation)
        raise ValueError("nobody in the unit holds such a key")


def is_body(statement: Statement, data: bytes) -> bool:
    """Tell whether bytes are the whole body that an act commits to."""
    try:
        is_sealed = statement.body is not None and statement.body.name == "sealed"
        check_body(statement, parse_map(data)[0].leaf if is_sealed else data)
    except VerificationError:
        return False
    return True
