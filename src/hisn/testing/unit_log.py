"""Keep one log of a simulated member, and put signed acts into it.

An honest member has one `Face`.  A liar has several under the same keys, and shows each of them to
whom it likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement, parse_statement
from hisn.acts.write import sign_statement
from hisn.core.canon import Json
from hisn.core.clock import Clock
from hisn.core.instant import format_instant
from hisn.core.signers import DualSigner
from hisn.errors import HisnError
from hisn.evidence.disclosure import SALT_BYTES, Value, slot_count
from hisn.evidence.sealed_map import SealedMap, format_map, seal_map
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.testing.unit_office import Office
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.ports import Entropy
from hisn.tlog.proof import TlogProof
from hisn.tlog.sign import LogSigner
from hisn.tlog.staging import FormerKeys, LogNames


def blob_name(digest: bytes) -> str:
    """Return where a node keeps a body: by what its act commits to."""
    return f"blob/sha256/{digest.hex()[:2]}/{digest.hex()}"


@dataclass(frozen=True, slots=True)
class Logged:
    """Hold an entry of a log; of an act what it says, and the sealed body with all its texts."""

    ref: Ref
    leaf: bytes
    statement: Statement | None = None
    sealed: SealedMap | None = None

    @property
    def body_digest(self) -> bytes:
        """Return what the act commits to as its body, b"" where there is none."""
        return self.statement.body.sha256 if self.statement and self.statement.body else b""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold a backup of everything that a face, and the node that lives with it, keeps."""

    files: dict[str, bytes]
    values: dict[str, bytes]


class Face:
    """Hold one log under a member's keys, with its files and its register."""

    def __init__(self, office: Office, clock: Clock, entropy: Entropy) -> None:
        """Make a log without entries."""
        self.office = office
        self.clock = clock
        self.entropy = entropy
        self.blobs = MemoryBlobs()
        self.register = MemoryRegister()
        self.generations = {"act": 0, "log": 0}
        self.former: list[FormerKeys] = []
        self.writer = LogWriter.create(self.log_signer, self.blobs, self.register)
        self._seals: dict[bytes, SealedMap] = {}

    @property
    def origin(self) -> str:
        """Return the origin of the log, which is the member's id."""
        return self.office.name

    @property
    def log_signer(self) -> LogSigner:
        """Return the keys that sign checkpoints now."""
        return self.signer_of(self.office.key("log", self.generations["log"]))

    def signer_of(self, keys: DualSigner) -> LogSigner:
        """Return a signer of this log's checkpoints with any keys."""
        return LogSigner(self.origin, keys, self.clock)

    @property
    def act_signer(self) -> DualSigner:
        """Return the keys that sign acts now."""
        return self.office.key("act", self.generations["act"])

    @property
    def size(self) -> int:
        """Return how many entries the log has."""
        return self.writer.head().checkpoint.size

    def signed(self) -> SignedCheckpoint:
        """Return the newest signed checkpoint, without cosignatures."""
        return self.writer.head()

    def head(self, size: int | None = None) -> Head:
        """Return a state of the log as acts cite it, by default the newest."""
        size = self.size if size is None else size
        return Head(self.origin, size, self.writer.root(size))

    def file(self, name: str) -> bytes | None:
        """Return a file of the log by its name within it (`tlog.tile.Get`)."""
        return self.blobs.get(LogNames(self.origin).folder + name)

    def leaves(self) -> list[bytes]:
        """Return all entries."""
        return list(self.writer.entries(0, self.size))

    def seal(self, fields: Mapping[str, Value]) -> SealedMap:
        """Seal the fields of a body under fresh salts, and keep it."""
        body = seal_map(fields, self.entropy.read(SALT_BYTES * slot_count(len(fields))))
        return self.keep(body)

    def keep(self, body: SealedMap) -> SealedMap:
        """Keep a sealed body, which a liar may have made in its own way."""
        digest = sha256(body.leaf).digest()
        self._seals[digest] = body
        self.blobs.put(blob_name(digest), format_map(body))
        return body

    def statement(
        self,
        kind: str,
        public: Mapping[str, Json] | None = None,
        *,
        body: BodyRef | None = None,
        **header: Any,
    ) -> Statement:
        """Return what the next act of an honest author says; `header` replaces parts of its header."""
        size = self.size
        plain = Header(
            actor=self.origin,
            origin=self.origin,
            seq=size,
            prev=leaf_hash(self.writer.read_entry(size - 1)) if size else None,
            seen=(),
            claimed_time=format_instant(self.clock.now()),
        )
        return Statement(kind, replace(plain, **header), dict(public or {}), body)

    def record(
        self,
        kind: str,
        public: Mapping[str, Json] | None = None,
        *,
        sealed: Mapping[str, Value] | None = None,
        clear: bytes | None = None,
        signer: DualSigner | None = None,
        **header: Any,
    ) -> Logged:
        """Sign an act and put it at the end of the log. Raises ValueError for what no reader takes."""
        ref = None
        if sealed is not None:
            ref = BodyRef("sealed", sha256(self.seal(sealed).leaf).digest())
        elif clear is not None:
            ref = BodyRef("body", sha256(clear).digest())
            self.blobs.put(blob_name(ref.sha256), clear)
        statement = self.statement(kind, public, body=ref, **header)
        return self.append(sign_statement(statement, signer or self.act_signer))

    def append(self, leaf: bytes) -> Logged:
        """Put any bytes at the end of the log."""
        return self.logged(self.writer.append([leaf]).first_index)

    def logged(self, index: int) -> Logged:
        """Return an entry of the log."""
        leaf = self.writer.read_entry(index)
        ref = Ref(self.origin, index, leaf_hash(leaf))
        try:
            statement = parse_statement(parse_envelope(leaf).payload)
        except HisnError:
            return Logged(ref, leaf)
        plain = Logged(ref, leaf, statement)
        return replace(plain, sealed=self._seals.get(plain.body_digest))

    def proof(self, index: int, head: SignedCheckpoint) -> TlogProof:
        """Prove that an entry is under a checkpoint of this face, however it was cosigned."""
        return TlogProof(index, self.writer.inclusion(index, head.checkpoint.size), head.raw)

    def rotate(self, role: str, begins: int) -> None:
        """Use the next generation of keys of a role, in force for entries from `begins` on."""
        if role == "log":
            self.former.append(FormerKeys(self.log_signer.keys, begins))
        self.generations[role] += 1
        self.reopen()

    def snapshot(self) -> Snapshot:
        """Take a backup of everything."""
        return Snapshot(dict(self.blobs.files), dict(self.register.values))

    def restore(self, snapshot: Snapshot) -> None:
        """Put a backup in the place of everything, as an operator does after a broken disk."""
        self.blobs.files = dict(snapshot.files)
        self.register.values = dict(snapshot.values)
        self.reopen()

    def reopen(self) -> None:
        """Open the log as a process does that has just started."""
        self.writer = LogWriter.open(self.log_signer, self.blobs, self.register, self.former)

    def branch(self, at: int | None = None) -> Face:
        """Return another log under the same keys, with the first `at` entries of this one."""
        other = Face(self.office, self.clock, self.entropy)
        other.generations = dict(self.generations)
        other._seals = dict(self._seals)
        bodies = {name: data for name, data in self.blobs.files.items() if name.startswith("blob/")}
        other.blobs.files |= bodies
        entries: Sequence[bytes] = list(self.writer.entries(0, self.size if at is None else at))
        if entries:
            other.writer.append(entries)
        return other
