"""Run a member's node: its log, witness and mirror over HTTP, and publishing in the background."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import EVERYBODY, parse_statement
from hisn.app.bodies import BodyFetcher
from hisn.app.head_keeper import HeadKeeper
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.overruns import ACTS, REQUESTS, note_overrun
from hisn.app.peers import Peers
from hisn.app.publish import publisher_of
from hisn.app.recall import Asker, Recall
from hisn.app.replicate import replicate_all
from hisn.app.standing import WitnessMemory
from hisn.errors import HisnError, StorageError
from hisn.node.auth import Doorkeeper
from hisn.node.holds import Hold, Holds
from hisn.node.http import Services, make_app
from hisn.node.known import origin_hash
from hisn.node.published import Haste, Published
from hisn.node.quota import Allowance, Overrun, Quota
from hisn.node.ratchet import Rooms
from hisn.node.serve import Listen, NodeServer
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.node.ticket import Tickets
from hisn.node.witness import Witness
from hisn.tlog.ports import DurabilityLost
from hisn.tlog.sign import Cosigner

MIRROR_SUFFIX = "/mirror"
"""A mirror's cosigner has a name of its own: its signature says more than the witness's."""
_ALLOWANCE = Allowance(requests=20_000, size_bytes=4 * 1024**3)
_MOST_SHOWN = 20
_ASK_AGAIN_S = 60.0
"""How often a member is asked again what this node had cosigned of its log before it was restored."""


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Say where to listen, and every how many seconds to publish and replicate."""

    listen: Listen
    interval_s: float = 2.0


