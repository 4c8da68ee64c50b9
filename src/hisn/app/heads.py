"""Keep states of logs that a quorum has cosigned: others' newest ones, and own ones that others cite.

A mirror keeps a log's entries and its own signature; a proof for a stranger needs the quorum's.
Each state is a file ``heads/<hash of the origin>/<size>.checkpoint``, as it came.
"""

from __future__ import annotations

from contextlib import suppress

from hisn.acts.statement import Head
from hisn.app.home import Node, read_unit
from hisn.errors import VerificationError
from hisn.node.answer import Answer
from hisn.node.body import parse_add_checkpoint
from hisn.node.known import origin_hash
from hisn.node.mirror import Mirror
from hisn.node.quota import Quota
from hisn.node.ratchet import Rooms
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.tlog.sign import Cosigner
from hisn.unit.quorum import judge_head

MAX_HEADS = 4
"""States kept of another's log: one for which the copy of its entries is not whole yet, and older ones."""
_ENDING = ".checkpoint"


class Heads:
    """Keep cosigned states of logs in one node's folder."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._blobs = node.blobs

    def keep(self, raw: bytes) -> SignedCheckpoint:
        """Keep a cosigned checkpoint of any member's log; return it, or the one of its size kept before.

        Raises VerificationError: E3387 without a quorum, E3388 for the other side of a fork, which
        is kept as a proof, and whatever is wrong with a checkpoint.
        """
        signed = parse_signed_checkpoint(raw)
        head = signed.checkpoint
        if not self._is_reached(signed):
            raise VerificationError(
                "E3387",
                f"no quorum of witnesses has cosigned {head.origin} at {head.size} entries",
                hint="its owner publishes it with a quorum: hisn node publish",
                unchanged="it was not kept",
            )
        known = self.at(head.origin, head.size)
        if known is None:
            self._blobs.put(_name(head.origin, head.size), signed.raw)
            if head.origin != self.node.config.origin:
                self._prune(head.origin)
            return signed
        if known.checkpoint.root != head.root:
            self._keep_fork(known, signed)
        return known

    def _is_reached(self, signed: SignedCheckpoint) -> bool:
        if judge_head(self.node.rosters, signed).is_reached:
            return True
        chain = read_unit(self.node.places)[1]  # an epoch may have been adopted since the node was opened
        return len(chain) > len(self.node.rosters) and judge_head(chain, signed).is_reached

    def at(self, origin: str, size: int) -> SignedCheckpoint | None:
        """Return the state of a log at a size, if it was kept."""
        raw = self._blobs.get(_name(origin, size))
        return None if raw is None else parse_signed_checkpoint(raw)

    def find(self, head: Head) -> SignedCheckpoint | None:
        """Return the cosigned checkpoint of a state that an act cites, if it was kept."""
        known = self.at(head.origin, head.size)
        return known if known and known.checkpoint.root == head.root else None

    def newest(self, origin: str, at_most: int) -> SignedCheckpoint | None:
        """Return the newest state of a log that has no more entries than `at_most`."""
        sizes = [size for size in self._sizes(origin) if size <= at_most]
        return self.at(origin, sizes[-1]) if sizes else None

    def _sizes(self, origin: str) -> list[int]:
        folder = f"heads/{origin_hash(origin)}/"
        return [
            int(name.removeprefix(folder).removesuffix(_ENDING))
            for name in self._blobs.list(folder)
            if name.endswith(_ENDING)
        ]

    def _prune(self, origin: str) -> None:
        for size in self._sizes(origin)[:-MAX_HEADS]:
            self._blobs.delete(_name(origin, size))

    def _keep_fork(self, known: SignedCheckpoint, other: SignedCheckpoint) -> None:
        origin, size = known.checkpoint.origin, known.checkpoint.size
        both = {f"{each.checkpoint.size}-{each.checkpoint.root.hex()}": each.raw for each in (known, other)}
        Suspects(BlobSuspects(self._blobs), self.node.register).keep(origin_hash(origin), "fork", both)
        raise VerificationError(
            "E3388",
            f"{origin} signed two roots for its log of {size} entries, and a quorum cosigned both",
            hint="both are kept under state/suspect: show them to every member",
        )


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


def _name(origin: str, size: int) -> str:
    # Padded, so that names are in the order of sizes.
    return f"heads/{origin_hash(origin)}/{size:019d}{_ENDING}"
