"""Offices have the same keys every time, and found the same unit."""

from __future__ import annotations

import pytest

from hisn.errors import PolicyError
from hisn.testing.unit_office import Office, found_unit, member_offices, outside_offices
from hisn.unit.roster import verify_roster_chain


def test_keys_follow_from_seed_name_role_and_generation() -> None:
    office = Office("north.example", "north", 1)
    keys = [
        office.key("act"),
        office.key("log"),
        office.key("act", 1),
        Office("south.example", "south", 1).key("act"),
        Office("north.example", "north", 2).key("act"),
    ]
    assert len({key.public for key in keys}) == len(keys)
    assert Office("north.example", "other", 1).key("act").public == keys[0].public


def test_an_enrolment_of_a_later_generation_keeps_the_root_key() -> None:
    office = Office("north.example", "north")
    first, second = office.enrolment(), office.enrolment(1)
    assert first.keys["root"] == second.keys["root"]
    assert not set(first.keys.values()) - {first.keys["root"]} & set(second.keys.values())


def test_a_founded_unit_verifies() -> None:
    offices = (*member_offices(3), *outside_offices(2))
    founded = found_unit(offices)
    (roster,) = verify_roster_chain(founded.charter.document, [founded.envelope])
    assert [each.id for each in roster.active] == ["east.example", "north.example", "south.example"]
    assert [each.name for each in roster.witnesses] == ["w1.example", "w2.example"]
    assert found_unit(offices) is founded


def test_a_unit_in_which_a_side_has_a_veto_is_not_founded() -> None:
    with pytest.raises(PolicyError):
        found_unit(member_offices(4, {"south": "one", "east": "one", "west": "one"}))


def test_there_are_places_for_large_units() -> None:
    assert len({each.name for each in member_offices(14)}) == 14
