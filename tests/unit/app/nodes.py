"""Let the real nodes of a unit publish, mirror and disclose to each other without a network.

`units` founds the unit; here its members cosign for each other in memory, and copy each other's
logs as a mirror does.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.app import units
from tests.unit.app.units import opened, request_of, seal, write_logs, write_rule

from hisn.app.disclose import disclose
from hisn.app.evidence_pack import find_finding
from hisn.app.heads import Heads
from hisn.app.member import Draft
from hisn.app.reopen import own_act
from hisn.app.wiring import load_rule_pack
from hisn.node.copy import LogCopy
from hisn.node.known import origin_hash
from hisn.testing.fake_clock import START
from hisn.tlog.sign import Cosigner, add_signatures
from hisn.unit.publishing import publishing_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hisn.app.home import Node
    from hisn.evidence.disclosure import Value
    from hisn.rules.pack import Pack

EAST, NORTH, SOUTH = units.MEMBERS
TIME_S = START // 1_000_000 + 60


@dataclass(frozen=True)
class World:
    """Hold a founded unit: the folders of its nodes, who cosigns, and the one rule they share."""

    roots: Mapping[str, Path]
    cosigners: Mapping[str, Cosigner]
    rule: Path

    @contextmanager
    def open(self, *names: str) -> Iterator[list[Node]]:
        """Open some nodes."""
        with ExitStack() as stack:
            yield [stack.enter_context(opened(self.roots[name])) for name in names]

    def copy(self, folder: Path) -> World:
        """Return the same unit in another folder, for a test to change."""
        folder.mkdir(exist_ok=True)
        return World(units.copied(self.roots, folder), self.cosigners, self.rule)

    @property
    def rules(self) -> Pack:
        """Return the rules that every member has."""
        return load_rule_pack((self.rule,), None)

    def publish(self, node: Node, time_s: int = TIME_S) -> None:
        """Publish a node's newest state with the cosignatures of everybody else."""
        head = node.log.head()
        raw = head.raw
        for name, cosigner in self.cosigners.items():
            if name != node.config.origin:
                raw = add_signatures(raw, cosigner.cosign(head.note.text, time_s))
        node.log.publish(raw, publishing_policy(node.roster, node.config.origin, head.checkpoint.size))


def world(folder: Path) -> World:
    """Found the unit: three members and two witnesses outside."""
    roots = units.found(folder)
    cosigners = {}
    for name, root in roots.items():
        with opened(root) as node:
            cosigners[name] = Cosigner(name, node.signer("witness"))
    return World(roots, cosigners, write_rule(folder))


def sealed_world(folder: Path) -> World:
    """Found the unit, and let EAST seal two logs and publish: four hits in two findings."""
    made = world(folder)
    logs = write_logs(
        folder / "logs",
        web=["/", "/?q=marked", "/x", "/?q=marked2", "/y"],
        vote=["/?marked", "/", "/?marked"],
    )
    with made.open(EAST) as (node,):
        seal(node, request_of(made.rule, logs))
        made.publish(node)
    return made


def mirror(of: Node, to: Node) -> None:
    """Copy a node's published log to another node, as its mirror would have it."""
    head = of.log.published()
    if head is None:
        raise AssertionError("nothing is published")
    size, root = head.checkpoint.size, head.checkpoint.root
    copy = LogCopy(origin_hash(of.config.origin), to.blobs, to.register)
    begun = copy.next_entry()
    copy.add(begun, list(of.log.entries(begun, size)))
    copy.complete(size, root)
    Heads(to).keep(head.raw)


VOTE, WEB = "vote.log", "web.log"


def id_of(node: Node, source: str) -> str:
    """Return the id of the newest finding in a source."""
    node.member.fold.catch_up(node.log)
    for place in reversed(node.member.fold.table.positions("finding")):
        values = act_of(node, place)
        if values["source"] == source:
            return str(values["id"])
    raise AssertionError(f"no finding in {source}")


def act_of(node: Node, place: int) -> dict[str, Value]:
    """Return the fields of a sealed body."""
    opened_act = own_act(node, place).opened
    if opened_act is None:
        raise AssertionError("the body is gone")
    return dict(opened_act.values)


def lie(unit: World, node: Node, source: str, changes: Mapping[str, Value]) -> str:
    """Let a node state its finding again with other fields, and publish it; return the id."""
    finding = find_finding(node, id_of(node, source))
    fields = act_of(node, finding) | dict(changes)
    node.member.record([Draft(kind="finding", sealed=fields)])
    unit.publish(node)
    return str(fields["id"])


def disclosed(unit: World, path: Path, source: str = VOTE) -> Path:
    """Let EAST disclose its newest finding in a source."""
    with unit.open(EAST) as (east,):
        disclose(east, id_of(east, source), path)
    return path
