"""Witnesses are asked where they answer, whether they are members or not."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.unit.units import EAST, OUTSIDE, found

from hisn.app.addresses import witness_prefixes


def test_a_members_witness_answers_below_its_node_and_an_outside_one_where_it_says() -> None:
    roster = found().roster
    members = tuple(
        replace(member, url="https://north.example/node/") if member.side == "north" else member
        for member in roster.members
    )
    witnesses = tuple(replace(each, url=f"https://{each.name}/witness") for each in roster.witnesses)
    prefixes = witness_prefixes(replace(roster, members=members, witnesses=witnesses), EAST.name)
    assert EAST.name not in prefixes
    assert prefixes["north.example/log"] == "https://north.example/node/witness"
    assert prefixes["south.example/log"] == ""
    assert {prefixes[each.name] for each in OUTSIDE} == {f"https://{each.name}/witness" for each in OUTSIDE}
