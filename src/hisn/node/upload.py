"""Take one upload of entries, piece by piece as it arrives (C2SP tlog-mirror, add-entries).

Each package is proven against the checkpoint at the upload's end before anything of it is kept.
What was proven is committed when the upload ends, however it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hisn.core.limits import MiB
from hisn.errors import InputError, VerificationError
from hisn.node.answer import Answer, refusal
from hisn.node.copy import LogCopy
from hisn.node.entries import Package, UploadHead, UploadReader
from hisn.node.held import Held
from hisn.tlog.merkle import leaf_hash, root_of, verify_subtree_consistency

COMMIT_PACKAGES = 32
COMMIT_BYTES = 4 * MiB
"""Proven entries that wait for one barrier of the disk; beside them one package of 16 MiB at most."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Hold what an admitted upload is proven against and written to."""

    copy: LogCopy
    target: Held


class Desk(Protocol):
    """Admit uploads, and answer those that end; the mirror does both."""

    def admit(self, head: UploadHead) -> Admitted | Answer:
        """Return what the upload is for, or why it is refused."""
        ...

    def progress(self, admitted: Admitted) -> Answer:
        """Answer an upload that has brought something and not all: 202."""
        ...

    def conclude(self, admitted: Admitted) -> Answer:
        """Answer an upload after which every entry is durable: sign, 200."""
        ...


class Upload:
    """Take the body of one request; used by one thread at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._reader = UploadReader()
        self._admitted: Admitted | None = None
        self._waiting: list[bytes] = []
        self._waiting_from = 0
        self._waiting_bytes = 0
        self._proven = 0
        self._answer: Answer | None = None

    def feed(self, data: bytes) -> Answer | None:
        """Take a piece of the body; return an answer that needs not wait for the rest.

        Raises StorageError.
        """
        if self._answer is None:
            try:
                self._take(data)
            except InputError:
                # What was proven counts; what came behind it is discarded (tlog-mirror, "Processing").
                self._commit()
                self._answer = self._in_part("the upload is malformed")
        return self._answer

    def finish(self) -> Answer:
        """Answer at the end of the body, or where it broke off. Raises StorageError."""
        self._commit()
        if self._answer is None:
            if self._admitted and self._reader.is_done:
                self._answer = self._desk.conclude(self._admitted)
            else:
                self._answer = self._in_part("the upload ends before its first package")
        return self._answer

    def _in_part(self, why: str) -> Answer:
        if self._admitted and self._proven:
            return self._desk.progress(self._admitted)
        return refusal(400, why)

    def _take(self, data: bytes) -> None:
        admitted = self._admitted
        if admitted is None:
            head = self._reader.read_head(data)
            if head is None:
                return
            found = self._desk.admit(head)
            if isinstance(found, Answer):
                self._answer = found
                return
            self._admitted = admitted = found
            data = b""
        for package in self._reader.read_packages(data):
            self._accept(admitted, package)
            if self._answer:
                return

    def _accept(self, admitted: Admitted, package: Package) -> None:
        span, target = package.span, admitted.target
        leaves = [*admitted.copy.hashes(span.low, span.start), *map(leaf_hash, package.entries)]
        try:
            verify_subtree_consistency(
                span.low, span.end, target.size, root_of(leaves), target.root, package.proof
            )
        except VerificationError:
            self._commit()
            self._answer = refusal(422, "the entries are not proven to be in the log")
            return
        if not self._waiting:
            self._waiting_from = span.start
        self._waiting += package.entries
        self._waiting_bytes += sum(map(len, package.entries))
        self._proven += 1
        if self._proven % COMMIT_PACKAGES == 0 or self._waiting_bytes >= COMMIT_BYTES:
            self._commit()

    def _commit(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if waiting and self._admitted:
            self._admitted.copy.add(self._waiting_from, waiting)
