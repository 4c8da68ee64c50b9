"""Let the checkpoint that a node holds of each log move forward, and never back or aside.

This is add-checkpoint of C2SP tlog-witness, as witnesses and mirrors both have it.  The checks are
in the order of the specification.  What passes them all is stored by compare-and-swap before it is
answered, so that of two requests that were checked against the same state one must begin again.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hisn.core.proof_limits import MAX_NOTE_BYTES
from hisn.errors import InputError, VerificationError
from hisn.node.answer import Answer, refusal
from hisn.node.body import (
    MAX_PROOF_LINES,
    SIZE_TYPE,
    AddCheckpoint,
    format_tree_size,
    parse_add_checkpoint,
)
from hisn.node.held import Held, format_held, parse_held
from hisn.node.known import KnownLog, Logs, origin_hash
from hisn.node.quota import Quota
from hisn.node.suspects import Suspects
from hisn.tlog.checkpoint import Checkpoint, SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.merkle import EMPTY_ROOT, verify_consistency
from hisn.tlog.ports import Conflict, Register
from hisn.tlog.sign import format_note

MAX_BODY_BYTES = MAX_NOTE_BYTES + 64 * (MAX_PROOF_LINES + 2)
"""A request of a witness's caller: one note and the lines before it. More is not read at all."""
_TRIES = 8


class Standing(Protocol):
    """Know whether this node still knows what it has signed of a log; a restored one may not."""

    def refusal(self, origin: str) -> str | None:
        """Return why nothing is signed of that log now, or None. It may ask others, and take seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Rooms:
    """Hold what the services of one node share: which logs they know, and where state is kept.

    `own_origin` is the node's own log.  A node is never a witness of it: whoever judges himself
    adds nothing.
    """

    own_origin: str
    logs: Logs
    register: Register
    suspects: Suspects
    standing: Standing | None = None

    def find(self, origin: str) -> KnownLog | None:
        """Return a known log of somebody else."""
        return None if origin == self.own_origin else self.logs.find(origin)

    def unfit(self, origin: str) -> Answer | None:
        """Return the answer of a node that may have forgotten what it has signed of a log, or None."""
        why = self.standing.refusal(origin) if self.standing else None
        return refusal(503, why) if why else None


class Endorsement(Protocol):
    """Decide what is stored and answered once a checkpoint has passed every check."""

    def endorse(self, new: Held, held: Held | None) -> Held:
        """Return what to store in place of `held`; the note of `new` has the log's signatures only."""
        ...

    def lines(self, stored: Held) -> bytes:
        """Return the body of the answer, once `stored` is durable."""
        ...


