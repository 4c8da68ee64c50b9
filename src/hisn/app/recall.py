"""Learn again what this node has cosigned, where a restored backup made it forget.

A backup holds the rows of witness and mirror as they were.  From these a node would sign a second
history of a log that it had cosigned further, if its owner asked for it.  What it has signed lies
with others: the owner publishes it, and every member keeps the states of others' logs with all
their cosignatures.  So they are asked, and what they show counts where it carries the log's own
signatures *and this node's*: nobody can move it by anything that it has not signed.

What is learnt moves the rows forward and never back, by tiles that lead to the root that was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Self

from hisn.app.addresses import MIRROR_PATH
from hisn.app.home import Node
from hisn.app.lookout import shown
from hisn.app.peers import Peers, watched_rosters
from hisn.errors import StorageError, VerificationError
from hisn.node.client import Deadlines
from hisn.node.held import Held, parse_held
from hisn.node.holds import Hold, Holds
from hisn.node.known import Logs, origin_hash
from hisn.node.pull import RemoteNode
from hisn.node.ratchet import move_forward
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.tlog.checkpoint import parse_signed_checkpoint
from hisn.tlog.cosign import CosignerKeys, verify_cosigner
from hisn.tlog.merkle import root_at
from hisn.tlog.sign import format_note
from hisn.tlog.tile import TileReader
from hisn.unit.rosterdoc import Roster

WITNESS_ROW, PENDING_ROW = "witness/", "mirror-pending/"
_PATIENCE = Deadlines(connect_s=1.5, step_s=5.0, whole_s=20.0)
_FORK = "E3229"
_NOT_THERE = ("E5402", "E5403")


@dataclass(frozen=True, slots=True)
class Source:
    """Say who may show a log's cosigned state, and where: its node, the state's file, the tiles' folder."""

    name: str
    url: str
    state: str
    tiles: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Say what the operator answers for: `accepted` logs need no answer, `gone` members give none."""

    accepted: Collection[str] = ()
    gone: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Learnt:
    """Say what was learnt of one log: the sizes cosigned before and now, and why it stays held, if so."""

    origin: str
    old: int
    new: int
    hold: Hold | None = None
    why: str = ""

    @property
    def is_news(self) -> bool:
        """Tell whether a person should hear of it."""
        return self.new != self.old or self.hold is not None


def sources_of(node: Node, at: Mapping[str, str]) -> dict[str, tuple[Source, ...]]:
    """Return for each log of others who may know what was cosigned of it, its owner first."""
    found = {}
    # The own unit comes last: what it says of a log goes before what a watched unit says.
    for roster in (*watched_rosters(node.places), node.roster):
        for member in roster.active:
            if member.id != node.config.origin:
                found[member.id] = tuple(_sources(node, roster, member.id, at))
    return found


def _sources(node: Node, roster: Roster, origin: str, at: Mapping[str, str]) -> Iterator[Source]:
    log = origin_hash(origin)
    others = [each for each in roster.active if each.id not in (origin, node.config.origin)]
    for member in (roster.find(origin), *others):
        if member is None:
            continue
        url = at.get(member.id, member.url).rstrip("/")
        if member.id == origin:
            yield Source(origin, url, f"log/{log}", f"log/{log}")
        elif url:
            yield Source(member.id, url, f"head/{log}", f"{MIRROR_PATH[1:]}/{log}")


class Recall:
    """Ask what this node has cosigned. `at` gives addresses that are newer than the roster's."""

    def __init__(self, node: Node, logs: Logs, at: Mapping[str, str] | None = None) -> None:
        self.sources = sources_of(node, at or {})
        self._register = node.register
        self._logs = logs
        self._keys = _own_keys(node)
        self._suspects = Suspects(BlobSuspects(node.blobs), node.register)

    def forgotten(self, origin: str) -> Held | None:
        """Return a state that this node has cosigned and does not know of, if anybody shows one now."""
        asked = [f"{each.url}/{each.state}/checkpoint" for each in self.sources.get(origin, ()) if each.url]
        for data in shown(asked) if asked else ():
            found = self.own(origin, data)
            # Read behind the answers: what this node signs meanwhile is in its row before it is shown.
            held = self.held(origin)
            if found and (held is None or _goes_beyond(found, held)):
                return found
        return None

    def held(self, origin: str) -> Held | None:
        """Return the state that this node's witness has cosigned last, as far as it knows."""
        return parse_held(name := WITNESS_ROW + origin_hash(origin), self._register.get(name))

    def own(self, origin: str, data: bytes) -> Held | None:
        """Return a state of a log if the log and this node's witness have both signed it."""
        known = self._logs.find(origin)
        with suppress(VerificationError):
            signed = parse_signed_checkpoint(data)
            if known is None or signed.checkpoint.origin != origin:
                return None
            lines = [*known.verify(signed)]
            for keys in self._keys:
                with suppress(VerificationError):
                    time_s = max(verify_cosigner(signed, keys).timestamps)
                    lines += [
                        line for line in signed.note.signatures if any(key.signed(line) for key in keys.vkeys)
                    ]
                    note = format_note(signed.note.text, lines)
                    return Held(signed.checkpoint.size, signed.checkpoint.root, time_s, note)
        return None

    def learn(self, asker: Asker, origin: str, allowed: Allowed | None = None) -> Learnt:
        """Move the rows of a log to what was cosigned of it; hold it if nobody who must know answers.

        Raises StorageError if our own disk fails.
        """
        allowed = allowed or Allowed()
        before = self.held(origin)
        sources = self.sources.get(origin, ())
        found: list[Held] = []
        for source in sources:
            data = asker.state(source)
            if data is not None and (state := self.own(origin, data)):
                found.append(state)
        why = _silence(origin, sources, asker.silent, allowed.gone)
        hold = Hold.UNLEARNT if why and origin not in allowed.accepted else None
        for state in sorted(found, key=lambda each: each.size):
            try:
                if not self._forward(origin, state, sources, asker):
                    hold, why = Hold.UNLEARNT, f"nobody shows the tiles of its {state.size} entries"
            except VerificationError as error:
                self._keep(origin, state)
                hold, why = Hold.FORKED, error.message
                break
        Holds(self._register).put(origin, hold)
        after = self.held(origin)
        return Learnt(
            origin,
            old=before.size if before else 0,
            new=after.size if after else 0,
            hold=Holds(self._register).get(origin),
            why=why if hold else "",
        )

    def _forward(self, origin: str, state: Held, sources: Sequence[Source], asker: Asker) -> bool:
        """Move both rows to a state; tell whether tiles let us. Raises VerificationError: a fork."""
        log = origin_hash(origin)
        # A mirror signs what goes on from its pending state, and has not signed this one.
        unsigned = Held(state.size, state.root, 0, self._without_own(state))
        moved = 0
        for row, new in ((WITNESS_ROW + log, state), (PENDING_ROW + log, unsigned)):
            for source in sources:
                try:
                    move_forward(self._register, row, new, asker.roots(source, state))
                except VerificationError as error:
                    if error.code == _FORK:
                        raise
                    continue  # its tiles do not lead to the root
                except StorageError as error:
                    if error.code not in _NOT_THERE:
                        raise
                    continue
                moved += 1
                break
        return moved == len((WITNESS_ROW, PENDING_ROW))

    def _without_own(self, state: Held) -> bytes:
        signed = parse_signed_checkpoint(state.note)
        known = self._logs.find(signed.checkpoint.origin)
        return format_note(signed.note.text, known.verify(signed) if known else ())

    def _keep(self, origin: str, state: Held) -> None:
        """Keep both sides of a fork: each is signed by the log."""
        both = [each for each in (state, self.held(origin)) if each]
        named = {f"{each.size}-{each.root.hex()}.checkpoint": each.note for each in both}
        self._suspects.keep(origin_hash(origin), "fork", named)


