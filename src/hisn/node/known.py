"""Know the logs that this node witnesses and mirrors, and nothing about any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hisn.errors import VerificationError
from hisn.tlog.checkpoint import LogKeys, SignedCheckpoint, verify_log_signature
from hisn.tlog.note import NoteSignature, VerifierKey


def origin_hash(origin: str) -> str:
    """Return the name of a log in paths and register rows; an origin itself never becomes a path."""
    return hashlib.sha256(origin.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KnownLog:
    """Hold the keys of one log.

    A log of a member signs with all of its keys, or it has not signed.  A log of others may be
    enrolled with `is_any_enough`: then one verified signature makes a checkpoint its own.
    """

    vkeys: tuple[VerifierKey, ...]
    is_any_enough: bool = False
    earlier: tuple[tuple[int, tuple[VerifierKey, ...]], ...] = ()
    """Keys that go before `vkeys`, each until the log has so many entries."""

    @classmethod
    def of_member(cls, keys: LogKeys, earlier: Iterable[tuple[int, LogKeys]] = ()) -> KnownLog:
        """Return the log of a member, which signs with Ed25519 and ML-DSA-44."""
        return cls(keys.vkeys, earlier=tuple((until, each.vkeys) for until, each in earlier))

    def verify(self, signed: SignedCheckpoint) -> tuple[NoteSignature, ...]:
        """Return the log's own signature lines, all verified. Raises VerificationError."""
        size = signed.checkpoint.size
        vkeys = next((each for until, each in self.earlier if size <= until), self.vkeys)
        good = verify_log_signature(signed, vkeys)
        if len(good) < len(vkeys) and not self.is_any_enough:
            raise VerificationError(
                "E3212",
                "not every key of the log has signed the checkpoint",
                hint="a log signs with Ed25519 and ML-DSA-44; ask the log for it again",
            )
        return tuple(line for line in signed.note.signatures if any(key.signed(line) for key in good))


class Logs(Protocol):
    """Find known logs; the roster decides, and may change between two calls."""

    def find(self, origin: str) -> KnownLog | None:
        """Return the log with exactly that origin, or None."""
        ...