class Ratchet:
    """Hold the newest checkpoint of each log under rows `<name>/<origin hash>`.

    Calls from several threads are safe; several processes may share the register.
    """

    def __init__(self, name: str, rooms: Rooms, endorsement: Endorsement, quota: Quota | None = None) -> None:
        self._name = name
        self._rooms = rooms
        self._endorsement = endorsement
        self._quota = quota
        # Within one process requests for one log take turns, so that none has to begin again.
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def held(self, log: str) -> Held | None:
        """Return the newest checkpoint of the log with this origin hash. Raises StorageError."""
        return parse_held(row := f"{self._name}/{log}", self._rooms.register.get(row))

    def advance(self, body: bytes) -> Answer:
        """Answer add-checkpoint. Raises StorageError: then nothing was answered, and asking again is safe."""
        if len(body) > MAX_BODY_BYTES:
            return refusal(413, "the request is too long")
        try:
            request = parse_add_checkpoint(body)
            signed = parse_signed_checkpoint(request.note)
        except (InputError, VerificationError):
            return refusal(400, "the request is malformed")
        known = self._rooms.find(signed.checkpoint.origin)
        if known is None:
            return refusal(404, "the log is not known here")
        try:
            new = _as_signed(signed, known)
        except VerificationError:
            return refusal(403, "the log has not signed the checkpoint")
        if request.old > new.size:
            return refusal(400, "the old size is larger than the new one")
        if unfit := self._rooms.unfit(signed.checkpoint.origin):
            return unfit
        log = origin_hash(signed.checkpoint.origin)
        with self._turns[log]:
            for _ in range(_TRIES):
                answer = self._step(signed.checkpoint, request, new)
                if answer is not None:
                    return answer
        return refusal(503, "too many others ask about this log; ask again")

    def _step(self, checkpoint: Checkpoint, request: AddCheckpoint, new: Held) -> Answer | None:
        """Check against what is held now, and store; None if somebody else stored meanwhile."""
        log = origin_hash(checkpoint.origin)
        row = f"{self._name}/{log}"
        raw = self._rooms.register.get(row)
        held = parse_held(row, raw)
        refused = self._refuse(log, request, new, held)
        if refused:
            return refused
        if (
            self._quota
            and (held is None or new.size > held.size)
            and not self._quota.admits(checkpoint.origin)
        ):
            return refusal(429, "the log grows too often; ask again later")
        stored = self._endorsement.endorse(new, held)
        if stored != held:
            try:
                self._rooms.register.swap(row, raw, format_held(stored))
            except Conflict:
                return None
        return Answer(200, self._endorsement.lines(stored))

    def _refuse(self, log: str, request: AddCheckpoint, new: Held, held: Held | None) -> Answer | None:
        """Return why a signed checkpoint cannot follow what is held, or None; keep what is suspicious."""
        size = held.size if held else 0
        is_fork = held is not None and new.size == size and new.root != held.root
        if is_fork:
            # Kept whatever `old` says: a liar who asks with a wrong one has shown the fork all the same.
            self._keep(log, "fork", new, held)
        if request.old != size:
            return Answer(409, format_tree_size(size), SIZE_TYPE)
        if new.size == 0 and new.root != EMPTY_ROOT:
            self._keep(log, "unproven", new, held)
            return refusal(422, "an empty log has the root of the empty tree")
        if is_fork:
            return refusal(422, "this size is held with another root")
        try:
            _prove(request, new, held)
        except VerificationError:
            self._keep(log, "unproven", new, held)
            return refusal(422, "the proof does not hold")
        return None

    def _keep(self, log: str, kind: str, new: Held, held: Held | None) -> None:
        both = (held, new) if held else (new,)
        named = {f"{each.size}-{each.root.hex()}.checkpoint": each.note for each in both}
        self._rooms.suspects.keep(log, kind, named)


def move_forward(register: Register, row: str, new: Held, root_of: Callable[[int], bytes]) -> bool:
    """Put a larger state into a row whose state is its beginning; tell whether the row has moved.

    `root_of` gives the roots of the new tree's beginnings, or raises.  A row that is as large or
    larger stays.  Raises VerificationError (E3229) where one log has signed both, and neither is the
    beginning of the other.
    """
    while True:
        raw = register.get(row)
        held = parse_held(row, raw)
        if held and held.size and held.size <= new.size:
            root = new.root if held.size == new.size else root_of(held.size)
            if root != held.root:
                raise VerificationError("E3229", f"two trees of {held.size} entries are signed")
        if held and held.size >= new.size:
            return False
        try:
            register.swap(row, raw, format_held(new))
        except Conflict:
            continue
        return True


def _as_signed(signed: SignedCheckpoint, known: KnownLog) -> Held:
    """Return the text as the log signed it, with those lines alone that were verified."""
    lines = known.verify(signed)
    return Held(signed.checkpoint.size, signed.checkpoint.root, 0, format_note(signed.note.text, lines))


def _prove(request: AddCheckpoint, new: Held, held: Held | None) -> None:
    """Verify that the new tree begins with the held one. Raises VerificationError."""
    if held is not None and held.size > 0:
        verify_consistency(held.size, held.root, new.size, new.root, request.proof)
    elif request.proof:
        # Every tree begins with the empty one: a proof of that is none (tlog-witness, add-checkpoint).
        raise VerificationError("E3221", "a proof from size 0 must be empty", hint="send no lines of proof")
