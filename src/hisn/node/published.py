"""Say how far a checkpoint came, and publish one whose cosignatures are at hand.

Nothing here speaks to the network: a node without witnesses does not load what would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hisn.errors import StorageError
from hisn.node.without import Missing

if TYPE_CHECKING:
    # Whoever is only told of an outcome loads no log.
    from hisn.tlog.append import LogWriter
    from hisn.tlog.checkpoint import SignedCheckpoint
    from hisn.tlog.policy import Policy


@dataclass(frozen=True, slots=True)
class Signed:
    """Say who has cosigned, and when at the latest, in seconds since 1970."""

    name: str
    time_s: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say who signed, who is missing and why, and whether that made it public."""

    is_published: bool
    signed: tuple[Signed, ...]
    missing: tuple[Missing, ...]
    setback: StorageError | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """Say how far a checkpoint came: who signed, who is missing and why, whether it is public.

    Without quorum it stays sequenced and unwitnessed, and does not leave the node.
    """

    head: SignedCheckpoint
    is_published: bool
    signed: tuple[Signed, ...]
    missing: tuple[Missing, ...]
    setback: StorageError | None = None

    @property
    def outcome(self) -> Outcome:
        """Return the same without the checkpoint, which is large."""
        return Outcome(self.is_published, self.signed, self.missing, self.setback)


@dataclass(frozen=True, slots=True)
class Haste:
    """Say how long to wait, in seconds: in all, and for the rest once the quorum is reached."""

    whole_s: float = 10.0
    grace_s: float = 0.3


def head_to_publish(writer: LogWriter) -> SignedCheckpoint:
    """Return the newest committed checkpoint. Raises StorageError if the log must not be signed."""
    if writer.refusal:
        raise writer.refusal
    return writer.head()


def publish_cosigned(
    writer: LogWriter,
    policy: Policy,
    cosigned: SignedCheckpoint,
    missing: tuple[Missing, ...] = (),
    setback: StorageError | None = None,
) -> Published:
    """Publish a checkpoint if its cosignatures reach the quorum, and say who signed. Raises StorageError.

    With a `setback` (the log is an old copy) nothing is published.
    """
    result = policy.satisfied_by(cosigned)
    is_published = result.reached and setback is None
    if is_published:
        writer.publish(cosigned.raw, policy)
    times: dict[str, int] = {}
    for each in result.cosigned:
        times[each.vkey.name] = max(each.timestamp, times.get(each.vkey.name, 0))
    signed = tuple(Signed(name, time_s) for name, time_s in times.items())
    return Published(cosigned, is_published, signed, missing, setback)
