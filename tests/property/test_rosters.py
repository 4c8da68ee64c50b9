"""Rosters: no bytes make the readers fail otherwise, no byte is free, and rules hold in any history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.unit.units import FOUR, NOON, NORTH, OUTSIDE, Office, Unit, checkpoint, found, head, signed

from hisn.core.canon import canonical
from hisn.errors import PolicyError, VerificationError
from hisn.unit.draft import Change, Rotate, Suspend
from hisn.unit.enrol import make_enrolment, owners_needed, verify_enrolment
from hisn.unit.quorum import judge_head, witnesses_of
from hisn.unit.roster import verify_epoch, verify_roster_chain
from hisn.unit.rosterdoc import Key, Member, OutsideWitness, Roster, parse_charter, parse_roster, safe_quorum
from hisn.unit.veto import check_no_veto

LONE = found([NORTH], [])
UNIT = found()
ENROLMENT = make_enrolment(
    "Delta unit", NORTH.name, "north", "", {role: NORTH.key(role) for role in NORTH.roles}
)


def only_refuses(data: bytes) -> None:
    for reader in (
        parse_charter,
        parse_roster,
        verify_enrolment,
        lambda text: verify_epoch(UNIT.charter, UNIT.chain, text),
        lambda text: verify_roster_chain(text, [text]),
        lambda text: verify_roster_chain(LONE.charter.document, [text]),
    ):
        try:
            reader(data)
        except VerificationError:
            continue


@given(st.binary(max_size=400))
def test_no_bytes_make_a_reader_fail_otherwise(data: bytes) -> None:
    only_refuses(data)


values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.text(max_size=5)
    | st.sampled_from(["root", "act", "none"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([UNIT.roster.document, LONE.roster.document, LONE.charter.document]), st.data())
def test_no_structure_makes_a_reader_fail_otherwise(document: bytes, data: st.DataObject) -> None:
    whole = json.loads(document)
    place: Any = whole
    while isinstance(place, dict | list) and place:
        steps = sorted(place) if isinstance(place, dict) else range(len(place))
        step = data.draw(st.sampled_from(list(steps)))
        if not isinstance(place[step], dict | list) or data.draw(st.booleans()):
            place[step] = data.draw(values)
            break
        place = place[step]
    changed = canonical(whole)
    only_refuses(changed)
    only_refuses(signed(changed, NORTH.keys))


@given(st.integers(0, len(LONE.envelopes[0]) - 1), st.integers(1, 255))
def test_a_changed_byte_of_an_epoch_is_refused(position: int, change: int) -> None:
    envelope = LONE.envelopes[0]
    flipped = envelope[:position] + bytes([envelope[position] ^ change]) + envelope[position + 1 :]
    with pytest.raises(VerificationError):
        verify_roster_chain(LONE.charter.document, [flipped])


def test_every_single_byte_of_a_charter_flipped_is_refused() -> None:
    # By its form, or because it names another first roster; where it is another charter, by its digest.
    charter = LONE.charter.document
    for position in range(len(charter)):
        flipped = charter[:position] + bytes([charter[position] ^ 1]) + charter[position + 1 :]
        try:
            verify_roster_chain(flipped, LONE.envelopes)
        except VerificationError:
            continue
        assert parse_charter(flipped).genesis != LONE.charter.genesis


@given(st.integers(0, len(ENROLMENT) - 1), st.integers(1, 255))
def test_a_changed_byte_of_an_enrolment_is_refused(position: int, change: int) -> None:
    flipped = ENROLMENT[:position] + bytes([ENROLMENT[position] ^ change]) + ENROLMENT[position + 1 :]
    with pytest.raises(VerificationError):
        verify_enrolment(flipped)


ROLES = st.sampled_from(["act", "log", "mirror", "root", "witness"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(FOUR),
        st.none() | ROLES,
        st.none() | st.integers(0, 30),
        st.tuples(*(st.integers(0, 9) for _ in FOUR)),
    ),
    max_size=4,
)


@given(STEPS)
def test_in_any_history_a_key_signs_for_ever_what_it_signed_in_its_time(steps: list[Any]) -> None:
    unit = Unit(UNIT.charter, list(UNIT.envelopes), list(UNIT.chain))
    signers = {office.name: [office.root] for office in FOUR}
    for number, (office, role, until, grown) in enumerate(steps, 1):
        new = office.key(role or "none", number)
        change: Change = (
            Suspend(office.name) if role is None else Rotate(office.name, role, new.public, until)
        )
        sizes = [unit.roster.witnessed(each.name) + more for each, more in zip(FOUR, grown, strict=True)]
        heads = [head(each, size) for each, size in zip(FOUR, sizes, strict=True) if size]
        try:
            draft = unit.draft(change, heads=heads)
        except (VerificationError, PolicyError):
            continue
        owners = owners_needed(unit.roster, draft)
        assert set(owners) <= {office.name}
        voters = [member.id for member in unit.roster.active]
        keys = {id(key): key for name in {*voters, *owners} for key in signers[name]}
        extra = [] if role is None else [new]
        before = unit.roster
        unit.adopt(draft.document, [*keys.values(), *extra])
        if role == "root":
            signers[office.name] = [new]
        assert_past_stands(before, unit.roster, office.name if office.name in owners else "")
    assert verify_roster_chain(unit.charter.document, unit.envelopes) == tuple(unit.chain)


def assert_past_stands(before: Roster, after: Roster, owner: str) -> None:
    """Compare place by place, by the plain meaning of the rule and not by how it is checked."""
    changed_members = {member.id: member for member in after.members}
    for member in before.members:
        changed = changed_members[member.id]
        for role in ("act", "log"):
            for entry in range(after.witnessed(member.id)):
                old = next(
                    (key.public for key in member.keys if key.role == role and key.covers(entry)), None
                )
                now = next(
                    (key.public for key in changed.keys if key.role == role and key.covers(entry)),
                    None,
                )
                assert now == old or (now is None and member.id == owner)


@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=6), st.lists(st.sampled_from("abcwxyz"), max_size=5)
)
def test_a_veto_is_found_exactly_where_a_side_can_withhold_the_quorum(
    sides: list[str], outside: list[str]
) -> None:
    offices = [Office(f"m{at}", side, ("act", "log", "root", "witness")) for at, side in enumerate(sides)]
    witnesses = [Office(f"w{at}", side, ("witness",)) for at, side in enumerate(outside)]
    roster = bare_roster(offices, witnesses)

    def can_veto(origin: str, side: str) -> bool:
        everybody = witnesses_of(roster, origin)
        left = [each for each in everybody if each.side != side]
        return len(left) < len(everybody) and len(left) < safe_quorum(len(everybody))

    expected = any(can_veto(office.name, side) for office in offices for side in "abcwxyz")
    try:
        check_no_veto(roster)
    except PolicyError:
        assert expected
    else:
        assert not expected


def bare_roster(offices: list[Office], witnesses: list[Office]) -> Roster:
    members = tuple(
        Member(
            each.name, each.side, "", True, tuple(Key(role, each.key(role).public, 0) for role in each.roles)
        )
        for each in offices
    )
    outside = tuple(
        OutsideWitness(each.name, each.side, "", each.key("witness").public) for each in witnesses
    )
    return Roster(
        epoch=0, name="x", charter="", previous="", at=(), members=members, witnesses=outside, document=b""
    )


@given(
    st.lists(
        st.tuples(st.sampled_from([*FOUR, *OUTSIDE]), st.integers(0, 50)),
        max_size=6,
        unique_by=lambda x: x[0].name,
    )
)
def test_whoever_lies_the_head_existed_by_the_bound(lines: list[tuple[Office, int]]) -> None:
    cosigners = [(each.name, each.key("witness"), NOON + late) for each, late in lines]
    result = judge_head(UNIT.chain, checkpoint(head(NORTH, 3), NORTH.key("log"), cosigners))
    counted = sorted(time for each, time in lines if each is not NORTH)
    assert result.is_reached == (len(counted) >= 4)
    # Whichever one of the five lies, an honest one had seen the head by that second.
    for liar in counted:
        honest = list(counted)
        honest.remove(liar)
        if result.before_s is not None:
            assert min(honest) + NOON <= result.before_s
