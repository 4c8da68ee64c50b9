"""Read from the log what was erased, and erase again what a restored backup brought back."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.app.home import Node
from hisn.app.places import blob_name


@dataclass(frozen=True, slots=True)
class Erased:
    """Hold what the log says was erased: intake keys by commitment, bodies by what acts commit to."""

    keys: frozenset[bytes]
    bodies: frozenset[bytes]


def erased(node: Node) -> Erased:
    """Return what this node's log says was erased."""
    node.member.fold.catch_up(node.log)
    keys, bodies = set[bytes](), set[bytes]()
    for position in node.member.fold.table.positions("key-event"):
        act = parse_statement(parse_envelope(node.log.read_entry(position)).payload)
        detail = act.public["detail"]
        if act.public["event"] == "erase" and isinstance(detail, dict):
            for name, found in (("key", keys), ("body", bodies)):
                if isinstance(digest := detail.get(name), str):
                    found.add(bytes.fromhex(digest))
    return Erased(frozenset(keys), frozenset(bodies))


def erase_bodies(node: Node) -> None:
    """Remove every body that the log says was erased; those that are gone already are no error.

    Keys need no such call: `Node.vault` does it for them.
    """
    for digest in sorted(erased(node).bodies):
        node.blobs.delete(blob_name(digest))
