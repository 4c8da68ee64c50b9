"""Keep for ever what a log has signed and cannot justify.

Two checkpoints of one size with different roots are a proof of a fork, whoever holds them.  A
checkpoint whose proof failed proves nothing yet, for the proof may be the sender's fault; beside
the checkpoint it should have followed it may become half of a proof.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from hisn.core.canon import canonical, parse_canonical
from hisn.errors import StorageError, VerificationError
from hisn.tlog.ports import Blobs, Conflict, Register

MAX_SUSPECTS = 1_000
"""Checkpoints kept of one log and kind: a log can sign any number, and one fork is enough."""


class SuspectStore(Protocol):
    """Keep evidence; durable when it returns."""

    def write(self, name: str, data: bytes) -> bool:
        """Keep bytes under a name unless there are some; tell whether they are new."""
        ...


class BlobSuspects:
    """Keep evidence as blobs, under `state/suspect/`."""

    def __init__(self, blobs: Blobs, prefix: str = "state/suspect/") -> None:
        self._blobs = blobs
        self._prefix = prefix

    def write(self, name: str, data: bytes) -> bool:
        """Keep bytes under a name unless there are some; tell whether they are new."""
        if self._blobs.get(self._prefix + name) is not None:
            return False
        self._blobs.put(self._prefix + name, data)
        return True


class Suspects:
    """Keep suspicious checkpoints of every log, each once, and not without end."""

    def __init__(self, store: SuspectStore, register: Register) -> None:
        self._store = store
        self._register = register

    def keep(self, log: str, kind: str, checkpoints: dict[str, bytes]) -> None:
        """Keep checkpoints of the log with this origin hash, by name; `kind` is "fork" or "unproven".

        The kinds are counted apart: a stranger can send checkpoints of an honest log with broken
        proofs, and must not fill the place of a fork.
        """
        name = f"suspect/{log}"
        row = self._register.get(name)
        counts = _parse_counts(name, row)
        if counts.get(kind, 0) >= MAX_SUSPECTS:
            return
        written = [self._store.write(f"{log}/{kind}/{key}", note) for key, note in checkpoints.items()]
        if any(written):
            counts[kind] = counts.get(kind, 0) + 1
            # Somebody else counted at the same time: then one more may be kept than the limit says.
            with suppress(Conflict):
                self._register.swap(name, row, canonical(dict(counts)))

    def counts(self, log: str) -> dict[str, int]:
        """Return how many suspicions of each kind were kept of the log with this origin hash."""
        return _parse_counts(name := f"suspect/{log}", self._register.get(name))


def _parse_counts(name: str, row: bytes | None) -> dict[str, int]:
    if row is None:
        return {}
    try:
        counts = parse_canonical(row, max_bytes=1_000)
        if isinstance(counts, dict):
            return {kind: count for kind, count in counts.items() if isinstance(count, int)}
    except VerificationError:
        pass
    raise StorageError(
        "E5400",
        f"the row {name} of the register is damaged",
        hint="stop the node, keep the register's file, and run: hisn node doctor",
        unchanged="nothing was signed or stored",
    )
