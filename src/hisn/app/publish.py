"""Publish the log's newest state: ask the witnesses, and publish with a quorum only."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.app.home import Node
from hisn.errors import PolicyError
from hisn.unit.quorum import publishing_policy


@dataclass(frozen=True, slots=True)
class Published:
    """Say who has cosigned the newest state, who has not and why, and whether it is published."""

    size: int
    is_published: bool
    cosigners: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()


def publish(node: Node) -> Published:
    """Bring the newest state before the witnesses; never raises because one is away or hostile."""
    head = node.log.head()
    policy = publishing_policy(node.roster, node.config.origin, head.checkpoint.size)
    try:
        node.log.publish(head.raw, policy)
    except PolicyError as error:
        return Published(head.checkpoint.size, is_published=False, missing=(("quorum", error.message),))
    return Published(head.checkpoint.size, is_published=True)
