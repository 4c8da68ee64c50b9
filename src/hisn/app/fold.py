"""Fold a log into its look-up table, from where it stopped to where the log ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hisn.acts.envelope import parse_envelope
from hisn.acts.kinds import ANSWERS, is_digest
from hisn.acts.statement import EVERYBODY, Statement, parse_statement
from hisn.app.places import blob_name
from hisn.errors import HisnError
from hisn.evidence.sealed_map import parse_map
from hisn.storage.projection import ActRow, Projection
from hisn.tlog.checkpoint import SignedCheckpoint
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.ports import Blobs

_RUN = 1_024


class FoldedLog(Protocol):
    """Read a log, the own one or the copy of another's; every entry is proven before it is given."""

    def head(self) -> SignedCheckpoint:
        """Return the state up to which entries are read."""
        ...

    def read_entry(self, index: int) -> bytes:
        """Return one entry."""
        ...

    def entries(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the entries `[start, end)`."""
        ...


@dataclass(frozen=True, slots=True)
class Appended:
    """Hold an act that was just appended: what it says, its leaf's hash, the id of a finding."""

    act: Statement
    leaf_hash: bytes
    finding: str | None = None


class Fold:
    """Hold what a log says, as a table that may be thrown away.

    `reader` is the member who folds the copy of another's log: the bodies meant for it are noted as
    wanted.
    """

    def __init__(self, projection: Projection, blobs: Blobs, reader: str = "") -> None:
        self.table = projection
        self._blobs = blobs
        self._reader = reader

    def catch_up(self, log: FoldedLog, limit: int | None = None) -> tuple[int, bytes]:
        """Fold what is new; return the size of the log and the hash of its last leaf (b"" if none).

        With a `limit` no more entries than that are folded: size and hash are those of what is.
        """
        # In this order: another process may append and fold between the two lines.
        folded, last = self.table.folded()
        size = log.head().checkpoint.size
        if folded > size or (folded and leaf_hash(log.read_entry(folded - 1)) != last):
            # The table is of another log (a folder was copied or restored): it is made again.
            self.table.clear()
        end = size if limit is None else min(size, limit)
        while (folded := self.table.folded()[0]) < end:
            leaves = list(log.entries(folded, min(end, folded + _RUN)))
            self.table.add([self._read(folded + at, leaf) for at, leaf in enumerate(leaves)])
        return self.table.folded()

    def add(self, first: int, acts: Sequence[Appended]) -> None:
        """Fold acts that were just appended, without reading and parsing them again."""
        if self.table.folded()[0] < first:
            return  # somebody cleared the table meanwhile: the next `catch_up` folds these, too
        self.table.add([_row(first + at, each) for at, each in enumerate(acts)])

    def _read(self, position: int, leaf: bytes) -> ActRow:
        hashed = leaf_hash(leaf)
        try:
            act = parse_statement(parse_envelope(leaf).payload)
        except HisnError:
            # An entry of another program: it has a place, and nothing else is known of it.
            return ActRow(position, "unknown", hashed)
        row = _row(position, Appended(act, hashed, self._finding_id(act)))
        if not self._reader:
            return row
        sort = act.body.name if act.body and _is_for(self._reader, act) else None
        return replace(row, wanted=sort, erases=_erased_body(act))

    def _finding_id(self, act: Statement) -> str | None:
        if act.kind != "finding" or act.body is None:
            return None
        body = self._blobs.get(blob_name(act.body.sha256))
        if body is None:
            return None  # erased: the act stands, its content is gone
        try:
            value = parse_map(body)[1].values.get("id")
        except HisnError:
            return None
        return value if isinstance(value, str) else None


def _is_for(reader: str, act: Statement) -> bool:
    """Tell whether a member is meant to have an act's body: named in its audience, or answered by it."""
    header = act.header
    if header.audience == EVERYBODY or reader in header.audience:
        return True
    return act.kind in ANSWERS and header.in_reply_to is not None and header.in_reply_to.origin == reader


def _erased_body(act: Statement) -> bytes | None:
    detail = act.public.get("detail") if act.kind == "key-event" else None
    digest = detail.get("body") if isinstance(detail, dict) and act.public["event"] == "erase" else None
    return bytes.fromhex(digest) if is_digest(digest) and isinstance(digest, str) else None


def _row(position: int, appended: Appended) -> ActRow:
    act = appended.act
    reply = act.header.in_reply_to
    public = act.public
    is_batch = act.kind == "batch"
    return ActRow(
        position=position,
        kind=act.kind,
        leaf_hash=appended.leaf_hash,
        body=act.body.sha256 if act.body else None,
        reply=(reply.origin, reply.index) if reply else None,
        source=bytes.fromhex(str(public["source"])) if is_batch else None,
        part=_number(public["part"]) if is_batch else 0,
        ordinal=_number(public["ordinal"]) if is_batch else 0,
        intake=bytes.fromhex(str(public["key"])) if is_batch else b"",
        finding=appended.finding,
        cited=tuple((head.origin, head.size, head.root) for head in act.header.seen),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
