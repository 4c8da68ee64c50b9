"""The policy that a log publishes by is the one by which everybody judges its heads."""

from __future__ import annotations

from itertools import combinations

import pytest
from tests.unit.unit.units import EAST, FOUR, NOON, NORTH, OUTSIDE, SOUTH, WEST, checkpoint, found, head

from hisn.tlog.policy import format_policy
from hisn.unit.draft import Suspend
from hisn.unit.publishing import publishing_policy
from hisn.unit.quorum import judge_head, policy_text

WITNESSES = (SOUTH, EAST, WEST, *OUTSIDE)


def test_the_policy_is_its_text() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(WEST.name)).document, [each.root for each in FOUR])
    for roster in (*unit.chain, found([NORTH], []).roster):
        for size in (None, 0, 7):
            policy = publishing_policy(roster, NORTH.name, size)
            assert format_policy(policy) == policy_text(roster, NORTH.name, size)


@pytest.mark.parametrize("count", range(len(WITNESSES) + 1))
def test_who_reaches_the_quorum_fulfils_the_policy_and_nobody_else(count: int) -> None:
    unit = found()
    policy = publishing_policy(unit.roster, NORTH.name)
    for chosen in combinations(WITNESSES, count):
        lines = [(each.name, each.key("witness"), NOON) for each in chosen]
        signed = checkpoint(head(NORTH, 3), NORTH.key("log"), lines)
        found_reached = judge_head(unit.chain, signed).is_reached
        assert found_reached == policy.satisfied_by(signed).reached == (count >= 4)
