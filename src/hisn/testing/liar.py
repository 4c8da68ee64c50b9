"""Lie as a member, a witness or a thief can: with its own keys, those it stole, and nobody else's.

::

    unit = UnitSimulator()
    liar = Liar(unit, "north")
    other = liar.fork()                      # a second log under the same keys
    other.record("observation", {"what": "another truth", "digest": "00" * 32})
    statuses = liar.show(other, "south")     # 422: south has seen the first
    friends = Colluders(unit, "east")        # a witness that signs whatever it is shown
    head = liar.cosigned(other, friends)

Whoever holds the keys of a log is its owner to everybody else, so a thief is played by this class, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from hisn.core.canon import Json
from hisn.core.instant import format_instant
from hisn.core.signers import DualSigner
from hisn.errors import StorageError
from hisn.node.body import AddCheckpoint, format_add_checkpoint, parse_tree_size
from hisn.node.known import origin_hash
from hisn.node.replicate import Copied
from hisn.testing.unit_base import UnitNodes
from hisn.testing.unit_log import Face, Logged
from hisn.testing.unit_nodes import MemberNode
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.sign import Cosigner, add_signatures, sign_checkpoint
from hisn.unit.publishing import publishing_policy

_ASKED = 4


class Colluders:
    """Hold the witness keys of nodes that sign whatever they are shown, at any time they are told."""

    def __init__(self, unit: UnitNodes, *names: str) -> None:
        self._unit = unit
        self.names = tuple(unit.full(name) for name in names)

    def cosign(self, note: bytes, time_s: int | None = None) -> bytes:
        """Return a signed checkpoint with their lines added; nothing is compared or stored."""
        text = parse_signed_checkpoint(note).note.text
        now = self._unit.clock.now() // 1_000_000 if time_s is None else time_s
        for name in self.names:
            note = add_signatures(note, self.cosigner(name).cosign(text, now))
        return note

    def cosigner(self, name: str) -> Cosigner:
        """Return the keys of one of them."""
        return self._unit.node(name).cosigner


class Liar:
    """Hold the faces of one log, and show each to whom it likes."""

    def __init__(self, unit: UnitNodes, name: str) -> None:
        self._unit = unit
        self.node: MemberNode = unit[name]
        self.faces: list[Face] = [self.node.face]
        # Of each text that was signed, the lines that honest witnesses gave for it.
        self._lines: dict[bytes, dict[str, bytes]] = defaultdict(dict)

    @property
    def name(self) -> str:
        """Return the member's id."""
        return self.node.name

    @property
    def face(self) -> Face:
        """Return the face that its node serves."""
        return self.node.face

    def fork(self, at: int | None = None, face: Face | None = None) -> Face:
        """Return another log under the same keys that has the first `at` entries of a face."""
        self.faces.append((face or self.face).branch(at))
        return self.faces[-1]

    def sign(self, size: int, root: bytes, signer: DualSigner | None = None) -> bytes:
        """Return a signed checkpoint of any tree, whether it exists or not."""
        keys = self.face.log_signer if signer is None else self.face.signer_of(signer)
        return sign_checkpoint(Checkpoint(self.name, size, root), keys)

    def show(self, face: Face, *witnesses: str) -> dict[str, int]:
        """Bring the newest state of a face before witnesses, by default all; return their answers.

        It is sent with the best proof that the face has: each witness says what it has seen.
        """
        names = witnesses or self._unit.witnesses(self.name)
        return {name: self._show(face, self._unit.full(name)) for name in names}

    def _show(self, face: Face, name: str) -> int:
        signed = face.signed()
        url = self._unit.offices[name].url.removesuffix("/witness") + "/witness/add-checkpoint"
        old, size = 0, signed.checkpoint.size
        for _ in range(_ASKED):
            proof = face.writer.consistency(old, size) if 0 < old <= size else ()
            body = format_add_checkpoint(AddCheckpoint(old, proof, signed.raw))
            try:
                reply = self._unit.network.ask(self.name, url, body)
            except StorageError:
                return 0  # nobody answers
            if reply.status == 200:
                self._lines[signed.note.text][name] = reply.body
            if reply.status != 409:
                return reply.status
            old = parse_tree_size(reply.body)
            if old > size:
                break  # the witness has seen a longer log
        return 409

    def cosigned(self, face: Face, *colluders: Colluders) -> SignedCheckpoint:
        """Return the newest state of a face with every cosignature that it has got or can make."""
        signed = face.signed()
        lines = self._lines[signed.note.text]
        own = {name for group in colluders for name in group.names}
        note = signed.raw + b"".join(lines[name] for name in sorted(lines) if name not in own)
        for group in colluders:
            note = group.cosign(note)
        return parse_signed_checkpoint(note)

    def publish(self, face: Face, *colluders: Colluders) -> SignedCheckpoint | None:
        """Publish a face if its cosignatures are enough, so that its files can be shown as a log."""
        head = self.cosigned(face, *colluders)
        policy = publishing_policy(self.node.roster, self.name, head.checkpoint.size)
        if not policy.satisfied_by(head).reached:
            return None
        return face.writer.publish(head.raw, policy)

    def mirror(self, face: Face, head: SignedCheckpoint, *mirrors: str) -> dict[str, bool]:
        """Bring a face to some mirrors; tell which of them now hold it."""
        pushed = {name: self._unit.push(self.name, name, head, face.file) for name in mirrors}
        return {name: isinstance(copied, Copied) for name, copied in pushed.items()}

    def serve(self, face: Face, *readers: str) -> None:
        """Serve a face as the log to some readers; the others get the node's own."""
        for reader in readers:
            self.node.views[self._unit.full(reader) if reader else ""] = face

    def replay(self, face: Face, logged: Logged) -> Logged:
        """Put the bytes of an act, its own or another member's, at the end of a face."""
        return face.append(logged.leaf)

    def backdate(
        self, face: Face, seconds: float, kind: str = "observation", public: Mapping[str, Json] | None = None
    ) -> Logged:
        """Log an act that claims to be so many seconds older than it is."""
        claimed = format_instant(self._unit.clock.now() - round(seconds * 1_000_000))
        said = {"what": "backdated", "digest": "00" * 32} if public is None else public
        return face.record(kind, said, claimed_time=claimed)

    def equivocate(self, face: Face, logged: Logged, **changes: Any) -> Logged:
        """Log another act with the number and the predecessor of one that is in the log."""
        statement = logged.statement
        if statement is None:
            raise ValueError("an entry that is no act has no number")
        header = statement.header
        placed: dict[str, Any] = {"seq": header.seq, "prev": header.prev, "seen": header.seen}
        return face.record("observation", {"what": "otherwise", "digest": "11" * 32}, **placed | changes)

    def withhold(self, *prefixes: str) -> None:
        """Serve nothing any more whose path begins so: `log/PLACE/...`, `mirror/PLACE/...`, `blob`."""
        for prefix in prefixes:
            room, _, rest = prefix.partition("/")
            place, _, rest = rest.partition("/")
            if room in ("log", "mirror") and place:
                place = origin_hash(self._unit.full(place))
            path = "/".join(part for part in (room, place, rest) if part)
            self.node.withheld.add(f"/{path}")
