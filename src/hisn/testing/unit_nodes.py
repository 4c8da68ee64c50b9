"""Run the nodes of a simulated unit: the real witnesses and mirrors, each over a memory of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hisn.acts.statement import EVERYBODY, Head
from hisn.core.clock import Clock
from hisn.node.answer import Answer
from hisn.node.client import Reply
from hisn.node.known import KnownLog, origin_hash
from hisn.node.mirror import Mirror
from hisn.node.quota import Allowance, Overrun, Quota
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.witness import Witness
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.testing.unit_log import Face, blob_name
from hisn.testing.unit_office import Office
from hisn.testing.unit_wire import Request
from hisn.tlog.checkpoint import LogKeys, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.ports import Entropy
from hisn.tlog.sign import Cosigner
from hisn.tlog.tile import ENTRIES, parse_tile_path, width_at
from hisn.unit.rosterdoc import Roster

MIRROR_SUFFIX = "/mirror"
"""A mirror cosigns under a name of its own: its signature says more than the witness's."""
ALLOWANCE = Allowance(requests=100_000, size_bytes=1 << 40)
_FILE = re.compile(r"/(log|mirror)/([0-9a-f]{64})/(checkpoint|tile/.*)")
_WITNESSED = re.compile(r"/witness/([0-9a-f]{64})/checkpoint")
_BLOB = re.compile(r"/blob/sha256/([0-9a-f]{64})")


class Node:
    """Hold the node of a witness: whom it knows by the rosters it has adopted, and what it keeps.

    `allowance` is what each log may ask of it in a window; `overruns` are the reports of floods.
    """

    def __init__(self, office: Office, clock: Clock, blobs: MemoryBlobs, register: MemoryRegister) -> None:
        self.office = office
        self.clock = clock
        self.blobs = blobs
        self.register = register
        self.chain: list[Roster] = []
        self.foreign: dict[str, KnownLog] = {}
        self.generations = {"witness": 0, "mirror": 0}
        self.overruns: list[Overrun] = []
        self.allowance = ALLOWANCE
        self.start()

    @property
    def name(self) -> str:
        """Return the name that it cosigns under."""
        return self.office.name

    @property
    def roster(self) -> Roster:
        """Return the newest epoch that this node has adopted."""
        return self.chain[-1]

    @property
    def cosigner(self) -> Cosigner:
        """Return the witness's keys."""
        return Cosigner(self.name, self.office.key("witness", self.generations["witness"]))

    def start(self) -> None:
        """Start the services, as a process does: what is not in the register is forgotten."""
        self.suspects = Suspects(BlobSuspects(self.blobs), self.register)
        self.rooms = Rooms(self.name, self, self.register, self.suspects)
        self.quota = Quota(self.allowance, self.clock, self.overruns.append)
        self.witness = Witness(self.rooms, self.cosigner, self.clock, self.quota)

    def adopt(self, chain: Sequence[Roster]) -> None:
        """Take over the unit's roster as it is known here."""
        self.chain = list(chain)

    def find(self, origin: str) -> KnownLog | None:
        """Return a log that this node knows (port `Logs`): a member's, or one that it was told of."""
        member = self.roster.find(origin)
        public = member.open_key("log") if member and member.is_active else None
        return KnownLog.of_member(LogKeys(origin, public)) if public else self.foreign.get(origin)

    def is_known(self, sender: str) -> bool:
        """Tell whether a sender is an active member, to whom entries and bodies are given."""
        member = self.roster.find(sender)
        return member is not None and member.is_active

    def held(self, origin: str) -> SignedCheckpoint | None:
        """Return the last checkpoint of a log that this node has cosigned."""
        note = self.witness.checkpoint(origin_hash(origin))
        return None if note is None else parse_signed_checkpoint(note)

    def suspected(self, origin: str) -> list[bytes]:
        """Return the checkpoints of a log that were signed and are kept as suspicious, in order."""
        folder = f"state/suspect/{origin_hash(origin)}/"
        return [data for name, data in sorted(self.blobs.files.items()) if name.startswith(folder)]

    def answer(self, request: Request) -> Reply:
        """Answer as the node's HTTP skin does."""
        if request.body is not None:
            return _reply(self.post(request.path, request.body))
        data = self.get(request)
        return Reply(404, "text/plain", b"") if data is None else Reply(200, "", data)

    def post(self, path: str, body: bytes) -> Answer:
        """Answer a request that changes something."""
        match path:
            case "/witness/add-checkpoint":
                return self.witness.add_checkpoint(body)
            case "/witness/sign-subtree":
                return self.witness.sign_subtree(body)
            case _:
                return Answer(404)

    def get(self, request: Request) -> bytes | None:
        """Return what a request asks to read, or None."""
        match = _WITNESSED.fullmatch(request.path)
        return self.witness.checkpoint(match[1]) if match else None


