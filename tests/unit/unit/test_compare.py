"""A signer must see what he signs: what is shown of an epoch, put onto the old one, gives the new one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.unit.units import EAST, FOUR, NORTH, OUTSIDE, SOUTH, Office, Unit, found, head

from hisn.errors import PolicyError, VerificationError
from hisn.unit.compare import (
    Admitted,
    Difference,
    Dismissed,
    Joined,
    KeyBegins,
    KeyEnds,
    Moved,
    Needed,
    Returned,
    Suspended,
    Witnessed,
    differences,
    needed,
)
from hisn.unit.draft import Admit, Change, Dismiss, Join, Move, Revoke, Rotate, Suspend
from hisn.unit.rosterdoc import Member, OutsideWitness, Roster

CENTRE = Office("centre.example/log", "centre")
W3 = Office("w3.example", "w3", ("witness",))
NEW_W1 = Office(OUTSIDE[0].name, "elsewhere", ("witness",), generation=1)


def put_onto(old: Roster | None, found: tuple[Difference, ...]) -> tuple[object, ...]:
    """Return members, witnesses and states after differences, by the plainest way."""
    members = {member.id: member for member in old.members} if old else {}
    witnesses = {each.name: each for each in old.witnesses} if old else {}
    states = {each.origin: each for each in old.at} if old else {}
    for difference in found:
        match difference:
            case Joined(member):
                members[member.id] = replace(member, keys=())
            case Suspended(name):
                members[name] = replace(members[name], is_active=False)
            case Returned(name):
                members[name] = replace(members[name], is_active=True)
            case Moved(name, _, (side, url)) if name in members:
                members[name] = replace(members[name], side=side, url=url)
            case Moved(name, _, (side, url)):
                witnesses[name] = replace(witnesses[name], side=side, url=url)
            case KeyBegins(name, key):
                members[name] = replace(members[name], keys=(*members[name].keys, key))
            case KeyEnds(name, key, _):
                kept = tuple(each for each in members[name].keys if each.public != key.public)
                members[name] = replace(members[name], keys=(*kept, key))
            case Admitted(witness, is_known):
                before = witnesses.get(witness.name, witness)
                assert is_known == (witness.name in witnesses)
                witnesses[witness.name] = replace(witness, side=before.side, url=before.url)
            case Dismissed(name):
                del witnesses[name]
            case Witnessed(head):
                states[head.origin] = head
    return whole(members.values(), witnesses.values(), states.values())


def whole(members: Any, witnesses: Any, states: Any) -> tuple[object, ...]:
    def keyed(member: Member) -> tuple[object, ...]:
        keys = sorted((key.role, key.start, key.until or -1, key.public.ed25519.raw) for key in member.keys)
        return member.id, member.side, member.url, member.is_active, tuple(keys)

    def plain(witness: OutsideWitness) -> tuple[object, ...]:
        return witness.name, witness.side, witness.url, witness.public.ed25519.raw, witness.public.mldsa.raw

    return (
        sorted(map(keyed, members)),
        sorted(map(plain, witnesses)),
        sorted((each.origin, each.size, each.root) for each in states),
    )


def is_whole(old: Roster | None, new: Roster) -> bool:
    return put_onto(old, differences(old, new)) == whole(new.members, new.witnesses, new.at)


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(Suspend, st.sampled_from([each.name for each in FOUR])),
    st.builds(
        lambda office, role, generation, until: Rotate(
            office.name, role, office.key(role, generation).public, until
        ),
        st.sampled_from(FOUR),
        st.sampled_from(["act", "log", "mirror", "root", "witness"]),
        st.integers(1, 3),
        st.none() | st.integers(0, 12),
    ),
    st.builds(Revoke, st.sampled_from([each.name for each in FOUR]), st.sampled_from(["mirror", "witness"])),
    st.builds(
        Move,
        st.sampled_from([each.name for each in FOUR]),
        st.sampled_from(["north", "elsewhere"]),
        st.sampled_from(["", "https://x.example"]),
    ),
    st.sampled_from(
        [Admit(W3.enrolment), Admit(NEW_W1.enrolment), Join(CENTRE.enrolment), Join(NORTH.again())]
    ),
    st.builds(Dismiss, st.sampled_from([each.name for each in (*OUTSIDE, W3)])),
)
STEPS = st.lists(st.tuples(st.lists(CHANGES, min_size=1, max_size=4), st.integers(0, 9)), max_size=3)


@given(STEPS)
def test_in_any_history_nothing_hides_behind_what_is_shown(steps: list[tuple[list[Change], int]]) -> None:
    unit = found()
    assert is_whole(None, unit.roster)
    for changes, grown in steps:
        heads = [head(NORTH, unit.roster.witnessed(NORTH.name) + grown)] if grown else []
        try:
            new = unit.draft(*changes, heads=heads)
        except (PolicyError, VerificationError):
            continue
        assert is_whole(unit.roster, new)
        unit.chain.append(new)


def shown(*changes: Change, unit: Unit | None = None, **more: Any) -> list[type]:
    unit = unit or found()
    return [type(each) for each in differences(unit.roster, unit.draft(*changes, **more))]


def test_each_change_is_shown_as_what_it_is() -> None:
    states = [Witnessed] * 4  # none was named before
    assert shown() == states
    assert shown(Join(CENTRE.enrolment)) == [Joined, *[KeyBegins] * 5, *states]
    assert shown(Suspend(NORTH.name), Admit(W3.enrolment)) == [Suspended, *[KeyEnds] * 4, Admitted, *states]
    assert shown(Rotate(NORTH.name, "act", NORTH.key("act", 1).public)) == [KeyEnds, KeyBegins, *states]
    assert shown(Move(NORTH.name, "n", "")) == [Moved, *states]
    dismissed = Dismiss(OUTSIDE[0].name)
    assert shown(dismissed, Admit(NEW_W1.enrolment)) == [Admitted, Moved, *states]
    assert shown(dismissed) == [Dismissed, *states]


def test_a_member_that_comes_back_is_shown_with_its_new_keys() -> None:
    unit = found((*FOUR, CENTRE))
    unit.chain.append(unit.draft(Suspend(NORTH.name)))
    assert shown(Join(NORTH.again()), unit=unit) == [Returned, *[KeyBegins] * 4]


def test_an_end_in_the_past_says_how_much_was_witnessed() -> None:
    unit = found()
    new = unit.draft(Rotate(NORTH.name, "act", NORTH.key("act", 1).public, 4), heads=[head(NORTH, 9)])
    (end,) = [each for each in differences(unit.roster, new) if isinstance(each, KeyEnds)]
    assert (end.id, end.key.until, end.witnessed) == (NORTH.name, 4, 9)


def test_how_many_must_agree_is_said_where_it_changes() -> None:
    unit = found((EAST, NORTH, SOUTH))
    first = needed(unit.charter, None, unit.roster)
    assert first[0] == Needed("", None, (3, 3))
    assert {(each.old, each.new) for each in first[1:]} == {(None, (3, 4))}
    assert needed(unit.charter, unit.roster, unit.draft()) == ()
    joined = unit.draft(Join(CENTRE.enrolment))
    assert needed(unit.charter, unit.roster, joined)[0] == Needed("", (3, 3), (3, 4))
    grown = {each.origin: (each.old, each.new) for each in needed(unit.charter, unit.roster, joined)[1:]}
    assert grown == {CENTRE.name: (None, (4, 5))} | {
        each.name: ((3, 4), (4, 5)) for each in (EAST, NORTH, SOUTH)
    }
    alone = found([NORTH], [])
    assert needed(alone.charter, None, alone.roster) == (
        Needed("", None, (1, 1)),
        Needed(NORTH.name, None, (0, 0)),
    )


@pytest.mark.parametrize("office", FOUR)
def test_no_member_is_forgotten(office: Office) -> None:
    new = found().draft(Move(office.name, "other", ""))
    assert [each.id for each in differences(found().roster, new) if isinstance(each, Moved)] == [office.name]
