"""Witness the logs of others: sign what goes on from what was seen (C2SP tlog-witness).

A cosignature says: at this time, this was the largest tree that I have seen of this log.  So the
times given for one log never go back, whatever the clock does.
"""

from __future__ import annotations

from dataclasses import replace

from hisn.core.clock import Clock
from hisn.node.answer import Answer
from hisn.node.held import Held
from hisn.node.quota import Quota
from hisn.node.ratchet import Ratchet, Rooms
from hisn.node.subtrees import sign_subtree
from hisn.tlog.note import NoteSignature, parse_note
from hisn.tlog.sign import Cosigner, add_signatures, format_note, signature_line


class Cosigning:
    """Sign accepted checkpoints for one cosigner, at times that never go back."""

    def __init__(self, cosigner: Cosigner, clock: Clock) -> None:
        self._cosigner = cosigner
        self._clock = clock

    def endorse(self, new: Held, held: Held | None) -> Held:
        """Return the checkpoint with the cosigner's lines, or what is held if that says the same."""
        time_s = max(1, self._clock.now() // 1_000_000, held.time_s if held else 0)
        text = parse_note(new.note).text
        if held and held.time_s == time_s and parse_note(held.note).text == text:
            # Asked twice within one second, or after the clock went back: the same lines again.
            return held
        lines = self._cosigner.cosign(text, time_s)
        return replace(new, time_s=time_s, note=add_signatures(new.note, lines))

    def lines(self, stored: Held) -> bytes:
        """Return the cosigner's own lines of a stored checkpoint."""
        signatures = parse_note(stored.note).signatures
        return b"".join(signature_line(line) for line in signatures if self._is_own(line))

    def unsigned(self, stored: Held) -> Held:
        """Return a stored checkpoint without the cosigner's own lines."""
        note = parse_note(stored.note)
        others = [line for line in note.signatures if not self._is_own(line)]
        return replace(stored, time_s=0, note=format_note(note.text, others))

    def _is_own(self, line: NoteSignature) -> bool:
        return any(key.signed(line) for key in self._cosigner.keys.vkeys)


class Witness:
    """Answer the calls of tlog-witness for every known log but the node's own.

    State is one register row for each log, durable before the answer.  Calls from several threads
    are safe.
    """

    def __init__(self, rooms: Rooms, cosigner: Cosigner, clock: Clock, quota: Quota | None = None) -> None:
        self._rooms = rooms
        self._cosigner = cosigner
        self._ratchet = Ratchet("witness", rooms, Cosigning(cosigner, clock), quota)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer add-checkpoint: cosign a checkpoint that goes on from the last one. Raises StorageError."""
        return self._ratchet.advance(body)

    def sign_subtree(self, body: bytes) -> Answer:
        """Answer sign-subtree for checkpoints that this witness has signed."""
        return sign_subtree(body, self._rooms, self._cosigner)

    def checkpoint(self, log: str) -> bytes | None:
        """Return the last checkpoint cosigned of the log with this origin hash, with both signatures."""
        held = self._ratchet.held(log)
        return held.note if held else None
