"""Read the copy of another member's log that this node's mirror keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hisn.app.admission import admit
from hisn.app.fold import Fold
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.node.copy import LogCopy
from hisn.node.known import origin_hash
from hisn.node.quota import Overrun
from hisn.storage.projection import Projection
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.tlog.merkle import inclusion_at
from hisn.tlog.ports import Blobs
from hisn.tlog.recover import bundles_between
from hisn.tlog.tile import TileReader


class MirroredLog:
    """Read a copied log up to one of its states; nothing is given out that does not lead to its root."""

    def __init__(self, blobs: Blobs, head: SignedCheckpoint) -> None:
        folder = f"mirror/{origin_hash(head.checkpoint.origin)}/"
        self._head = head
        self._reader = TileReader(
            lambda name: blobs.get(folder + name), head.checkpoint.size, head.checkpoint.root
        )

    def head(self) -> SignedCheckpoint:
        """Return the state."""
        return self._head

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the entries `[start, end)`. Raises VerificationError where the copy is not whole."""
        for index, low, high in bundles_between(start, end):
            yield from self._reader.bundle(index)[low:high]

    def read_entry(self, index: int) -> bytes:
        """Return one entry."""
        return next(self.entries(index, index + 1))

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """Prove that an entry is in the state."""
        return inclusion_at(index, self._head.checkpoint.size, self._reader)


@dataclass(frozen=True, slots=True)
class Copy:
    """Hold a copied log up to its newest state that a quorum cosigned, and its look-up table.

    The table holds what the charter's quota lets in; `overrun` says that more came in this hour.
    """

    log: MirroredLog
    fold: Fold
    overrun: Overrun | None = None


@contextmanager
def mirrored(node: Node, origin: str) -> Iterator[Copy | None]:
    """Give the copy of a member's log, None where there is none with a cosigned state.

    Raises StorageError and VerificationError where the copy is damaged, or is not what was cosigned.
    """
    name = origin_hash(origin)
    copy = LogCopy(name, node.blobs, node.register)
    head = Heads(node).newest(origin, copy.next_entry())
    if head is None:
        yield None
        return
    # The copy may have gone on from a smaller state to a larger one, and lack the last tiles of this.
    copy.complete(head.checkpoint.size, head.checkpoint.root)
    table = Projection(node.places.peer_projection(name))
    try:
        log = MirroredLog(node.blobs, head)
        fold = Fold(table, node.blobs, node.config.origin)
        size, quota = head.checkpoint.size, node.charter.acts_per_hour
        admission = admit(node.register, origin, size, quota, node.clock.now())
        fold.catch_up(log, admission.limit)
        yield Copy(log, fold, admission.overrun)
    finally:
        table.close()
