"""Know whom this node serves: the members of its unit, and the units that it only witnesses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

from hisn.app.home import read_chain, read_unit
from hisn.app.places import Places
from hisn.core.keys import PublicKey
from hisn.errors import HisnError
from hisn.node.known import KnownLog
from hisn.tlog.checkpoint import LogKeys
from hisn.unit.rosterdoc import Roster


class Peers:
    """Answer who is a member and which logs are known; `refresh` sees that a roster was adopted.

    Calls from several threads are safe.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._roster: Roster | None = None
        self._logs: dict[str, KnownLog] = {}
        self._seen: frozenset[tuple[str, int, int]] = frozenset()
        self.reload()

    def refresh(self) -> bool:
        """Read the rosters again if their files have changed, and tell so. Raises as `reload` does."""
        if self._seen == self._files():
            return False
        self.reload()
        return True

    def reload(self) -> None:
        """Read the rosters again. Raises VerificationError and StorageError for the node's own one."""
        seen = self._files()
        roster = read_unit(self._places)[1][-1]
        logs: dict[str, KnownLog] = {}
        # The own unit comes last: what it says of a log goes before what a watched unit says.
        for each in (*watched_rosters(self._places), roster):
            for member in each.active:
                public = member.open_key("log")
                if public:
                    earlier = [
                        (key.until, LogKeys(member.id, key.public))
                        for key in member.keys
                        if key.role == "log" and key.until is not None and key.until > key.start
                    ]
                    logs[member.id] = KnownLog.of_member(LogKeys(member.id, public), earlier)
        with self._lock:
            self._roster, self._logs = roster, logs
        self._seen = seen

    def find(self, origin: str) -> KnownLog | None:
        """Return the log with exactly that origin, or None (port `Logs`)."""
        with self._lock:
            return self._logs.get(origin)

    def request_key(self, origin: str) -> PublicKey | None:
        """Return the Ed25519 act key of an active member of the own unit, or None (port `Members`)."""
        with self._lock:
            member = self._roster.find(origin) if self._roster else None
        public = member.open_key("act") if member and member.is_active else None
        return public.ed25519 if public else None

    def _files(self) -> frozenset[tuple[str, int, int]]:
        """Return name, size and time of each file: a chain costs dozens of signatures to verify."""
        places = self._places
        found = set()
        for folder in (places.genesis.parent, places.rosters, places.watched):
            for path in folder.rglob("*"):
                with suppress(OSError):  # gone meanwhile: the next look sees that
                    state = path.stat()
                    found.add((str(path), state.st_size, state.st_mtime_ns))
        return frozenset(found)


def watched_rosters(places: Places) -> Iterator[Roster]:
    """Yield the rosters of the units whose logs this node only witnesses."""
    folder = places.watched
    for unit in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            yield read_chain(unit / "genesis.json", unit)[1][-1]
        except HisnError:
            # A damaged copy of somebody else's roster must not stop this node: that unit's logs
            # are not witnessed, and its members see who is missing.
            continue
