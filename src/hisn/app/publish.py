"""Publish the log's newest state: ask the witnesses, and publish with a quorum only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hisn.app.addresses import witness_prefixes
from hisn.app.home import Node
from hisn.node.published import Haste, Published, head_to_publish, publish_cosigned
from hisn.tlog.policy import Policy
from hisn.unit.publishing import publishing_policy

if TYPE_CHECKING:
    # It brings the HTTP client, which a node without witnesses does not need.
    from hisn.node.publish import Publisher


def publisher_of(node: Node, haste: Haste | None = None) -> Publisher:
    """Return what publishes a node's log by the rules of the roster in force."""
    from hisn.node.publish import Publisher

    return Publisher(node.log, asking_policy(node), register=node.register, clock=node.clock, haste=haste)


def asking_policy(node: Node) -> Policy:
    """Return the node's publishing policy with the addresses at which witnesses are asked."""
    prefixes = witness_prefixes(node.roster, node.config.origin)
    policy = publishing_policy(node.roster, node.config.origin, node.log.head().checkpoint.size)
    lines = tuple(replace(line, url=prefixes[line.vkey.name]) for line in policy.witnesses)
    return replace(policy, witnesses=lines)


def publish(node: Node, haste: Haste | None = None) -> Published:
    """Bring the newest state before the witnesses, and publish it with a quorum.

    Never raises because a witness is away or hostile.  Raises StorageError if nothing may be signed.
    """
    policy = asking_policy(node)
    if not policy.witnesses:
        return publish_cosigned(node.log, policy, head_to_publish(node.log))
    return publisher_of(node, haste).publish_now()
