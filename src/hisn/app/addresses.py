"""Say where others are reached: a member's address in the roster is that of its whole node."""

from __future__ import annotations

from hisn.unit.quorum import witnesses_of
from hisn.unit.rosterdoc import Roster

WITNESS_PATH = "/witness"
MIRROR_PATH = "/mirror"


def witness_prefixes(roster: Roster, origin: str) -> dict[str, str]:
    """Return by name where the witnesses of a log take checkpoints and show them; "" without an address.

    A member's witness answers below its node; an outside witness enrolled where it answers.
    """
    return {
        each.name: each.url.rstrip("/") + WITNESS_PATH if each.url and each.is_member else each.url
        for each in witnesses_of(roster, origin)
    }
