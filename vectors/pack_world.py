"""Play a small unit with its logs and witnesses, to make proof packs, good ones and lies.

Everything follows from names and numbers, so the same calls make the same bytes, as far as the
signer does: `plain_signer` takes no chance in and is slow, `fast_signer` is the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256, shake_256
from itertools import count

from vectors.make_mldsa44 import is_good_norm
from vectors.signed_lines import PlainMldsa

from hisn.acts.statement import BodyRef, Head, Header, Ref, Statement
from hisn.acts.write import sign_statement
from hisn.core.canon import Json
from hisn.core.instant import Instant, format_instant
from hisn.core.keys import Algorithm
from hisn.core.signers import DualSigner, SeedSigner, dual_from_seed
from hisn.evidence.disclosure import Value, open_leaf, raw_value, slot_count, whole_leaf
from hisn.evidence.pack import Event
from hisn.evidence.packing import ForkSide, PackAct, PackParts, Trust, build_roster_fork_pack, format_body
from hisn.evidence.sealed_map import SealedMap, present, seal_map
from hisn.tlog.checkpoint import Checkpoint, parse_signed_checkpoint
from hisn.tlog.merkle import inclusion_proof, leaf_hash, root_of
from hisn.tlog.proof import TlogProof
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, format_checkpoint, sign_checkpoint
from hisn.unit.draft import Change, make_charter, make_roster
from hisn.unit.enrol import Enrolment, assemble_roster, sign_roster
from hisn.unit.roster import verify_roster_chain
from hisn.unit.rosterdoc import Roster
from hisn.verify.logged import judge_states, policy_for

NOW_S = 1_793_750_400
"""2026-11-04T00:00:00Z."""
RULE = sha256(b"rule").hexdigest()
MAPPING = sha256(b"mapping").hexdigest()
ROLES = ("act", "log", "root", "witness")

MakeSigner = Callable[[str], DualSigner]


@cache
def fast_signer(label: str) -> DualSigner:
    """Return the keys of a label; ML-DSA-44 signs otherwise each time."""
    return dual_from_seed(sha256(label.encode()).digest())


class _Remembering(PlainMldsa):
    """Sign each message once: the plain signer takes a tenth of a second."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self._signed: dict[bytes, bytes] = {}

    def sign(self, message: bytes) -> bytes:
        if message not in self._signed:
            self._signed[message] = super().sign(message)
        return self._signed[message]


@cache
def plain_signer(label: str) -> DualSigner:
    """Return keys of a label that sign the same bytes each time."""
    ed25519, mldsa = (sha256(f"{label} {algorithm.value}".encode()).digest() for algorithm in Algorithm)
    return DualSigner(SeedSigner(Algorithm.ED25519, ed25519), _Remembering(mldsa))


class _Second(PlainMldsa):
    """Sign by another signature than the plain signer's, as good as it."""

    def sign(self, message: bytes) -> bytes:
        plain = self._key.sign(message)
        others = (self._key.sign(message, _after(skipped)) for skipped in count(1))
        return next(other for other in others if other != plain)


def _after(skipped: int) -> Callable[[int], bool]:
    """Accept norms that are good, but for the first ones."""
    good = count()
    return lambda norm: is_good_norm(norm) and next(good) >= skipped


def second_signer(label: str) -> DualSigner:
    """Return the keys of `plain_signer`, which sign otherwise, and the same bytes each time."""
    ed25519, mldsa = (sha256(f"{label} {algorithm.value}".encode()).digest() for algorithm in Algorithm)
    return DualSigner(SeedSigner(Algorithm.ED25519, ed25519), _Second(mldsa))


@dataclass(frozen=True)
class _Clock:
    time_s: int

    def now(self) -> Instant:
        return Instant(self.time_s * 1_000_000)


def salts(label: str, count: int) -> bytes:
    """Return so many salts."""
    return shake_256(label.encode()).digest(16 * count)


def sealed(label: str, fields: Mapping[str, Value]) -> SealedMap:
    """Return a sealed map."""
    return seal_map(fields, salts(label, slot_count(len(fields))))


def shown_body(body: SealedMap, names: Sequence[str] | None = None) -> bytes:
    """Return the file of a body with those fields shown, by default all."""
    everything = open_leaf(present(body, [])).names
    return format_body(present(body, everything if names is None else names))