class RunningNode:
    """Serve one node until it is told to stop. `say` is told what a person should know."""

    def __init__(
        self, reopen: Callable[[], Node], options: ServeOptions, say: Callable[[str, str], None]
    ) -> None:
        self._reopen = reopen
        self._options = options
        self._say = say
        self._stopping = threading.Event()
        self._shelf = reopen()
        self._turn = threading.Lock()
        self._told: dict[str, str] = {}
        self._failure: HisnError | None = None
        self._quota = Quota(_ALLOWANCE, self._shelf.clock, self._overrun)
        self.peers = Peers(self._shelf.places)
        self._holds = Holds(self._shelf.register)
        self._asked_at = -_ASK_AGAIN_S
        self._bodies = BodyFetcher()
        self._overruns: deque[Overrun] = deque()
        self.server = NodeServer(make_app(self._services()), options.listen)

    def run(self) -> None:
        """Serve until a signal or `stop`.

        Raises StorageError, `DurabilityLost` among them: then the process must end.
        """
        self.server.bind()
        self._say("listening", self.server.url)
        with self._working():
            self.server.run()

    @contextmanager
    def background(self) -> Iterator[str]:
        """Serve in a thread of its own while the block runs; gives the address."""
        with self._working(), self.server.background() as url:
            yield url

    @contextmanager
    def _working(self) -> Iterator[None]:
        worker = threading.Thread(target=self._work, name="hisn publish", daemon=True)
        worker.start()
        try:
            yield
        finally:
            self._stopping.set()
            worker.join(30)
            self._shelf.close()
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End."""
        self.server.stop()

    def _services(self) -> Services:
        node = self._shelf
        quota = self._quota
        suspects = Suspects(BlobSuspects(node.blobs), node.register)
        memory = WitnessMemory(
            lambda: Recall(node, self.peers),
            self._holds,
            node.clock,
            own_refusal=self._own_refusal,
            say=self._say,
        )
        rooms = Rooms(node.config.origin, self.peers, node.register, suspects, memory)
        mirror = HeadKeeper(
            Heads(node),
            rooms,
            Cosigner(node.config.origin + MIRROR_SUFFIX, node.signer("mirror")),
            tickets=Tickets(node.identity.ticket_key),
            quota=quota,
        )
        return Services(
            blobs=node.blobs,
            own_log=origin_hash(node.config.origin),
            door=Doorkeeper(node.config.origin, self.peers, node.clock),
            may_read=self._may_read,
            head=Heads(node).newest_of,
            stream=node.blobs.get_sized,
            witness=Witness(rooms, Cosigner(node.config.origin, node.signer("witness")), node.clock, quota),
            mirror=mirror,
            quota=quota,
            on_lost=self._lost,
        )

    def _lost(self, error: DurabilityLost) -> None:
        self.server.fail(error)

    def _overrun(self, overrun: Overrun) -> None:
        self._say("overrun", f"{overrun.member}: {overrun.refused}")
        self._overruns.append(overrun)

    def _may_read(self, member: str, digest: str) -> bool:
        """Tell whether a member is in the audience of an act that commits to a body."""
        with self._turn:
            node = self._shelf
            node.member.fold.catch_up(node.log)
            for position in node.member.fold.table.with_body(bytes.fromhex(digest)):
                act = parse_statement(parse_envelope(node.log.read_entry(position)).payload)
                audience = act.header.audience
                # The entry decides, not the table that led to it.
                if act.body is None or act.body.sha256.hex() != digest:
                    continue
                if audience == EVERYBODY or member in audience:
                    return True
        return False

    def _own_refusal(self) -> StorageError | None:
        """Return why the own log must not be signed: then this node's memory is not to be trusted at all."""
        with self._turn:
            return self._shelf.log.refusal

    def _work(self) -> None:
        """Publish and replicate what is new, again and again; whoever is away is asked later."""
        try:
            with self._reopen() as node:
                while not self._stopping.wait(self._options.interval_s):
                    self._round(node)
        except DurabilityLost as error:
            self.server.fail(error)
        except HisnError as error:
            # Without its second half the node would look alive and publish nothing.
            self._failure = error
            self.server.stop()

    def _round(self, node: Node) -> None:
        try:
            if self.peers.refresh():
                node.reload_unit()
                with self._turn:
                    self._shelf.reload_unit()
            self._quota.close_window()
            self._learn(node)
            self._publish(node)
            for each in replicate_all(node):
                if each.missing is None:
                    self._told.pop(f"unmirrored {each.to}", None)
                    self._say("mirrored", f"{each.to}: {each.size}")
                else:
                    self._tell(f"unmirrored {each.to}", f"{each.to}: {each.missing.value}")
            self._fetch(node)
            self._note_overruns(node)
            self._told.pop("trouble", None)
        except DurabilityLost:
            raise
        except HisnError as error:
            self._tell("trouble", str(error))
        except Exception as error:  # noqa: BLE001 - a slip of ours must not end the publishing, nor be silent
            self._tell("trouble", f"{type(error).__name__}: {error}")

    def _learn(self, node: Node) -> None:
        """Ask again what was cosigned of logs whose owners were away when this node recovered."""
        now = time.monotonic()
        if now - self._asked_at < _ASK_AGAIN_S:
            return
        self._asked_at = now
        recall = Recall(node, self.peers)
        held = [origin for origin in recall.sources if self._holds.get(origin) is Hold.UNLEARNT]
        with Asker() as asker:
            for origin in held:
                learnt = recall.learn(asker, origin)
                if learnt.hold is None:
                    self._say("learnt", f"{origin}: {learnt.new}")

    def _fetch(self, node: Node) -> None:
        """Fetch the bodies that others wrote for this member."""
        for each in self._bodies.fetch(node):
            if each.count:
                self._say("fetched", f"{each.origin}: {each.count}")
            if each.overrun:
                self._note_overrun(node, ACTS, each.overrun)
            entries = ", ".join(map(str, each.missing[:_MOST_SHOWN]))
            if each.missing:
                more = ", …" if len(each.missing) > _MOST_SHOWN else ""
                self._tell(f"bodiless {each.origin}", f"{each.origin}: {entries}{more} ({each.why})")
            else:
                self._told.pop(f"bodiless {each.origin}", None)

    def _note_overruns(self, node: Node) -> None:
        while self._overruns:
            self._note_overrun(node, REQUESTS, self._overruns[0])
            self._overruns.popleft()

    def _note_overrun(self, node: Node, what: str, overrun: Overrun) -> None:
        if node.log.refusal is None and not node.own_keys.is_lost and note_overrun(node, what, overrun):
            self._say("overrun-logged", f"{overrun.member}: {what}")

    def _publish(self, node: Node) -> None:
        head, published = node.log.head(), node.log.published()
        if published is None or published.checkpoint.size < head.checkpoint.size:
            done = publisher_of(node, Haste()).publish_now()
            self._tell("published" if done.is_published else "unwitnessed", _line(done))

    def _tell(self, code: str, text: str) -> None:
        """Say something that stays as it is for many rounds once."""
        if self._told.get(code) != text:
            self._told[code] = text
            self._say(code.partition(" ")[0], text)


def _line(done: Published) -> str:
    size = done.head.checkpoint.size
    names = ", ".join(each.name for each in done.signed)
    missing = ", ".join(f"{each.name} ({each.why.value})" for each in done.missing)
    return f"{size}; {names or '-'}; {missing or '-'}"
