"""Remove what killed processes left in a node's folder: once a day, when the node is opened."""

from __future__ import annotations

from contextlib import suppress

from hisn.app.places import Places
from hisn.core.canon import parse_decimal
from hisn.core.clock import Clock
from hisn.errors import StorageError, VerificationError
from hisn.storage.blobs import FileBlobs
from hisn.storage.lock import held_now
from hisn.tlog.ports import DurabilityLost

_DAY_US = 86_400 * 1_000_000


def sweep_leftovers(places: Places, blobs: FileBlobs, clock: Clock) -> int:
    """Remove temporary files that nobody writes any more; return how many. One process at a time does.

    A node with a million blobs has a million names to look at, so a day passes between two sweeps.
    Whatever keeps us from sweeping keeps nobody from working.  Raises `DurabilityLost`.
    """
    mark = places.state / "swept"
    try:
        with held_now(mark) as is_ours:
            now = clock.now()
            if not is_ours or 0 <= now - _swept_at(mark.read_bytes()) < _DAY_US:
                return 0
            removed = blobs.sweep()
            mark.write_bytes(b"%d" % now)
            return removed
    except DurabilityLost:
        raise
    except (StorageError, OSError):
        return 0


def _swept_at(data: bytes) -> int:
    with suppress(VerificationError):
        return parse_decimal(data)
    return -_DAY_US
