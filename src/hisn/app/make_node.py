"""Open this machine's node, or make one where there is none: sealing must not begin with a manual."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

from hisn.app.home import NewNode, Node, init_node, open_node
from hisn.app.places import Places

_FALLBACK = "hisn"


def open_or_make(root: Path, passphrase: Callable[[], str]) -> tuple[Node, bool]:
    """Return the node and whether it is new. A new one is a unit of one member, its key open."""
    if Places(root).config.exists():
        return open_node(root, passphrase), False
    name = own_hostname()
    return init_node(root, NewNode(origin=name, side=_FALLBACK, unit=name)), True


def own_hostname() -> str:
    """Return the id that a member gets from this machine's name."""
    return own_name(socket.gethostname())


def own_name(hostname: str) -> str:
    """Return a member's id from a host's name: lowercase, and nothing that an id cannot have."""
    kept = re.sub(r"[^a-z0-9.-]+", "-", hostname.lower()).strip("-.")
    return f"{kept[:80] or _FALLBACK}/hisn"
