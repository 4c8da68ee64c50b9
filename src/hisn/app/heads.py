"""Keep states of logs that a quorum has cosigned: others' newest ones, and own ones that others cite.

A mirror keeps a log's entries and its own signature; a proof for a stranger needs the quorum's.
Each state is a file ``heads/<hash of the origin>/<size>.checkpoint``, as it came.  Of another's log
the newest few are there; those that an own act cites stay for ever, in ``cited/``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from hisn.acts.statement import Head
from hisn.app.home import Node, read_unit
from hisn.core.canon import MAX_EXACT
from hisn.errors import VerificationError
from hisn.node.known import origin_hash
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.tlog.checkpoint import SignedCheckpoint, parse_signed_checkpoint
from hisn.unit.quorum import judge_head

MAX_HEADS = 4
"""States kept of another's log: one for which the copy of its entries is not whole yet, and older ones."""
MAX_CITED = 32
"""Logs that one act cites: under the longest names they take 10 of the 32 KiB that an act may have."""
_ENDING = ".checkpoint"
_KEPT, _CITED = "heads", "cited"


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
        for folder in (_KEPT, _CITED):
            raw = self._blobs.get(_name(head.origin, head.size, folder))
            known = None if raw is None else parse_signed_checkpoint(raw)
            if known and known.checkpoint.root == head.root:
                return known
        return None

    def cite(self) -> tuple[Head, ...]:
        """Return the newest cosigned state of each other member's log, and keep it for the packs to come.

        An act that cites them was made after them.  A lone office has none to cite: outside witnesses
        have no log here.  Raises StorageError.
        """
        own = self.node.config.origin
        others = sorted(each.id for each in self.node.roster.active if each.id != own)
        newest = [head for origin in others if (head := self.newest(origin, MAX_EXACT))][:MAX_CITED]
        names = [_name(head.checkpoint.origin, head.checkpoint.size, _CITED) for head in newest]
        self._blobs.put_many(
            [(name, head.raw) for name, head in zip(names, newest, strict=True) if not self._blobs.get(name)]
        )
        return tuple(Head(each.origin, each.size, each.root) for each in (head.checkpoint for head in newest))

    def proving(self, cited: Iterable[Head]) -> Iterator[bytes]:
        """Yield the kept checkpoints of states that acts cite, as far as they count by the roster in force.

        A log's owner can have revoked the keys that signed one: with it no pack would verify.
        """
        for head in dict.fromkeys(cited):
            with suppress(VerificationError):
                known = self.find(head)
                if known and judge_head(self.node.rosters, known).is_reached:
                    yield known.raw

    def newest(self, origin: str, at_most: int) -> SignedCheckpoint | None:
        """Return the newest state of a log that has no more entries than `at_most`."""
        sizes = [size for size in self._sizes(origin) if size <= at_most]
        return self.at(origin, sizes[-1]) if sizes else None

    def newest_of(self, log: str) -> bytes | None:
        """Return the newest state that was kept of the log with this origin hash, as it came."""
        names = [name for name in self._blobs.list(f"heads/{log}/") if name.endswith(_ENDING)]
        return self._blobs.get(names[-1]) if names else None

    def _sizes(self, origin: str) -> list[int]:
        folder = f"{_KEPT}/{origin_hash(origin)}/"
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


def _name(origin: str, size: int, folder: str = _KEPT) -> str:
    # Padded, so that names are in the order of sizes.
    return f"{folder}/{origin_hash(origin)}/{size:019d}{_ENDING}"
