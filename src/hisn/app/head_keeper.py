"""Mirror the logs of others, and keep the quorum that comes with each upload."""

from __future__ import annotations

from contextlib import suppress

from hisn.app.heads import Heads
from hisn.errors import VerificationError
from hisn.node.answer import Answer
from hisn.node.body import parse_add_checkpoint
from hisn.node.mirror import Mirror
from hisn.node.quota import Quota
from hisn.node.ratchet import Rooms
from hisn.node.ticket import Tickets
from hisn.tlog.sign import Cosigner


class HeadKeeper(Mirror):
    """Mirror logs, and keep the cosigned state that comes with each upload.

    A mirror stores a checkpoint with the log's signature and its own alone (C2SP tlog-mirror); the
    quorum's lines in the request would be lost.
    """

    def __init__(
        self,
        heads: Heads,
        rooms: Rooms,
        cosigner: Cosigner,
        *,
        tickets: Tickets,
        quota: Quota | None = None,
    ) -> None:
        node = heads.node
        super().__init__(rooms, cosigner, node.clock, blobs=node.blobs, tickets=tickets, quota=quota)
        self._heads = heads

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer add-checkpoint as every mirror does; keep the state if a quorum has cosigned it."""
        answer = super().add_checkpoint(body)
        if answer.status == 200:
            with suppress(VerificationError):
                self._heads.keep(parse_add_checkpoint(body).note)
        return answer
