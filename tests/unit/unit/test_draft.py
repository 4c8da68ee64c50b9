"""Drafts: every change, and what cannot be drafted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.unit.units import EAST, FOUR, NORTH, OUTSIDE, UNIT, Office, found, head

from hisn.errors import PolicyError, VerificationError
from hisn.tlog.merkle import EMPTY_ROOT
from hisn.unit.draft import Admit, Change, Dismiss, Join, Move, Revoke, Rotate, Suspend, make_charter
from hisn.unit.rosterdoc import NOW, parse_roster

CENTRE = Office("centre.example/log", "centre")
W3 = Office("w3.example", "w3", ("witness",))


def refused(*changes: Change) -> str:
    with pytest.raises(PolicyError) as caught:
        found().draft(*changes)
    return caught.value.code


def test_a_charter_names_its_first_roster() -> None:
    charter, roster = make_charter(UNIT, [NORTH.enrolment], acts_per_hour=7)
    assert charter.roster == roster.digest.hex()
    assert charter.acts_per_hour == 7
    assert parse_roster(roster.document) == roster
    stricter, _ = make_charter(
        UNIT, [each.enrolment for each in FOUR], [each.enrolment for each in OUTSIDE], roster_threshold=4
    )
    assert stricter.thresholds == {"roster": 4}
    with pytest.raises(VerificationError) as caught:
        make_charter(
            UNIT, [each.enrolment for each in FOUR], [each.enrolment for each in OUTSIDE], roster_threshold=2
        )
    assert caught.value.code == "E3408"


def test_states_that_nobody_names_stay_as_they_were() -> None:
    unit = found()
    first = unit.draft(heads=[head(NORTH, 9)])
    assert {each.origin: each.size for each in first.at} == {
        each.name: 9 if each is NORTH else 0 for each in FOUR
    }
    assert {each.root for each in first.at if not each.size} == {EMPTY_ROOT}
    unit.chain.append(first)
    assert unit.draft().witnessed(NORTH.name) == 9


def test_a_member_whose_log_does_not_grow_can_rotate_again_and_again() -> None:
    """Two thefts in one night: keys withdrawn at one entry are several, and none of them counts."""
    unit = found()
    for generation in (1, 2, 3):
        new = NORTH.key("act", generation).public
        unit.chain.append(unit.draft(Rotate(NORTH.name, "act", new)))
    member = unit.chain[-1].find(NORTH.name)
    assert member
    assert [(key.start, key.until) for key in member.keys if key.role == "act"] == [(0, 0)] * 3 + [(0, None)]
    assert unit.chain[-1].keys_at(NORTH.name, "act", 0) == NORTH.key("act", 3).public
    suspended = unit.draft(Suspend(NORTH.name), Admit(W3.enrolment)).find(NORTH.name)
    assert suspended
    assert not suspended.is_active


def test_members_and_witnesses_come_and_go() -> None:
    unit = found()
    draft = unit.draft(Join(CENTRE.enrolment), Admit(W3.enrolment), Dismiss(OUTSIDE[0].name))
    assert CENTRE.name in [member.id for member in draft.members]
    assert [witness.name for witness in draft.witnesses] == [OUTSIDE[1].name, W3.name]
    moved = unit.draft(Move(NORTH.name, "n", "https://north.example")).find(NORTH.name)
    assert moved
    assert (moved.side, moved.url) == ("n", "https://north.example")


def test_keys_are_replaced_now_or_where_the_owner_says() -> None:
    unit = found()
    new = NORTH.key("act", 1).public

    def ends(change: Rotate) -> list[tuple[int, int | None]]:
        member = unit.draft(change, heads=[head(NORTH, 9)]).find(NORTH.name)
        assert member
        return [(key.start, key.until) for key in member.keys if key.role == "act"]

    assert ends(Rotate(NORTH.name, "act", new)) == [(0, 9), (9, None)]
    assert ends(Rotate(NORTH.name, "act", new, until=4)) == [(0, 4), (9, None)]
    assert ends(Rotate(NORTH.name, "act", new, until=12)) == [(0, 12), (12, None)]
    assert ends(Rotate(NORTH.name, "act", new, until=12, start=15)) == [(0, 12), (15, None)]
    with pytest.raises(VerificationError) as caught:
        ends(Rotate(NORTH.name, "act", new, until=4, start=4))
    assert caught.value.code == "E3412"


def test_a_theft_that_is_found_late_ends_every_key_behind_it() -> None:
    unit = found()
    first = unit.draft(Rotate(NORTH.name, "act", NORTH.key("act", 1).public), heads=[head(NORTH, 9)])
    unit.chain.append(first)
    change = Rotate(NORTH.name, "act", NORTH.key("act", 2).public, until=4)
    member = unit.draft(change, heads=[head(NORTH, 20)]).find(NORTH.name)
    assert member
    assert [(key.start, key.until) for key in member.keys if key.role == "act"] == [
        (0, 4),
        (9, 9),
        (20, None),
    ]


def test_a_key_can_be_replaced_before_it_signed_anything() -> None:
    unit = found()
    draft = unit.draft(Rotate(NORTH.name, "act", NORTH.key("act", 1).public))
    assert draft.keys_at(NORTH.name, "act", 0) == NORTH.key("act", 1).public


def test_a_witness_key_ends_without_another() -> None:
    draft = found().draft(Revoke(NORTH.name, "witness"), Revoke(NORTH.name, "mirror"))
    for role in ("witness", "mirror"):
        with pytest.raises(VerificationError):
            draft.keys_at(NORTH.name, role, NOW)
    with pytest.raises(VerificationError) as caught:
        found().draft(Revoke(NORTH.name, "log"))
    assert caught.value.code == "E3404"


def test_a_member_comes_back_behind_the_entries_it_had() -> None:
    unit = found()
    unit.chain.append(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]))
    back = unit.draft(Join(NORTH.again()), heads=[head(NORTH, 12)]).find(NORTH.name)
    assert back
    assert back.is_active
    assert [(key.role, key.start) for key in back.keys if key.until is None] == [
        ("act", 12),
        ("log", 12),
        ("mirror", 2),
        ("root", 0),
        ("witness", 2),
    ]


def test_what_cannot_be_drafted_is_said() -> None:
    other_unit = replace(CENTRE.enrolment, unit="another")
    keyless = Office("x.example/log", "x", ("act", "log"))
    assert refused(Join(other_unit)) == "E4302"
    assert refused(Admit(other_unit)) == "E4302"
    assert refused(Join(keyless.enrolment)) == "E4302"
    assert refused(Join(NORTH.enrolment)) == "E4302"
    assert refused(Suspend(NORTH.name), Join(Office(NORTH.name, "north", generation=3).enrolment)) == "E4302"
    assert refused(Suspend("nobody")) == "E4302"
    assert refused(Rotate("nobody", "act", NORTH.root.public)) == "E4302"
    assert refused(Move("nobody", "x", "")) == "E4302"
    assert refused(Dismiss("nobody")) == "E4302"
    assert refused(Admit(OUTSIDE[0].enrolment)) == "E4302"
    assert refused(Admit(CENTRE.enrolment)) == "E4302"


def test_a_draft_that_gives_a_side_a_veto_is_refused() -> None:
    assert refused(Dismiss(OUTSIDE[0].name), Dismiss(OUTSIDE[1].name)) == "E4300"
    assert refused(Move(EAST.name, "north", ""), Move(FOUR[2].name, "north", "")) == "E4300"
