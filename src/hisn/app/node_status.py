"""Say how this node stands: whose it is, what is in its log, what is witnessed, what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hisn.app.erased import erased
from hisn.app.home import Node
from hisn.app.places import blob_name
from hisn.app.reopen import own_act
from hisn.errors import HisnError
from hisn.evidence.node_key import needs_passphrase
from hisn.tlog.fsck import Report, fsck
from hisn.tlog.staging import LogNames
from hisn.unit.quorum import witnesses_of

MIN_OUTSIDE = 2


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
    """Hold what `hisn node fsck` found: the log's files, and bodies that are missing or changed."""

    log: Report
    missing: tuple[tuple[int, str], ...]
    changed: tuple[tuple[int, str], ...]

    @property
    def is_sound(self) -> bool:
        """Tell whether everything is as it was signed."""
        return self.log.checkpoint is not None and not (self.log.problems or self.missing or self.changed)


def status_of(node: Node) -> NodeStatus:
    """Return the node's status."""
    node.member.fold.catch_up(node.log)
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
        refusal=node.log.refusal.message if node.log.refusal else None,
    )


def check_node(node: Node) -> Checked:
    """Derive the whole log again, and look at every body that its acts commit to."""
    folder = LogNames(node.config.origin).folder
    names = [name.removeprefix(folder) for name in node.blobs.list(folder)]
    report = fsck(
        lambda name: node.blobs.get(folder + name),
        node.log.keys,
        checkpoint=node.log.head().raw,
        names=[name for name in names if name != "checkpoint"],
    )
    missing, changed = [], []
    node.member.fold.catch_up(node.log)
    gone = erased(node).bodies
    for position, kind, body in node.member.fold.table.bodies():
        if body in gone:
            continue
        if node.blobs.get(blob_name(body)) is None:
            missing.append((position, kind))
            continue
        try:
            own_act(node, position)
        except HisnError:
            changed.append((position, kind))
    return Checked(report, tuple(missing), tuple(changed))


def advise(node: Node) -> list[Advice]:
    """Return what a careful operator would change, the gravest first."""
    return sorted(_advise(node), key=lambda advice: not advice.is_grave)


def _advise(node: Node) -> Iterator[Advice]:
    if node.log.refusal:
        yield Advice("refuses", is_grave=True, args={"why": node.log.refusal.message})
    witnesses = witnesses_of(node.roster, node.config.origin)
    if not witnesses:
        yield Advice("no-witness", is_grave=True, args={})
    elif sum(not each.is_member for each in witnesses) < MIN_OUTSIDE:
        yield Advice("few-outside", is_grave=False, args={})
    if not needs_passphrase((node.places.keys / "node.key").read_bytes()):
        yield Advice("open-key", is_grave=False, args={"path": str(node.places.keys / "node.key")})
    if not node.escrow():
        yield Advice("no-escrow", is_grave=True, args={"path": str(node.places.keys)})
    elif lost := node.vault().without_escrow():
        yield Advice("keys-without-escrow", is_grave=False, args={"count": str(len(lost))})
    if mode := node.places.keys.stat().st_mode & 0o077:
        yield Advice("keys-readable", is_grave=True, args={"mode": oct(mode), "path": str(node.places.keys)})
    published = node.log.published()
    behind = node.log.head().checkpoint.size - (published.checkpoint.size if published else 0)
    if behind:
        yield Advice("unpublished", is_grave=False, args={"count": str(behind)})