@dataclass
class Batch:
    """Hold a sealed batch: the records, the maps of mode `fields`, the leaves."""

    mode: str
    records: list[bytes]
    maps: list[SealedMap] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    @property
    def hashes(self) -> list[bytes]:
        """Return the leaf hashes."""
        return [leaf_hash(leaf) for leaf in self.leaves]

    @property
    def root(self) -> bytes:
        """Return the root of the batch's tree."""
        return root_of(self.hashes)

    def event(
        self, act: int, index: int, names: Sequence[str] = ("method", "path"), *, raw: bool = False
    ) -> Event:
        """Return an event of the batch, whose act has that number in the pack."""
        path = inclusion_proof(self.hashes, index)
        salt, record = raw_salt(self, index), self.records[index]
        if self.mode == "whole":
            return Event(act, index, path, None, record, salt)
        shown = present(self.maps[index], [*names, "_raw"] if raw else names)
        return Event(act, index, path, shown, record if raw else None, salt if raw else None)


def raw_salt(batch: Batch, index: int) -> bytes:
    """Return the raw salt of an event."""
    return salts(f"raw {batch.mode} {index}", 1)


def make_batch(mode: str = "fields", count: int = 5, label: str = "") -> Batch:
    """Return a batch of requests to a web server."""
    batch = Batch(mode, [b"10.0.0.%d GET /voter?id=%d%s" % (n, n, label.encode()) for n in range(count)])
    for index, record in enumerate(batch.records):
        fields: dict[str, Value] = {
            "client": f"10.0.0.{index}",
            "method": "GET",
            "path": f"/voter?id={index}{label}",
            "status": 200,
            "_raw": raw_value(raw_salt(batch, index), record),
            "_record": index + 1,
            "_time": "2026-11-03T20:00:00.000000Z",
        }
        if mode == "fields":
            batch.maps.append(sealed(f"event {index} {label}", fields))
        leaf = batch.maps[-1].leaf if mode == "fields" else whole_leaf(raw_salt(batch, index), record)
        batch.leaves.append(leaf)
    return batch


@dataclass(frozen=True)
class Logged:
    """Hold an act that stands in a log, and its body."""

    origin: str
    index: int
    leaf: bytes
    body: SealedMap | None

    @property
    def ref(self) -> Ref:
        """Return how other acts name it."""
        return Ref(self.origin, self.index, leaf_hash(self.leaf))