class MemberNode(Node):
    """Hold the node of a member: its log, witness and mirror, which share one memory.

    `withheld` are beginnings of paths, such as `/log/<hash>/tile/entries`, that it does not serve.
    `views` are other faces of its log, by whom they are shown to.
    """

    def __init__(self, office: Office, clock: Clock, entropy: Entropy) -> None:
        self.face = Face(office, clock, entropy)
        self.entropy = entropy
        self.withheld: set[str] = set()
        self.views: dict[str, Face] = {}
        super().__init__(office, clock, self.face.blobs, self.face.register)

    @property
    def mirror_cosigner(self) -> Cosigner:
        """Return the mirror's keys."""
        return Cosigner(self.name + MIRROR_SUFFIX, self.office.key("mirror", self.generations["mirror"]))

    def start(self) -> None:
        """Start the services."""
        super().start()
        self.mirror = Mirror(
            self.rooms,
            self.mirror_cosigner,
            self.clock,
            blobs=self.blobs,
            tickets=Tickets(self.entropy.read(32)),
            quota=self.quota,
        )

    def published(self) -> SignedCheckpoint | None:
        """Return what is published of the own log."""
        return self.face.writer.published()

    def seen(self) -> tuple[Head, ...]:
        """Return the newest state of every other log that this node has a whole copy of, to be cited."""
        heads = []
        for member in self.roster.members:
            note = self.mirror.checkpoint(origin_hash(member.id)) if member.id != self.name else None
            if note is not None:
                head = parse_signed_checkpoint(note).checkpoint
                heads.append(Head(head.origin, head.size, head.root))
        return tuple(sorted(heads, key=lambda head: head.origin))

    def post(self, path: str, body: bytes) -> Answer:
        """Answer a request that changes something."""
        match path:
            case "/mirror/add-checkpoint":
                return self.mirror.add_checkpoint(body)
            case "/mirror/sign-subtree":
                return self.mirror.sign_subtree(body)
            case "/mirror/add-entries":
                upload = self.mirror.add_entries()
                return upload.feed(body) or upload.finish()
            case _:
                return super().post(path, body)

    def get(self, request: Request) -> bytes | None:
        """Return what a request asks to read: entries and bodies to members only."""
        if any(request.path.startswith(prefix) for prefix in self.withheld):
            return None
        if match := _FILE.fullmatch(request.path):
            return self._file(request, *match.groups())
        if match := _BLOB.fullmatch(request.path):
            digest = bytes.fromhex(match[1])
            return self.blobs.get(blob_name(digest)) if self.may_read(request.sender, digest) else None
        return super().get(request)

    def _file(self, request: Request, room: str, log: str, name: str) -> bytes | None:
        """Return a file of a log: nothing beyond the tree that is published, or that the mirror signed."""
        face = self.views.get(request.sender, self.face)
        if room == "log" and log != origin_hash(self.name):
            return None

        def get(name: str) -> bytes | None:
            if room == "log":
                return face.file(name)
            return self.mirror.checkpoint(log) if name == "checkpoint" else self.mirror.file(log, name)

        note = get("checkpoint")
        if note is None or name == "checkpoint":
            return note
        path = parse_tile_path(name)
        if path.level == ENTRIES and not self.is_known(request.sender):
            return None
        size = parse_signed_checkpoint(note).checkpoint.size
        return get(name) if path.width <= width_at(path.level, path.index, size) else None

    def may_read(self, sender: str, digest: bytes) -> bool:
        """Tell whether a member is among those whom a body of the own log was written for."""
        for index in range(self.face.size):
            logged = self.face.logged(index)
            if logged.statement and logged.body_digest == digest:
                audience = logged.statement.header.audience
                return self.is_known(sender) and (audience == EVERYBODY or sender in audience)
        return False


def _reply(answer: Answer) -> Reply:
    return Reply(answer.status, answer.content_type, answer.body)
