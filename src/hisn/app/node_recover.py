"""Bring a log back after a loss: from its mirrors, up to what its witnesses have seen.

An old copy of the log must not sign anything: it would sign a second tree beside the one that its
witnesses have seen, which is a proven fork.  So every witness is asked what it has seen of the log,
and the highest state is taken, with its entries from wherever they are left.  A witness that does
not answer may have seen more; whoever goes on without it names it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hisn.app.addresses import MIRROR_PATH, WITNESS_PATH, witness_prefixes
from hisn.app.home import Node, NodeConfig, read_config, read_unit
from hisn.app.key_file import read_secret
from hisn.app.member import Draft
from hisn.app.own_keys import OwnKeys
from hisn.app.places import Places, blob_name
from hisn.app.recall import Allowed, Learnt, hold_all, learn_all
from hisn.app.witnessed import logs_to_cosign
from hisn.core.canon import canonical, parse_canonical
from hisn.core.clock import Clock
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.node.auth import RequestSigner
from hisn.node.client import Deadlines
from hisn.node.holds import Holds
from hisn.node.known import origin_hash
from hisn.node.pull import RemoteNode
from hisn.storage.blobs import FileBlobs
from hisn.storage.files import write_whole
from hisn.storage.register import SqliteRegister
from hisn.storage.system import SystemClock, SystemEntropy
from hisn.tlog.adopt import adopt
from hisn.tlog.append import LogWriter
from hisn.tlog.checkpoint import LogKeys, SignedCheckpoint
from hisn.tlog.ports import Entropy
from hisn.tlog.sign import LogSigner, format_note
from hisn.tlog.staging import LogNames, parse_own
from hisn.tlog.tile import ENTRIES, WIDTH, Get, TilePath, fetch_bundle, width_at
from hisn.unit.quorum import witnesses_of
from hisn.unit.rosterdoc import Roster, safe_quorum

OWN_FILES = "-"
"""Names this node's own files among the sources of entries."""
_PATIENCE = Deadlines(whole_s=30)
_MARK = "recovering"
_NO_LOG = ("E5206", "E5207", "E5209")
_NOT_THERE = ("E5212", "E5402", "E5403")