class World:
    """Hold a unit: its charter, roster epochs, logs, and every private key."""

    def __init__(
        self,
        members: Iterable[str],
        outside: Iterable[str],
        make_signer: MakeSigner = fast_signer,
        name: str = "Vesna",
    ) -> None:
        self.outside = tuple(outside)
        self.members = tuple(members)
        # A lone office is nobody's witness.
        self.roles = ROLES if len(self.members) > 1 else ROLES[:3]
        self.make_signer = make_signer
        self.name = name
        self.keys: dict[tuple[str, str], str] = {}
        enrolled = [self.enrol(each, self.roles) for each in self.members]
        guests = [self.enrol(each, ("witness",)) for each in self.outside]
        self.charter, roster = make_charter(name, enrolled, guests)
        self.logs: dict[str, list[bytes]] = {each: [] for each in self.members}
        self.seqs: dict[str, tuple[int, bytes | None]] = dict.fromkeys(self.members, (0, None))
        self.rosters = [self._adopt(roster)]

    def signer(self, name: str, role: str) -> DualSigner:
        """Return the present keys of somebody's role."""
        return self.make_signer(self.keys.setdefault((name, role), f"{name} {role} 0"))

    def enrol(self, name: str, roles: Sequence[str], url: str = "") -> Enrolment:
        """Return an enrolment; everybody here is a side of its own."""
        keys = {role: self.signer(name, role).public for role in roles}
        return Enrolment(self.name, name, name.partition(".")[0], url, keys)

    def _adopt(self, roster: Roster, extra: Iterable[DualSigner] = ()) -> bytes:
        signers = [self.signer(name, role) for name in self.members for role in self.roles]
        signers += [self.signer(name, "witness") for name in self.outside]
        in_force = {key.public for member in roster.members for key in member.keys}
        in_force |= {each.public for each in roster.witnesses}
        chosen = [signer for signer in (*signers, *extra) if signer.public in in_force]
        return assemble_roster(roster.document, sign_roster(roster.document, chosen))

    def adopt(self, changes: Iterable[Change], heads: Iterable[Head], signers: Iterable[DualSigner]) -> None:
        """Adopt a new epoch; `signers` are the root keys and the new keys."""
        chain = verify_roster_chain(self.charter.document, self.rosters)
        roster = make_roster(self.charter, chain, heads, changes)
        self.rosters.append(assemble_roster(roster.document, sign_roster(roster.document, signers)))

    def epoch(self, *changes: Change, signers: Iterable[DualSigner] | None = None) -> bytes:
        """Return a next epoch that is signed, by default with all root keys, and not adopted."""
        chain = verify_roster_chain(self.charter.document, self.rosters)
        roster = make_roster(self.charter, chain, [], changes)
        chosen = self.roots() if signers is None else signers
        return assemble_roster(roster.document, sign_roster(roster.document, chosen))

    def roster_fork(self, first: bytes, second: bytes) -> bytes:
        """Return the pack of two epochs that follow those in force."""
        return build_roster_fork_pack(self.charter.document, self.rosters, first, second)

    def roots(self) -> list[DualSigner]:
        """Return the root keys of all members."""
        return [self.signer(name, "root") for name in self.members]

    def act(
        self,
        origin: str,
        kind: str,
        public: Mapping[str, Json] | None = None,
        body: SealedMap | None = None,
        **header: object,
    ) -> Logged:
        """Sign an act and put it at the end of its log; `header` replaces parts of the header."""
        seq, prev = self.seqs[origin]
        placed = Header(
            actor=origin,
            origin=origin,
            seq=seq,
            prev=prev,
            seen=(),
            claimed_time=format_instant(NOW_S * 1_000_000),
        )
        placed = replace(placed, **header)  # type: ignore[arg-type]
        ref = BodyRef("sealed", sha256(body.leaf).digest()) if body else None
        statement = Statement(kind, placed, dict(public or {}), ref)
        return self.append(origin, sign_statement(statement, self.signer(origin, "act")), body)

    def append(self, origin: str, leaf: bytes, body: SealedMap | None = None) -> Logged:
        """Put an entry at the end of a log."""
        self.logs[origin].append(leaf)
        self.seqs[origin] = (self.seqs[origin][0] + 1, leaf_hash(leaf))
        return Logged(origin, len(self.logs[origin]) - 1, leaf, body)

    def batch(
        self,
        origin: str,
        batch: Batch,
        *,
        seen: tuple[Head, ...] = (),
        body_extra: Mapping[str, Value] | None = None,
        **public: Json,
    ) -> Logged:
        """Seal a batch; `public` and `body_extra` replace what its statement says."""
        digest = sha256(b"source").hexdigest()
        said: dict[str, Json] = {
            "source": digest,
            "part": 0,
            "ordinal": 0,
            "prev": "",
            "mode": batch.mode,
            "root": batch.root.hex(),
            "count": None,
            "ciphertext": sha256(b"ciphertext").hexdigest(),
            "raw": sha256(b"raw").hexdigest(),
            "key": sha256(b"key").hexdigest(),
            "parser": "combined",
            "mapping": MAPPING,
            "first": None,
            "last": None,
            "unparsed": None,
        }
        fields: dict[str, Value] = {
            "source": "portal/access.log",
            "count": len(batch.leaves),
            "first_record": 1,
            "last_record": len(batch.leaves),
            "first": "2026-11-03T20:00:00.000000Z",
            "last": "2026-11-03T20:00:00.000000Z",
            "unparsed": (),
            "declared": "",
        }
        label = f"batch {origin} {len(self.logs[origin])}"
        return self.act(
            origin, "batch", said | public, sealed(label, fields | dict(body_extra or {})), seen=seen
        )

    def finding(
        self, origin: str, named: Value, *, body_extra: Mapping[str, Value] | None = None, **header: object
    ) -> Logged:
        """State a finding about batches: see `hisn.verify.claim.named_batches`."""
        fields: dict[str, Value] = {
            "id": "f-" + "0" * 32,
            "title": "Voters looked up by a script",
            "level": "high",
            "count": 2,
            "rule_digest": RULE,
            "mapping": MAPPING,
            "engine": "1",
            "batches": named,
        }
        label = f"finding {origin} {len(self.logs[origin])}"
        return self.act(origin, "finding", {}, sealed(label, fields | dict(body_extra or {})), **header)

    def answer(
        self, origin: str, finding: Logged, kind: str = "recheck", rule: str = RULE, **header: object
    ) -> Logged:
        """State that a finding was rechecked, or contradicted."""
        outcome: dict[str, Json] = {"outcome": "same" if kind == "recheck" else "different"}
        fields: dict[str, Value] = {"rule_digest": rule, "mapping": MAPPING, "engine": "1"}
        label = f"{kind} {origin} {len(self.logs[origin])}"
        placed: dict[str, object] = {"in_reply_to": finding.ref, **header}
        return self.act(origin, kind, outcome, sealed(label, fields), **placed)

    def witnesses_of(self, origin: str) -> list[str]:
        """Return who may cosign a log."""
        return [each for each in (*self.members, *self.outside) if each != origin]

    def checkpoint(
        self,
        origin: str,
        size: int | None = None,
        *,
        witnesses: Sequence[str] | None = None,
        time_s: int = NOW_S,
        leaves: Sequence[bytes] | None = None,
    ) -> bytes:
        """Return a signed checkpoint with the cosignatures of witnesses, ten seconds apart."""
        entries = self.logs[origin] if leaves is None else list(leaves)
        size = len(entries) if size is None else size
        root = root_of([leaf_hash(leaf) for leaf in entries[:size]])
        log = LogSigner(origin, self.signer(origin, "log"), _Clock(time_s))
        note = sign_checkpoint(Checkpoint(origin, size, root), log)
        text = format_checkpoint(Checkpoint(origin, size, root))
        names = self.witnesses_of(origin) if witnesses is None else witnesses
        for place, name in enumerate(names, 1):
            cosigner = Cosigner(name, self.signer(name, "witness"))
            note = add_signatures(note, cosigner.cosign(text, time_s + 10 * place))
        return note

    def head(self, origin: str, size: int | None = None) -> Head:
        """Return the state of a log, as acts cite it."""
        size = len(self.logs[origin]) if size is None else size
        return Head(origin, size, root_of([leaf_hash(leaf) for leaf in self.logs[origin][:size]]))

    def proof(self, logged: Logged, checkpoint: bytes, leaves: Sequence[bytes] | None = None) -> bytes:
        """Return the C2SP proof of an act under a checkpoint."""
        entries = self.logs[logged.origin] if leaves is None else leaves
        size = parse_signed_checkpoint(checkpoint).checkpoint.size
        hashes = inclusion_proof([leaf_hash(leaf) for leaf in entries], logged.index, size)
        return format_tlog_proof(TlogProof(logged.index, hashes, checkpoint))

    def pack_act(self, logged: Logged, checkpoint: bytes, names: Sequence[str] | None = None) -> PackAct:
        """Return an act for a pack, its body with those fields shown."""
        body = shown_body(logged.body, names) if logged.body else None
        return PackAct(logged.leaf, self.proof(logged, checkpoint), body)

    def trust(self, checkpoint: bytes) -> Trust:
        """Return what a pack begins with: the policy is that of the checkpoint."""
        chain = verify_roster_chain(self.charter.document, self.rosters)
        policy = policy_for(chain, judge_states(chain, [checkpoint])[checkpoint])
        return Trust(genesis=self.charter.document, rosters=tuple(self.rosters), policy=policy)

    def side(self, logged: Logged, checkpoint: bytes, leaves: Sequence[bytes] | None = None) -> ForkSide:
        """Return an entry as one side of a fork."""
        return ForkSide(leaf=logged.leaf, proof=self.proof(logged, checkpoint, leaves))

    def hashed_side(self, logged: Logged, checkpoint: bytes) -> ForkSide:
        """Return an entry as one side of a fork, by its hash alone."""
        return ForkSide(leaf_hash=leaf_hash(logged.leaf), proof=self.proof(logged, checkpoint))


