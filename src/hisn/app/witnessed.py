"""Say what this node's own witness has cosigned: nobody may make it sign away what it has seen."""

from __future__ import annotations

from collections.abc import Iterable

from hisn.node.held import parse_held
from hisn.node.known import origin_hash
from hisn.tlog.ports import Register

_ROW = "witness/"


def cosigned_sizes(register: Register, origins: Iterable[str]) -> dict[str, int]:
    """Return, for logs of which it cosigned any, the largest size. Raises StorageError (E5400)."""
    sizes = {}
    for origin in origins:
        name = _ROW + origin_hash(origin)
        held = parse_held(name, register.get(name))
        if held is not None and held.time_s:
            sizes[origin] = held.size
    return sizes
