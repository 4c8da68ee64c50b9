"""Mirror the logs of others: keep every entry, and sign what is kept (C2SP tlog-mirror).

Three states of a log, each durable: the *pending* checkpoint, which was proven to go on from the
one before; the *next entry*, up to which entries are here; and the mirror's own checkpoint, which
it has signed because all of its entries are here.  Only add-checkpoint moves the first, and it
never signs; only add-entries moves the others.
"""

from __future__ import annotations

import threading

from hisn.core.clock import Clock
from hisn.node.answer import Answer, refusal
from hisn.node.body import MIRROR_INFO_TYPE, MirrorInfo, format_mirror_info
from hisn.node.copy import LogCopy
from hisn.node.entries import UploadHead
from hisn.node.held import Held, format_held, parse_held
from hisn.node.known import origin_hash
from hisn.node.quota import Quota
from hisn.node.ratchet import Ratchet, Rooms
from hisn.node.subtrees import sign_subtree
from hisn.node.ticket import Tickets
from hisn.node.upload import Admitted, Upload
from hisn.node.witness import Cosigning
from hisn.tlog.ports import Blobs, Conflict
from hisn.tlog.sign import Cosigner

MAX_EXCESS = 32 * 256
"""Entries sent again that are here already; a client that lags further behind is told so first."""


class _Pending:
    """Store what passed every check, unsigned: a mirror signs what it holds, which is later."""

    def endorse(self, new: Held, held: Held | None) -> Held:
        return held if held and held.size == new.size else new

    def lines(self, _stored: Held) -> bytes:
        return b""


class Mirror:
    """Answer the calls of tlog-mirror for every known log but the node's own.

    Calls from several threads are safe, and uploads of one log may run side by side.
    """

    def __init__(
        self,
        rooms: Rooms,
        cosigner: Cosigner,
        clock: Clock,
        *,
        blobs: Blobs,
        tickets: Tickets,
        quota: Quota | None = None,
    ) -> None:
        self._rooms = rooms
        self._cosigner = cosigner
        self._cosigning = Cosigning(cosigner, clock)
        self._pending = Ratchet("mirror-pending", rooms, _Pending(), quota)
        self._blobs = blobs
        self._tickets = tickets
        self._copies: dict[str, LogCopy] = {}
        self._copies_turn = threading.Lock()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer add-checkpoint: move the pending checkpoint, sign nothing. Raises StorageError."""
        return self._pending.advance(body)

    def sign_subtree(self, body: bytes) -> Answer:
        """Answer sign-subtree for checkpoints that this mirror has signed."""
        return sign_subtree(body, self._rooms, self._cosigner)

    def add_entries(self) -> Upload:
        """Begin an upload, to be fed with the body of add-entries."""
        return Upload(self)

    def checkpoint(self, log: str) -> bytes | None:
        """Return the checkpoint that this mirror has signed of the log with this origin hash."""
        held = self._signed(log)[1]
        return held.note if held else None

    def file(self, log: str, name: str) -> bytes | None:
        """Return a tile or bundle of the copy of the log with this origin hash."""
        return self._blobs.get(f"mirror/{log}/{name}")

    def admit(self, head: UploadHead) -> Admitted | Answer:
        """Return what an upload is for, or why it is refused, in the order of the specification."""
        if self._rooms.find(head.origin) is None:
            return refusal(404, "the log is not known here")
        if unfit := self._rooms.unfit(head.origin):
            return unfit
        log = origin_hash(head.origin)
        pending = self._pending.held(log)
        if pending is None:
            return refusal(422, "no checkpoint of the log was added here yet")
        signed = self._signed(log)[1]
        copy = self._copy(log)
        target = self._target(head, pending, signed)
        next_entry = copy.next_entry()
        if target is None or head.end < (signed.size if signed else 0):
            return self._info(409, pending, next_entry)
        if head.start > next_entry or min(head.end, next_entry) - head.start > MAX_EXCESS:
            return self._info(409, target, next_entry)
        return Admitted(copy, target)

    def progress(self, admitted: Admitted) -> Answer:
        """Answer an upload that has brought something and not all: 202."""
        return self._info(202, admitted.target, admitted.copy.next_entry())

    def conclude(self, admitted: Admitted) -> Answer:
        """Sign the checkpoint at the upload's end, now that all its entries are durable: 200.

        The mirror's checkpoint never goes back: where another upload has gone further, this one is
        told so (409).
        """
        copy, target = admitted.copy, admitted.target
        with copy.turn:
            copy.complete(target.size, target.root)
            while True:
                row, signed = self._signed(copy.log)
                if signed and target.size < signed.size:
                    pending = self._pending.held(copy.log) or target
                    return self._info(409, pending, copy.next_entry())
                new = self._cosigning.endorse(target, signed)
                if new != signed:
                    try:
                        self._rooms.register.swap(f"mirror/{copy.log}", row, format_held(new))
                    except Conflict:
                        continue
                copy.publish(new.note)
                copy.collect(signed.size if signed else 0, new.size)
                return Answer(200, self._cosigning.lines(new))

    def _target(self, head: UploadHead, pending: Held, signed: Held | None) -> Held | None:
        """Return the checkpoint at the upload's end, if it is one that was proven here."""
        if head.end == pending.size:
            return pending
        if signed and head.end == signed.size:
            return self._cosigning.unsigned(signed)
        return self._tickets.redeem(head.ticket, head.origin, head.end)

    def _info(self, status: int, valid: Held, next_entry: int) -> Answer:
        info = MirrorInfo(valid.size, next_entry, self._tickets.issue(valid))
        return Answer(status, format_mirror_info(info), MIRROR_INFO_TYPE)

    def _signed(self, log: str) -> tuple[bytes | None, Held | None]:
        row = self._rooms.register.get(name := f"mirror/{log}")
        return row, parse_held(name, row)

    def _copy(self, log: str) -> LogCopy:
        with self._copies_turn:
            if log not in self._copies:
                self._copies[log] = LogCopy(log, self._blobs, self._rooms.register)
            return self._copies[log]
