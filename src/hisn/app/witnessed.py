"""Say what this node's own witness has cosigned, and what it may not cosign: it signs away nothing seen."""

from __future__ import annotations

from collections.abc import Iterable

from hisn.app.peers import watched_rosters
from hisn.app.places import Places
from hisn.node.held import parse_held
from hisn.node.holds import Holds
from hisn.node.known import origin_hash
from hisn.tlog.ports import Register
from hisn.unit.rosterdoc import Roster

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


def logs_to_cosign(places: Places, roster: Roster, own: str) -> tuple[str, ...]:
    """Return the logs of others that this node cosigns: of its unit, and of those that it only witnesses."""
    rosters = (*watched_rosters(places), roster)
    return tuple(sorted({each.id for roster in rosters for each in roster.active} - {own}))


def held_logs(register: Register, origins: Iterable[str]) -> tuple[str, ...]:
    """Return the logs that are not cosigned, since it may be forgotten what was. Raises StorageError."""
    holds = Holds(register)
    return tuple(origin for origin in origins if holds.get(origin))