@dataclass(frozen=True, slots=True)
class Recovered:
    """Say what was recovered: sizes before and after, from whom, and how many bodies are missing now.

    `source` is "" where the own log had lost nothing.  `learnt` says of which logs of others this
    node had forgotten what it cosigned, and which it does not cosign until that is learnt.
    """

    old: int
    new: int
    source: str
    missing_bodies: int
    learnt: tuple[Learnt, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverRequest:
    """Say whom to ask: `at` gives addresses that are newer than the roster's, `without` who is gone.

    `accept` are logs that are cosigned again although nobody can tell what was cosigned of them.
    """

    at: Mapping[str, str]
    without: Collection[str] = ()
    accept: Collection[str] = ()


def addresses_in(texts: Iterable[str]) -> dict[str, str]:
    """Return the addresses by name that ``NAME=URL`` options give. Raises UsageError (E1308)."""
    found = {}
    for text in texts:
        name, equals, url = text.partition("=")
        if not (name and equals and url.startswith(("http://", "https://"))):
            raise UsageError(
                "E1308",
                f"not a name and an address: {text}",
                hint="write --from north.example=https://north.example:8470",
            )
        found[name] = url
    return found


@dataclass(frozen=True, slots=True)
class _Rest:
    """Hold what is left of a node, whose log may not open."""

    places: Places
    config: NodeConfig
    own: OwnKeys
    roster: Roster
    blobs: FileBlobs
    register: SqliteRegister
    clock: Clock

    @property
    def keys(self) -> LogKeys:
        return LogKeys(self.config.origin, self.own.signer("log").public)

    @property
    def log(self) -> str:
        return origin_hash(self.config.origin)

    def writer(self) -> LogWriter | None:
        """Return the log as far as it opens."""
        signer = LogSigner(self.config.origin, self.own.signer("log"), self.clock)
        try:
            return LogWriter.open(signer, self.blobs, self.register, self.own.former())
        except StorageError as error:
            if error.code not in _NO_LOG:
                raise
            return None

    def signed(self, data: bytes | None) -> SignedCheckpoint | None:
        """Return a checkpoint if this log has signed it: whatever else anybody shows counts for nothing."""
        try:
            return None if data is None else parse_own(data, self.keys, self.own.former())
        except VerificationError:
            return None

    def own_lines(self, head: SignedCheckpoint) -> bytes:
        """Return a checkpoint with the log's own signatures alone."""
        known = [self.keys, *(each.keys for each in self.own.former())]
        vkeys = [vkey for each in known for vkey in each.vkeys]
        lines = [line for line in head.note.signatures if any(vkey.signed(line) for vkey in vkeys)]
        return format_note(head.note.text, lines)


def recover_log(
    root: Path,
    passphrase: Callable[[], str],
    request: RecoverRequest,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Recovered | None:
    """Make this node's log what its witnesses have seen of it, and log the gap; None: nothing was lost.

    Raises StorageError: E5338 where witnesses do not answer, E5339 where nobody has the entries,
    E5211 where the log has signed two trees.  Interrupted, it can be done again.
    """
    places = Places(root)
    config = read_config(places)
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    secret = read_secret(places, passphrase, entropy)
    roster = read_unit(places)[1][-1]
    places.state.mkdir(mode=0o700, exist_ok=True)
    with ExitStack() as stack:
        register = SqliteRegister(places.register)
        stack.callback(register.close)
        own = OwnKeys(config.origin, secret.identity, roster)
        rest = _Rest(places, config, own, roster, FileBlobs(root), register, clock)
        writer = rest.writer()
        heads = [*_own_heads(rest, writer), *_heads_of_others(rest, request)]
        if not heads:
            raise _nobody("nobody knows any state of it")
        best = max(heads, key=lambda head: head.checkpoint.size)
        old = writer.head().checkpoint.size if writer else 0
        source = ""
        if writer is None or writer.refusal or best.checkpoint.size > old:
            # Old rows of the own log come with old rows of the witness: it may sign nothing, either.
            hold_all(Holds(register), logs_to_cosign(places, roster, config.origin))
            old = _begun(places, old)
            if writer and not writer.refusal:
                with suppress(StorageError):
                    # From here on nothing is signed over what was seen, also if nobody has the entries.
                    writer.check_witness_head(best.raw)
            source = _adopt(rest, best, request)
    with Node(places, config, secret, clock, entropy) as node:
        for head in heads:
            # One that the recovered log does not hold is the other side of a fork: nothing is signed.
            node.log.check_witness_head(head.raw)
        done = _ended(node, old, source)
        allowed = Allowed(request.accept, request.without)
        learnt = tuple(each for each in learn_all(node, request.at, allowed) if each.is_news)
        if done is None and not learnt:
            return None
        size = node.log.head().checkpoint.size
        return replace(done or Recovered(size, size, "", 0), learnt=learnt)


def _own_heads(rest: _Rest, writer: LogWriter | None) -> Iterator[SignedCheckpoint]:
    """Yield the checkpoints of the log that lie here: in the register, published, or set aside."""
    names = LogNames(rest.config.origin)
    known = [rest.blobs.get(names.checkpoint)]
    known += [rest.blobs.get(name) for name in rest.blobs.list(names.suspect)]
    if writer is not None:
        yield writer.head()
        published = writer.published()
        known.append(published.raw if published else None)
    for data in known:
        head = rest.signed(data)
        if head:
            yield head


def _heads_of_others(rest: _Rest, request: RecoverRequest) -> list[SignedCheckpoint]:
    """Ask every witness, and every mirror, what it has seen of the log. Raises StorageError (E5338)."""
    heads: list[SignedCheckpoint] = []
    silent: dict[str, str] = {}
    prefixes = witness_prefixes(rest.roster, rest.config.origin)
    members = {each.name for each in witnesses_of(rest.roster, rest.config.origin) if each.is_member}
    for name, url in request.at.items():
        if name in prefixes:
            prefixes[name] = url.rstrip("/") + (WITNESS_PATH if name in members else "")
    for name, prefix in prefixes.items():
        try:
            found = _shown(rest, prefix)
        except StorageError as error:
            silent[name] = error.message
        else:
            heads += [found] if found else []
    for _, url in _mirrors(rest, request):
        # A mirror counts for nothing here that its owner's witness does not count for.
        try:
            found = _shown(rest, url)
        except StorageError:
            continue
        heads += [found] if found else []
    _require_answers(len(prefixes), silent, request.without)
    return heads


def _shown(rest: _Rest, prefix: str) -> SignedCheckpoint | None:
    """Return the checkpoint of the log that a witness or mirror shows, or None if it has none."""
    if not prefix:
        raise StorageError("E5402", "it has no address", hint="name its address: --from NAME=URL")
    with RemoteNode(prefix, deadlines=_PATIENCE) as remote:
        data = remote.file(rest.log, "checkpoint")
    found = rest.signed(data)
    if data is not None and found is None:
        raise StorageError("E5403", "it shows what this log has not signed", hint="tell its operator")
    return found


def _require_answers(count: int, silent: Mapping[str, str], without: Collection[str]) -> None:
    unnamed = {name: why for name, why in silent.items() if name not in without}
    # Of any quorum so many have answered then that an honest one is among them: it shows what they saw.
    needed = 2 * (count - safe_quorum(count)) + 1 if count else 0
    if unnamed:
        hint = "try again when they are back; without one that is gone for good: --without NAME"
    elif count - len(silent) < needed:
        hint = f"{needed} of {count} witnesses must answer; try again when they are back"
    else:
        return
    said = "; ".join(f"{name}: {why}" for name, why in (unnamed or silent).items())
    raise StorageError(
        "E5338",
        f"witnesses do not answer, and may have seen more of the log: {said}",
        hint=hint,
        unchanged="nothing was signed or changed",
    )


def _mirrors(rest: _Rest, request: RecoverRequest) -> Iterator[tuple[str, str]]:
    """Yield member and address of the mirrors of the other members."""
    for member in rest.roster.active:
        url = request.at.get(member.id, member.url)
        if member.id != rest.config.origin and url:
            yield member.id, url.rstrip("/") + MIRROR_PATH


def _adopt(rest: _Rest, head: SignedCheckpoint, request: RecoverRequest) -> str:
    """Replace the log by the state of a head; return whose entries it was made of."""
    said = []
    data = rest.own_lines(head)
    size = head.checkpoint.size
    with ExitStack() as stack:
        for name, get in _sources(rest, request, stack):
            try:
                adopt(
                    rest.keys, rest.blobs, rest.register, data, _entries(get, size), former=rest.own.former()
                )
            except VerificationError as error:
                said.append(f"{name}: {error.message}")
            except StorageError as error:
                if error.code not in _NOT_THERE:
                    raise
                said.append(f"{name}: {error.message}")
            else:
                return name
    raise _nobody(f"its {size} entries are nowhere: {'; '.join(said)}")


def _sources(rest: _Rest, request: RecoverRequest, stack: ExitStack) -> Iterator[tuple[str, Get]]:
    """Yield where entries may be left: here, then with each mirror, opened when it is its turn."""
    folder = LogNames(rest.config.origin).folder
    yield OWN_FILES, lambda name: rest.blobs.get(folder + name)
    signer = RequestSigner(rest.config.origin, rest.own.signer("act").ed25519, rest.clock)
    for member, url in _mirrors(rest, request):
        remote = stack.enter_context(RemoteNode(url, member, signer, deadlines=_PATIENCE))
        yield member, _file_of(remote, rest.log)


def _file_of(remote: RemoteNode, log: str) -> Get:
    return lambda name: remote.file(log, name)


def _entries(get: Get, size: int) -> Callable[[int, int], Iterable[bytes]]:
    """Return how to read entries of a log of some size; nobody has proven them, which is `adopt`'s part."""

    def entries(start: int, end: int) -> Iterator[bytes]:
        for index in range(start // WIDTH, -(-end // WIDTH)):
            low = index * WIDTH
            bundle = fetch_bundle(get, TilePath(ENTRIES, index, width_at(ENTRIES, index, size)))
            yield from bundle[max(start - low, 0) : end - low]

    return entries


def _begun(places: Places, old: int) -> int:
    """Remember the size before the loss, durably: killed behind the recovery, the gap is still logged."""
    path = places.state / _MARK
    if path.exists():
        return _marked(path, old)
    write_whole(path, canonical({"old": old}))
    return old


def _marked(path: Path, old: int) -> int:
    match parse_canonical(path.read_bytes(), max_bytes=100):
        case {"old": int(size)}:
            return size
        case _:
            return old


def _ended(node: Node, old: int, source: str) -> Recovered | None:
    """Log the gap, unless nothing was lost, and count what a log cannot bring back."""
    path = node.places.state / _MARK
    if not path.exists():
        return None
    old = _marked(path, old)
    new = node.log.head().checkpoint.size
    if new != old:
        detail = {"old": old, "new": new}
        node.member.record([Draft(kind="key-event", public={"event": "gap", "detail": {**detail}})])
    path.unlink()
    node.member.fold.catch_up(node.log)
    bodies = {body for _, _, body in node.member.fold.table.bodies()}
    missing = sum(node.blobs.get(blob_name(body)) is None for body in bodies)
    return Recovered(old, new, source, missing)


def _nobody(why: str) -> StorageError:
    return StorageError(
        "E5339",
        f"the log cannot be recovered: {why}",
        hint="ask the members who mirror it, or name a newer address: --from NAME=URL; if its entries are "
        "gone for good, it must never sign again: make a node with a new name",
        unchanged="nothing was signed or changed",
    )
