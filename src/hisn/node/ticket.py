"""Give out pending checkpoints as tickets, and take back none that was not given out.

An upload is proven against the checkpoint at its end.  While it runs, the pending checkpoint may
move on; the ticket carries the older one, so that the client's proofs stay good and the mirror
need not remember every size (C2SP tlog-mirror, add-entries).
"""

from __future__ import annotations

import hmac
from hashlib import sha256

from hisn.errors import VerificationError
from hisn.node.body import MAX_TICKET_BYTES
from hisn.node.held import Held
from hisn.tlog.checkpoint import parse_signed_checkpoint

_LABEL = b"hisn mirror ticket/1\n"
_MAC_BYTES = 32


class Tickets:
    """Make and read tickets under a key of 32 random bytes, which may be another one after a restart.

    A ticket of another key is as good as none: the client is told where to go on.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, pending: Held) -> bytes:
        """Return the ticket for a pending checkpoint, empty if its note is too long for one."""
        if len(pending.note) > MAX_TICKET_BYTES - _MAC_BYTES:
            return b""
        return self._mac(pending.note) + pending.note

    def redeem(self, ticket: bytes, origin: str, size: int) -> Held | None:
        """Return the checkpoint of a ticket of ours for that log and size, or None.

        It was verified and consistent when it was given out; the code says that it is the same.
        """
        code, note = ticket[:_MAC_BYTES], ticket[_MAC_BYTES:]
        if not hmac.compare_digest(code, self._mac(note)):
            return None
        try:
            checkpoint = parse_signed_checkpoint(note).checkpoint
        except VerificationError:
            return None
        if (checkpoint.origin, checkpoint.size) != (origin, size):
            return None
        return Held(checkpoint.size, checkpoint.root, 0, note)

    def _mac(self, note: bytes) -> bytes:
        return hmac.new(self._key, _LABEL + note, sha256).digest()
