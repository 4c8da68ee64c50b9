"""Fetch the bodies of other members' acts that are meant for this node, from their authors' nodes.

Entries come to the mirror; bodies do not.  What is wanted is noted when a log is folded: the bodies
of acts whose audience this member is in, and of rechecks and dissents about its own findings.
Whatever comes is refused unless the act commits to it, and is kept among this node's blobs.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from hisn.acts.statement import BodyRef
from hisn.app.erased import erased
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.mirrored import Copy, mirrored
from hisn.app.places import blob_name
from hisn.core.limits import MAX_MAP_BYTES, MiB
from hisn.errors import StorageError, VerificationError
from hisn.node.auth import RequestSigner
from hisn.node.client import Deadlines
from hisn.node.copy import LogCopy
from hisn.node.fetched import check_fetched
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode
from hisn.node.quota import Overrun
from hisn.storage.projection import Wanted

MAX_BODIES = 256
"""Bodies asked of one member in one round."""
MAX_HOUR_BYTES = 1_024 * MiB
"""Bytes of bodies taken from one member in an hour: an act of 2 KB may name a body of 64 MiB."""
AGAIN_US = 300 * 1_000_000
"""A body that was not there is asked for again after so long."""
_LOOK_US = 60 * 1_000_000
_HOUR_US = 3_600 * 1_000_000
_PATIENCE = Deadlines(whole_s=60)
_AWAY, _WRONG = "E5402", "E5403"


@dataclass(frozen=True, slots=True)
class Fetched:
    """Say what came from one member: how many bodies, at which entries one is missing, and why."""

    origin: str
    count: int = 0
    missing: tuple[int, ...] = ()
    why: str = ""
    overrun: Overrun | None = None


@dataclass(slots=True)
class _Seen:
    """Hold which state of a log was looked at, when to look again, and what was taken in which hour.

    The cosigned state comes first and the entries after it: both are looked at.
    """

    state: tuple[bytes, int] = b"", 0
    again: int = 0
    hour: int = 0
    size_bytes: int = 0


class BodyFetcher:
    """Fetch, round after round; used by one thread."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def fetch(self, node: Node) -> list[Fetched]:
        """Fetch what is wanted of every other member; return what became of those looked at.

        A member who is away or hostile costs his own bodies.  Raises StorageError if our own disk
        fails, StorageError and VerificationError where the copy of a log is damaged.
        """
        now = node.clock.now()
        done = []
        for member in node.roster.active:
            log = origin_hash(member.id)
            head = Heads(node).newest_of(log)
            if member.id == node.config.origin or head is None:
                continue
            seen = self._seen.setdefault(member.id, _Seen())
            state = head, LogCopy(log, node.blobs, node.register).next_entry()
            if seen.state == state and now < seen.again <= now + _LOOK_US:
                continue
            seen.state, seen.again = state, now + _LOOK_US
            with mirrored(node, member.id) as copy:
                if copy is not None:
                    done.append(_Round(node, copy, member.id, member.url, seen).run())
        return done


@dataclass(slots=True)
class _Round:
    """Hold one round with one member."""

    node: Node
    copy: Copy
    origin: str
    url: str
    seen: _Seen
    count: int = 0
    why: str = ""
    is_over: bool = False
    stack: ExitStack = field(default_factory=ExitStack)
    remote: RemoteNode | None = None

    def run(self) -> Fetched:
        table, clock = self.copy.fold.table, self.node.clock
        wanted = table.wanted(clock.now(), AGAIN_US, MAX_BODIES)
        gone = erased(self.node).bodies if wanted else frozenset()
        with self.stack:
            for each in wanted:
                # What was erased here does not come back because somebody else names it.
                if each.body in gone or self._is_here(each) or self._fetch(each):
                    table.got(each.position)
                elif self.is_over:
                    break
                else:
                    table.asked(each.position, max(1, clock.now()))
        if len(wanted) == MAX_BODIES and not self.is_over:
            self.seen.again = 0  # the next round goes on
        return Fetched(self.origin, self.count, tuple(table.missing()), self.why, self.copy.overrun)

    def _is_here(self, wanted: Wanted) -> bool:
        data = self.node.blobs.get(name := blob_name(wanted.body))
        if data is None:
            return False
        try:
            check_fetched(BodyRef(wanted.sort, wanted.body), data)
        except VerificationError:
            # Damaged, or not what belongs there: no other bytes would ever be this body.
            self.node.blobs.delete(name)
            return False
        return True

    def _fetch(self, wanted: Wanted) -> bool:
        """Fetch one body and keep it; tell whether it is here now."""
        room = self._room()
        if not self.url or room <= 0:
            self._end("it has no address" if not self.url else "it has sent its share of this hour")
            return False
        try:
            data = self._remote().body(BodyRef(wanted.sort, wanted.body), min(MAX_MAP_BYTES, room))
        except StorageError as error:
            if error.code == _AWAY:
                self._end(error.message)
            elif error.code == _WRONG:
                self.why = error.message
            else:
                raise
            return False
        if data is None:
            self.why = self.why or "it does not give them"
            return False
        self.seen.size_bytes += len(data)
        self.node.blobs.put(blob_name(wanted.body), data)
        self.count += 1
        return True

    def _end(self, why: str) -> None:
        self.why, self.is_over = why, True

    def _room(self) -> int:
        hour = self.node.clock.now() // _HOUR_US
        if hour != self.seen.hour:
            self.seen.hour, self.seen.size_bytes = hour, 0
        return MAX_HOUR_BYTES - self.seen.size_bytes

    def _remote(self) -> RemoteNode:
        if self.remote is None:
            signer = RequestSigner(self.node.config.origin, self.node.signer("act").ed25519, self.node.clock)
            made = RemoteNode(self.url, self.origin, signer, deadlines=_PATIENCE)
            self.remote = self.stack.enter_context(made)
        return self.remote