@dataclass
class Asker:
    """Ask nodes over kept connections; whoever is silent once is not asked again. A context manager."""

    silent: dict[str, str] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _open: dict[str, RemoteNode] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Begin to ask."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._stack.close()

    def state(self, source: Source) -> bytes | None:
        """Return the checkpoint that a source shows of the log, None if it shows none."""
        if not source.url:
            self.silent[source.name] = "it has no address"
        if source.name in self.silent:
            return None
        try:
            return self._remote(source).file(source.state, "checkpoint")
        except StorageError as error:
            self.silent[source.name] = error.message
            return None

    def roots(self, source: Source, state: Held) -> Callable[[int], bytes]:
        """Return how to tell the roots of a state's beginnings by a source's tiles, which may be false."""

        def get(name: str) -> bytes | None:
            if source.name in self.silent:
                raise StorageError("E5402", self.silent[source.name], hint="ask again when it is back")
            return self._remote(source).file(source.tiles, name)

        reader = TileReader(get, state.size, state.root)
        return lambda size: root_at(size, reader)

    def _remote(self, source: Source) -> RemoteNode:
        if source.url not in self._open:
            remote = RemoteNode(source.url, deadlines=_PATIENCE)
            self._open[source.url] = self._stack.enter_context(remote)
        return self._open[source.url]


def learn_all(node: Node, at: Mapping[str, str], allowed: Allowed) -> tuple[Learnt, ...]:
    """Learn again what was cosigned of every log of others. Raises StorageError if our own disk fails."""
    recall = Recall(node, Peers(node.places), at)
    with Asker() as asker:
        return tuple(recall.learn(asker, origin, allowed) for origin in sorted(recall.sources))


def hold_all(holds: Holds, origins: Iterable[str]) -> None:
    """Hold logs of which this node may have signed more than it knows."""
    for origin in origins:
        holds.put(origin, Hold.RESTORED)


def _goes_beyond(found: Held, held: Held) -> bool:
    return found.size > held.size or (found.size == held.size and found.root != held.root)


def _silence(origin: str, sources: Sequence[Source], silent: Mapping[str, str], gone: Collection[str]) -> str:
    """Return why too few have answered, "" if enough have: the owner, and one of the others if there are any.

    An owner who wants a second history would not show the first; the others have no part in it.
    """
    if origin in silent:
        return silent[origin]
    others = [each.name for each in sources if each.name not in (origin, *gone)]
    if others and all(name in silent for name in others):
        return f"no other member answers: {silent[others[0]]}"
    return ""


def _own_keys(node: Node) -> list[CosignerKeys]:
    """Return the keys that this node's witness has and had."""
    origin = node.config.origin
    member = node.roster.find(origin)
    publics = [node.signer("witness").public]
    publics += [key.public for key in (member.keys if member else ()) if key.role == "witness"]
    return [CosignerKeys(origin, public) for public in dict.fromkeys(publics)]