OFFICE = "office.example"
UNIT = ("ak.example", "bel.example", "civ.example")


def lone_office(make_signer: MakeSigner = fast_signer) -> World:
    """Return a unit of one member with four outside witnesses, three of which are a quorum."""
    return World([OFFICE], [f"w{n}.example" for n in range(1, 5)], make_signer, "Office")


def quiet_office(make_signer: MakeSigner = fast_signer) -> World:
    """Return a unit of one member that nobody witnesses: its packs are small."""
    return World([OFFICE], [], make_signer, "Office")


def three_members(make_signer: MakeSigner = fast_signer) -> World:
    """Return a unit of three members with two outside witnesses."""
    return World(UNIT, ["w1.example", "w2.example"], make_signer)


@dataclass
class Case:
    """Hold a plain story: one batch, one finding about two of its events, and the pack of both."""

    world: World
    batch: Batch
    batch_act: Logged
    finding: Logged
    checkpoint: bytes

    def parts(self, **changes: object) -> PackParts:
        """Return the parts of the pack: act 0 is the finding, act 1 the batch."""
        world, checkpoint = self.world, self.checkpoint
        plain: dict[str, Callable[[], object]] = {
            "trust": lambda: world.trust(checkpoint),
            "acts": lambda: [world.pack_act(each, checkpoint) for each in (self.finding, self.batch_act)],
            "finding": lambda: 0,
            "events": lambda: [self.batch.event(1, 1), self.batch.event(1, 3)],
        }
        made = {name: make() for name, make in plain.items() if name not in changes}
        return PackParts(**made, **changes)  # type: ignore[arg-type]


def named(logged: Logged, batch: Batch, *events: int) -> Value:
    """Return how a finding names events of one batch."""
    return (logged.index, batch.root.hex(), events)


def plain_case(world: World, batch: Batch | None = None, origin: str = OFFICE, **header: object) -> Case:
    """Play the plain story."""
    batch = batch or make_batch()
    batch_act = world.batch(origin, batch)
    finding = world.finding(origin, (named(batch_act, batch, 1, 3),), **header)  # type: ignore[arg-type]
    return Case(world, batch, batch_act, finding, world.checkpoint(origin))
