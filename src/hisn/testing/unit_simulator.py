"""Play a whole unit in memory: members, outside witnesses, their logs, mirrors and proofs.

Everything that judges is the real thing: keys and signatures, logs, witnesses, mirrors, publishing,
rosters, sealed batches and the verifier.  Only disk, network, clock and chance are stand-ins, so
that a test can lose, cut, turn back and repeat them.  `hisn.testing.liar` plays whoever lies.

::

    unit = UnitSimulator(members=4, outside=2)
    batch = unit.seal("north", [{"path": "/voter?id=1"}, {"path": "/voter?id=2"}])
    finding = unit.state("north", batch, events=[1])
    unit.publish("north")
    report = unit.verify(unit.pack("north", finding, show=["path"]))
    assert report.result is Result.VALID

The same calls draw the same keys, salts and times.  ML-DSA-44 alone takes chance of its own in when
it signs, so the bytes of its signatures differ from run to run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hisn.events.schema import Cell
from hisn.evidence.batch import Mode
from hisn.evidence.disclosure import Value
from hisn.evidence.packing import PackParts, Trust, build_fork_pack, build_pack, fork_sides
from hisn.evidence.vault import Vault
from hisn.node.cosigned import CosignedRow
from hisn.testing.memory_keystore import MemoryKeyStore
from hisn.testing.seeded_entropy import SeededEntropy
from hisn.testing.unit_base import UnitNodes
from hisn.testing.unit_evidence import Batch, Finding, logged_erasures, pack_act, seal_batch, state_finding
from hisn.testing.unit_log import Face, Logged
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.fork import Fork
from hisn.verify.check import Verifier
from hisn.verify.logged import judge_states, policy_for
from hisn.verify.steps import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Say what a pack shows, and from where.

    `show` names fields of the events; `whole` adds their records.  `answers` are rechecks and
    dissents, `heads` signed checkpoints that acts had seen.  `head` is the state that everything is
    proven under, by default the newest with the cosignatures that there are; `face` the log that is
    shown; `epochs` leaves out later rosters.
    """

    show: Sequence[str] = ()
    whole: bool = False
    answers: Sequence[Logged] = ()
    heads: Sequence[bytes] = ()
    head: SignedCheckpoint | None = None
    face: Face | None = None
    epochs: int | None = None


class UnitSimulator(UnitNodes):
    """Play one unit: see the module, and `UnitNodes` for what its nodes can do."""

    def __init__(
        self, *, members: int = 4, outside: int = 2, sides: dict[str, str] | None = None, seed: int = 0
    ) -> None:
        super().__init__(members=members, outside=outside, sides=sides, seed=seed)
        self._stores = {name: MemoryKeyStore() for name in self.members}
        self._verifier = Verifier(self.genesis)
        self._stranger = Verifier(None)

    def vault(self, name: str) -> Vault:
        """Open a member's keys of sealed evidence, as a start of its node does."""
        node = self[name]
        node_key = SeededEntropy(self.seed, f"{node.name} node key").read(32)
        return Vault(self.keys(name), node_key, node.entropy, logged_erasures=logged_erasures(node.face))

    def keys(self, name: str) -> MemoryKeyStore:
        """Return the store of a member's wrapped keys."""
        return self._stores[self.full(name)]

    def seal(
        self,
        name: str,
        records: Sequence[Mapping[str, Cell]],
        *,
        mode: Mode = "fields",
        face: Face | None = None,
        **more: Any,
    ) -> Batch:
        """Seal records as one batch of a member's log, or of another face that it shows.

        `more` is what `unit_evidence.seal_batch` takes.
        """
        return seal_batch(face or self[name].face, self.vault(name), records, mode=mode, **more)

    def state(
        self,
        name: str,
        *batches: Batch,
        events: Sequence[int] = (0,),
        fields: Mapping[str, Value] | None = None,
        face: Face | None = None,
        **header: Any,
    ) -> Finding:
        """Log a finding about the events with these numbers in each of some batches."""
        evidence = [(batch, events) for batch in batches]
        return state_finding(face or self[name].face, evidence, fields=fields, **header)

    def head(self, name: str) -> SignedCheckpoint:
        """Return the newest signed state of a log with the cosignatures that its owner has stored."""
        node = self[name]
        signed = node.face.signed()
        lines = CosignedRow(node.register, node.name).load(signed.note.text).lines
        return parse_signed_checkpoint(signed.raw + b"".join(lines[each] for each in sorted(lines)))

    def trust(self, head: SignedCheckpoint, epochs: int | None = None) -> Trust:
        """Return what a pack about a log begins with; `epochs` leaves out the later ones."""
        chain = self.chain[:epochs]
        policy = policy_for(chain, judge_states(chain, [head.raw])[head.raw])
        return Trust(genesis=self.charter.document, rosters=tuple(self.envelopes[:epochs]), policy=policy)

    def parts(self, name: str, finding: Finding, **showing: Any) -> PackParts:
        """Return the parts of a pack, which a liar may change before they are put together.

        `showing` is what `Showing` takes.
        """
        given = Showing(**showing)
        face = given.face or self[name].face
        head = given.head or self.head(name)
        acts = [pack_act(face, finding.logged, head)]
        events = []
        for batch, numbers in finding.evidence:
            events += [batch.event(len(acts), each, given.show, whole=given.whole) for each in numbers]
            acts.append(pack_act(face, batch.logged, head))
        for answer in given.answers:
            author = answer.ref.origin
            acts.append(pack_act(self[author].face, answer, self.head(author)))
        trust = self.trust(head, given.epochs)
        return PackParts(trust=trust, acts=acts, finding=0, events=events, heads=given.heads)

    def pack(self, name: str, finding: Finding, **showing: Any) -> bytes:
        """Return a proof pack of a finding, as its author makes it; `showing` is what `Showing` takes."""
        return build_pack(self.parts(name, finding, **showing))

    def fork_pack(self, fork: Fork, leaves: tuple[bytes | None, bytes | None] = (None, None)) -> bytes:
        """Return the portable proof of a fork; `leaves` are its entries where they are not withheld."""
        trust = self.trust(parse_signed_checkpoint(fork.first.checkpoint))
        return build_fork_pack(trust, *fork_sides(fork, leaves))

    def verify(self, pack: bytes, *, is_pinned: bool = True) -> Report:
        """Verify a pack as a stranger does who was told the genesis digest, or (not pinned) was not."""
        return (self._verifier if is_pinned else self._stranger).verify(pack)
