"""Refuse a roster that gives one side the power to silence a member.

The ledger's rule is that the quorum for publishing can be reached without any one side.  This is
checked when a roster is made and before it is signed; a verifier only says which sides cosigned.
"""

from __future__ import annotations

from collections import Counter

from hisn.errors import PolicyError
from hisn.unit.quorum import witnesses_of
from hisn.unit.rosterdoc import Roster, safe_quorum

MIN_OUTSIDE = 2
"""Witnesses outside the unit that are recommended."""


def check_no_veto(roster: Roster) -> None:
    """Return if no side can keep any member from publishing by withholding cosignatures.

    Raises PolicyError, naming the side.  Where a log has no witness at all nobody can withhold one.
    """
    for member in roster.active:
        sides = Counter(each.side for each in witnesses_of(roster, member.id))
        needed = safe_quorum(sides.total())
        for side, count in sorted(sides.items()):
            if sides.total() - count < needed:
                raise PolicyError(
                    "E4300",
                    f"the side {side} can veto what {member.id} publishes: {needed} of its"
                    f" {sides.total()} witnesses must cosign, and {count} are of that side",
                    hint="add witnesses of other sides; at least two of them outside the unit",
                    unchanged="the roster is as it was",
                )


def lacks_outsiders(roster: Roster) -> bool:
    """Tell whether fewer than two witnesses are outside the unit, though there are witnesses.

    Members alone can agree to show strangers another log; `doctor` warns of it.
    """
    has_any = any(witnesses_of(roster, member.id) for member in roster.active)
    return has_any and len(roster.witnesses) < MIN_OUTSIDE
