"""Hold what is trusted of one log, and move it only forward.

`TrustedLog` reads and writes nothing.  It is fed checkpoints as they come, from the log, a mirror
or a stranger, and takes over those that go on from what it holds.  Whoever uses it stores the new
head only after the entries up to it were looked at: a monitor that stores it before skips them
for ever after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hisn.core.limits import MAX_SUSPECTS_HELD
from hisn.errors import VerificationError
from hisn.tlog.checkpoint import (
    Checkpoint,
    LogKeys,
    SignedCheckpoint,
    parse_signed_checkpoint,
    verify_checkpoint,
)
from hisn.tlog.fork import Fork, Side
from hisn.tlog.merkle import EMPTY_ROOT, verify_consistency

_KEPT = "what was trusted before is unchanged; both checkpoints are kept"


class Suspicion(StrEnum):
    """Say why a signed checkpoint was not taken over."""

    FORK = "fork"
    """It has the size of the trusted one and another root: together they are a proof."""
    ROLLBACK = "rollback"
    """It is smaller than the trusted one: an old one shown again, or a log restored from a backup."""
    UNPROVEN = "unproven"
    """It is larger, and what came with it does not prove that it goes on; or it contradicts itself."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Hold a checkpoint that was signed and not believed, and the one that was trusted then."""

    suspicion: Suspicion
    shown: bytes
    trusted: bytes | None

    def fork(self) -> Fork | None:
        """Return the proof of a fork that the two checkpoints are, if they are one."""
        if self.suspicion is not Suspicion.FORK or self.trusted is None:
            return None
        return Fork(Side(self.trusted), Side(self.shown))


class TrustedLog:
    """Hold the largest checkpoint of a log that is proven to go on from all earlier ones.

    `suspects` grows by what was signed and refused, at most `MAX_SUSPECTS_HELD` of each suspicion.
    """

    def __init__(self, keys: LogKeys, head: bytes | None = None) -> None:
        """Begin with a head that was trusted before, if there is one; it must verify again."""
        self.keys = keys
        self.head: SignedCheckpoint | None = None
        self.suspects: list[Suspect] = []
        if head is not None:
            self.update(parse_signed_checkpoint(head))

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Return what is trusted, or None before the first update."""
        return self.head.checkpoint if self.head else None

    def update(self, signed: SignedCheckpoint, proof: Sequence[bytes] = ()) -> Checkpoint:
        """Take over a checkpoint that goes on from the trusted one, and return it.

        `proof` is the consistency proof between the two.  A checkpoint that is refused changes
        nothing but `suspects`.
        """
        # 1. The log has signed it, with both keys.  Otherwise it says nothing about the log, and
        #    is not kept: anybody can make such things without end.
        new = verify_checkpoint(signed, self.keys)
        # 2. No entries have one root.
        if not new.size and new.root != EMPTY_ROOT:
            self._keep(Suspicion.UNPROVEN, signed)
            raise VerificationError(
                "E3233",
                f"{new.origin} signed an empty log with the root of one that is not",
                hint="keep the checkpoint and ask the log's owner",
                unchanged=_KEPT,
            )
        # 3. The first is taken as it is.  No proof is asked for: there is nothing to go on from.
        if self.head is None:
            self.head = signed
            return new
        old = self.head.checkpoint
        # 4. Never backwards, not even with a proof that the smaller one is our beginning.
        if new.size < old.size:
            self._keep(Suspicion.ROLLBACK, signed)
            raise VerificationError(
                "E3228",
                f"{new.origin} shows {new.size} entries, and had signed {old.size} before",
                hint="ask the log for its newest checkpoint; if it has none, it lost or hides entries",
                unchanged=_KEPT,
            )
        # 5. One size has one root.  The trusted note stays: a relay may have taken cosignatures off.
        if new.size == old.size:
            if new.root != old.root:
                self._keep(Suspicion.FORK, signed)
                raise VerificationError(
                    "E3229",
                    f"{new.origin} signed two logs of {new.size} entries",
                    hint="this is a proof: show both checkpoints to every member",
                    unchanged=_KEPT,
                )
            return old
        # 6. The larger one goes on from the trusted one.  From an empty log everything does, so
        #    there is no proof to check (and `verify_consistency` would refuse it).
        if old.size:
            try:
                verify_consistency(old.size, old.root, new.size, new.root, proof)
            except VerificationError:
                self._keep(Suspicion.UNPROVEN, signed)
                raise
        self.head = signed
        return new

    def _keep(self, suspicion: Suspicion, signed: SignedCheckpoint) -> None:
        same = [each for each in self.suspects if each.suspicion is suspicion]
        suspect = Suspect(suspicion, signed.raw, self.head.raw if self.head else None)
        # A log can sign any number of them; the first are enough.
        if suspect not in same and len(same) < MAX_SUSPECTS_HELD:
            self.suspects.append(suspect)
