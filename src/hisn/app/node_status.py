"""Say how this node stands: whose it is, what is in its log, what is witnessed, what is missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.app.erased import Erased, erased
from hisn.app.home import Node
from hisn.app.places import blob_name
from hisn.app.reopen import own_act
from hisn.app.witnessed import held_logs, logs_to_cosign
from hisn.errors import HisnError
from hisn.evidence.node_key import needs_passphrase
from hisn.tlog.fsck import Report, fsck
from hisn.tlog.staging import LogNames
from hisn.unit.quorum import witnesses_of

MIN_OUTSIDE = 2
FILE = "sealed file"
"""What stands beside the kinds of acts where an encrypted file is missing or changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """Hold what `hisn node status` prints."""

    origin: str
    side: str
    unit: str
    genesis: str
    epoch: int
    members: tuple[str, ...]
    witnesses: tuple[str, ...]
    size: int
    root: str
    published: int
    acts: dict[str, int]
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Advice:
    """Hold one thing that `hisn node doctor` found: a code, a sentence, what to do, and how grave it is."""

    code: str
    is_grave: bool
    args: dict[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """Hold what `hisn node fsck` found: the log's files; bodies and sealed files missing or changed."""

    log: Report
    missing: tuple[tuple[int, str], ...]
    changed: tuple[tuple[int, str], ...]

    @property
    def is_sound(self) -> bool:
        """Tell whether everything is as it was signed."""
        return self.log.checkpoint is not None and not (self.log.problems or self.missing or self.changed)


def status_of(node: Node) -> NodeStatus:
    """Return the node's status, also where the log must not be signed, or cannot be read whole."""
    _fold_what_can_be_read(node)
    head, published = node.log.head().checkpoint, node.log.published()
    return NodeStatus(
        origin=node.config.origin,
        side=node.config.side,
        unit=node.charter.name,
        genesis=node.charter.genesis.hex(),
        epoch=node.roster.epoch,
        members=tuple(member.id for member in node.roster.active),
        witnesses=tuple(each.name for each in witnesses_of(node.roster, node.config.origin)),
        size=head.size,
        root=head.root.hex(),
        published=published.checkpoint.size if published else 0,
        acts=node.member.fold.table.counts(),
        refusal=_refusal(node),
    )


def _refusal(node: Node) -> str | None:
    """Return why nothing can be signed, or None."""
    if node.log.refusal:
        return node.log.refusal.message
    return "its signing keys are lost" if node.own_keys.is_lost else None


def check_node(node: Node) -> Checked:
    """Derive the whole log again, and look at every body and sealed file that its acts commit to."""
    folder = LogNames(node.config.origin).folder
    names = [name.removeprefix(folder) for name in node.blobs.list(folder)]
    report = fsck(
        lambda name: node.blobs.get(folder + name),
        node.log.keys,
        checkpoint=node.log.head().raw,
        names=[name for name in names if name != "checkpoint"],
    )
    missing: list[tuple[int, str]] = []
    changed: list[tuple[int, str]] = []
    _fold_what_can_be_read(node)
    for position, kind, state in _judged(node):
        if state is not _State.SOUND:
            (changed if state is _State.CHANGED else missing).append((position, kind))
    return Checked(report, tuple(sorted(missing)), tuple(sorted(changed)))


def _fold_what_can_be_read(node: Node) -> None:
    """Fold the log; of one whose files are damaged, what was folded before has to do."""
    try:
        node.member.fold.catch_up(node.log)
    except HisnError:
        if node.log.refusal is None:
            raise


class _State(Enum):
    SOUND = auto()
    MISSING = auto()
    CHANGED = auto()


def _judged(node: Node) -> Iterator[tuple[int, str, _State]]:
    """Yield the state of every body, and of every encrypted file by the first of its batches."""
    try:
        gone = erased(node)
    except HisnError:  # entries are damaged: which files were erased cannot be told
        gone = Erased(frozenset(), frozenset())
    for position, kind, body in node.member.fold.table.bodies():
        if body not in gone.bodies:
            yield position, kind, _state_of_body(node, position, body)
    seen: set[str] = set()
    for position in node.member.fold.table.positions("batch"):
        try:
            public = parse_statement(parse_envelope(node.log.read_entry(position)).payload).public
        except HisnError:
            continue  # the log's own files are damaged: named above
        ciphertext = str(public["ciphertext"])
        if ciphertext not in seen and bytes.fromhex(str(public["key"])) not in gone.keys:
            seen.add(ciphertext)
            yield position, FILE, _state_of_file(node, ciphertext)


def _state_of_body(node: Node, position: int, body: bytes) -> _State:
    if node.blobs.get(blob_name(body)) is None:
        return _State.MISSING
    try:
        own_act(node, position)
    except HisnError:
        return _State.CHANGED
    return _State.SOUND


def _state_of_file(node: Node, ciphertext: str) -> _State:
    parts = node.blobs.get_parts(blob_name(bytes.fromhex(ciphertext)))
    if parts is None:
        return _State.MISSING
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return _State.SOUND if digest.hexdigest() == ciphertext else _State.CHANGED


def advise(node: Node) -> list[Advice]:
    """Return what a careful operator would change, the gravest first."""
    return sorted(_advise(node), key=lambda advice: not advice.is_grave)


def _advise(node: Node) -> Iterator[Advice]:
    if node.log.refusal:
        yield Advice("refuses", is_grave=True, args={"why": node.log.refusal.message})
    if node.own_keys.is_lost:
        yield Advice("keys-lost", is_grave=True, args={})
    others = logs_to_cosign(node.places, node.roster, node.config.origin)
    if held := held_logs(node.register, others):
        yield Advice("not-cosigned", is_grave=True, args={"logs": ", ".join(held)})
    witnesses = witnesses_of(node.roster, node.config.origin)
    if not witnesses:
        yield Advice("no-witness", is_grave=True, args={})
    elif sum(not each.is_member for each in witnesses) < MIN_OUTSIDE:
        yield Advice("few-outside", is_grave=False, args={})
    if not needs_passphrase((node.places.keys / "node.key").read_bytes()):
        yield Advice("open-key", is_grave=False, args={"path": str(node.places.keys / "node.key")})
    if not node.escrow():
        yield Advice("no-escrow", is_grave=True, args={"path": str(node.places.keys)})
    elif node.log.refusal is None and (lost := node.vault().without_escrow()):
        yield Advice("keys-without-escrow", is_grave=False, args={"count": str(len(lost))})
    if mode := node.places.keys.stat().st_mode & 0o077:
        yield Advice("keys-readable", is_grave=True, args={"mode": oct(mode), "path": str(node.places.keys)})
    published = node.log.published()
    behind = node.log.head().checkpoint.size - (published.checkpoint.size if published else 0)
    if behind:
        yield Advice("unpublished", is_grave=False, args={"count": str(behind)})
