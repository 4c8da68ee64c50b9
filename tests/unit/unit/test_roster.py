"""The chain of epochs: what adopts one, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.unit.units import (
    EAST,
    FOUR,
    NORTH,
    OUTSIDE,
    SOUTH,
    UNIT,
    WEST,
    Office,
    Unit,
    found,
    head,
    signed,
    signer,
)

from hisn.acts.envelope import Signature
from hisn.core.keys import DualPublic
from hisn.core.signers import DualSigner
from hisn.errors import PolicyError, VerificationError
from hisn.unit.draft import Admit, Change, Dismiss, Join, Move, Revoke, Rotate, Suspend
from hisn.unit.enrol import assemble_roster, sign_roster
from hisn.unit.roster import (
    check_link,
    check_step,
    key_in_force,
    threshold,
    verify_epoch,
    verify_roster_chain,
)
from hisn.unit.rosterdoc import NOW, Charter, Key, Roster, parse_charter

ROOTS = [each.root for each in FOUR]
CENTRE = Office("centre.example/log", "centre")


def refused(unit: Unit, draft: Roster, signers: Iterable[DualSigner]) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_epoch(unit.charter, unit.chain, signed(draft.document, signers))
    return caught.value.code


def test_a_unit_is_founded_and_followed_from_its_charter_alone() -> None:
    unit = found()
    unit.adopt(
        unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, [EAST.root, SOUTH.root, WEST.root]
    )
    chain = verify_roster_chain(unit.charter.document, unit.envelopes)
    assert chain == tuple(unit.chain)
    assert [roster.epoch for roster in chain] == [0, 1]
    assert chain[0].signers == {each.name for each in FOUR}
    assert chain[1].signers == {EAST.name, SOUTH.name, WEST.name}
    assert chain[1].previous == chain[0].digest.hex()
    assert chain[1].charter == unit.charter.genesis.hex()


def test_a_lone_office_is_a_unit_of_one() -> None:
    unit = found([NORTH], [])
    assert unit.roster.active[0].id == NORTH.name
    new = NORTH.key("act", 1)
    unit.adopt(unit.draft(Rotate(NORTH.name, "act", new.public)).document, [NORTH.root, new])
    assert unit.roster.keys_at(NORTH.name, "act", 0) == new.public


def test_the_founders_sign_with_every_key() -> None:
    unit = found()
    first = unit.roster
    keys = [key for each in (*FOUR, *OUTSIDE) for key in each.keys]
    founding = Unit(unit.charter)
    for left_out in keys:
        assert refused(founding, first, [key for key in keys if key is not left_out]) == "E3407"
    verify_epoch(unit.charter, [], signed(first.document, keys))


def test_too_few_votes_do_not_adopt() -> None:
    unit = found()
    draft = unit.draft(Dismiss(OUTSIDE[0].name), Admit(Office("w9.example", "w9", ("witness",)).enrolment))
    newcomer = Office("w9.example", "w9", ("witness",)).keys
    assert refused(unit, draft, [*ROOTS[:2], *newcomer]) == "E3408"
    verify_epoch(unit.charter, unit.chain, signed(draft.document, [*ROOTS[:3], *newcomer]))


def test_old_and_new_members_must_both_adopt() -> None:
    unit = found([NORTH], [])
    three = [SOUTH, EAST, WEST]
    draft = unit.draft(
        *(Join(each.enrolment) for each in three), *(Admit(each.enrolment) for each in OUTSIDE)
    )
    newcomers = [key for each in (*three, *OUTSIDE) for key in each.keys]
    # All keys that are new have signed, and they are enough members of the new epoch; but not of the old.
    assert refused(unit, draft, newcomers) == "E3408"
    unit.adopt(draft.document, [*newcomers, NORTH.root])
    assert threshold(unit.charter, unit.roster) == 3
    # A suspended member's vote is no vote.
    rest = unit.draft(Suspend(SOUTH.name))
    assert refused(unit, rest, [NORTH.root, SOUTH.root, EAST.root]) == "E3408"
    unit.adopt(rest.document, [NORTH.root, WEST.root, EAST.root])


def test_the_charter_can_ask_for_more_and_never_for_less_than_is_safe() -> None:
    unit = found()

    def charter(needed: int) -> Charter:
        return replace(unit.charter, thresholds={"roster": needed})

    assert [threshold(charter(needed), unit.roster) for needed in (1, 3, 4, 9)] == [3, 3, 4, 4]
    for needed in (1, 2, 5):
        with pytest.raises(VerificationError) as caught:
            check_link(charter(needed), None, unit.roster)
        assert caught.value.code == "E3408"


def test_an_epoch_follows_its_charter_and_its_predecessor() -> None:
    unit, other = found(), found(FOUR[:1], [])
    draft = unit.draft(Suspend(NORTH.name))
    third = Unit(unit.charter, unit.envelopes, [*unit.chain, draft]).draft()
    assert refused(unit, third, ROOTS) == "E3405"
    for wrong in (
        replace(draft, name="Another"),
        replace(draft, charter=other.charter.genesis.hex()),
        replace(draft, previous=other.roster.digest.hex()),
    ):
        with pytest.raises(VerificationError) as caught:
            check_link(unit.charter, unit.roster, wrong)
        assert caught.value.code == "E3406"
    with pytest.raises(VerificationError) as caught:
        verify_roster_chain(other.charter.document, unit.envelopes)
    assert caught.value.code == "E3406"


@pytest.mark.parametrize("count", [0, 1_001])
def test_a_chain_has_a_bounded_number_of_epochs(count: int) -> None:
    unit = found([NORTH], [])
    with pytest.raises(VerificationError) as caught:
        verify_roster_chain(unit.charter.document, unit.envelopes * count)
    assert caught.value.code == "E3405"


def test_a_key_without_its_owner_is_not_enrolled() -> None:
    unit = found()
    draft = unit.draft(Join(CENTRE.enrolment))
    assert refused(unit, draft, [*ROOTS, *CENTRE.keys[1:]]) == "E3407"
    unit.adopt(draft.document, [*ROOTS, *CENTRE.keys])
    moved = unit.draft(Dismiss(OUTSIDE[0].name), Admit(replace(OUTSIDE[0], name="w7.example").enrolment))
    assert refused(unit, moved, [*ROOTS, CENTRE.root]) == "E3407"


def test_signatures_that_do_not_count_are_refused() -> None:
    unit = found()
    draft = unit.draft(Suspend(NORTH.name))
    assert refused(unit, draft, [*ROOTS, signer("a stranger")]) == "E3409"
    assert refused(unit, draft, [*ROOTS, EAST.key("act")]) == "E3409"
    signatures = sign_roster(draft.document, ROOTS)
    for bad, code in (
        (signatures[1:], "E3409"),
        (signatures[:-1], "E3409"),
        ((*signatures[:-1], Signature(signatures[-1].key_id, signatures[0].raw)), "E3112"),
        (sign_roster(unit.roster.document, ROOTS), "E3112"),
    ):
        with pytest.raises(VerificationError) as caught:
            verify_epoch(unit.charter, unit.chain, assemble_roster(draft.document, bad))
        assert caught.value.code == code


def test_members_and_keys_stay_in_the_roster_for_ever() -> None:
    unit = found()
    ids = {each.name for each in FOUR}
    step = unit.draft(Move(NORTH.name, "elsewhere", "https://north.example"))
    check_step(unit.roster, step, ids)

    def code(new: Roster) -> str:
        with pytest.raises(VerificationError) as caught:
            check_step(unit.roster, new, ids)
        return caught.value.code

    assert code(replace(step, members=step.members[1:])) == "E3411"
    assert code(replace(step, at=step.at[1:])) == "E3410"
    assert code(replace(step, at=(*step.at, head(CENTRE, 1)))) == "E3410"
    first, *rest = step.members
    for keys in (first.keys[1:], (replace(first.keys[0], start=1), *first.keys[1:])):
        assert code(replace(step, members=(replace(first, keys=keys), *rest))) == "E3411"
    witness = Office(EAST.name, "east", generation=7).key("witness").public
    for start, until in ((0, None), (step.epoch + 1, None), (step.epoch, step.epoch)):
        bad = replace(first, keys=(*first.keys, Key("witness", witness, start, until)))
        assert code(replace(step, members=(bad, *rest))) == "E3412"


def test_witnessed_states_never_go_back() -> None:
    unit = found()
    unit.adopt(unit.draft(heads=[head(NORTH, 9), head(SOUTH, 3)]).document, ROOTS)
    assert unit.roster.witnessed(NORTH.name) == 9
    assert unit.roster.witnessed(EAST.name) == 0
    assert unit.roster.witnessed("nobody") == 0
    with pytest.raises(VerificationError) as caught:
        unit.draft(heads=[head(NORTH, 8)])
    assert caught.value.code == "E3410"
    with pytest.raises(VerificationError) as caught:
        unit.draft(heads=[head(NORTH, 9, "another")])
    assert caught.value.code == "E3410"
    unit.adopt(unit.draft(heads=[head(NORTH, 10)]).document, ROOTS)
    assert unit.roster.witnessed(SOUTH.name) == 3


def test_a_key_that_ended_never_counts_again() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, ROOTS)
    step = unit.draft()
    member = step.find(NORTH.name)
    assert member
    for until in (None, 10):
        keys = tuple(replace(key, until=until) if key.role == "act" else key for key in member.keys)
        others = tuple(each for each in step.members if each is not member)
        with pytest.raises(VerificationError) as caught:
            check_step(
                unit.roster, replace(step, members=(*others, replace(member, keys=keys))), {NORTH.name}
            )
        assert caught.value.code == "E3411"


def test_a_suspended_member_comes_back_with_new_keys_under_its_own_root() -> None:
    unit = found()
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, ROOTS)
    assert NORTH.name not in {member.id for member in unit.roster.active}
    back = unit.draft(Join(NORTH.again()))
    new = [NORTH.key(role, 1) for role in NORTH.roles if role != "root"]
    others = [each.root for each in FOUR if each is not NORTH]
    assert refused(unit, back, [*others, *new]) == "E3413"
    unit.adopt(back.document, [*others, *new, NORTH.root])
    assert unit.roster.keys_at(NORTH.name, "act", 8) == NORTH.key("act").public
    assert unit.roster.keys_at(NORTH.name, "act", 9) == NORTH.key("act", 1).public


def test_a_member_joins_active_and_by_its_own_root() -> None:
    unit = found()
    draft = unit.draft(Join(CENTRE.enrolment))
    ids = {each.name for each in FOUR}
    with pytest.raises(VerificationError) as caught:
        check_step(unit.roster, draft, ids)
    assert caught.value.code == "E3413"
    asleep = tuple(replace(each, is_active=each.id != CENTRE.name) for each in draft.members)
    with pytest.raises(VerificationError) as caught:
        check_step(unit.roster, replace(draft, members=asleep), ids | {CENTRE.name})
    assert caught.value.code == "E3412"


@pytest.mark.parametrize("role", ["act", "log", "mirror", "root", "witness"])
def test_a_key_is_replaced_by_its_owner_alone(role: str) -> None:
    unit = found()
    new = NORTH.key(role, 1)
    draft = unit.draft(Rotate(NORTH.name, role, new.public), heads=[head(NORTH, 9)])
    others = [each.root for each in FOUR if each is not NORTH]
    # A new root key signs for itself that it is held; that does not make it the owner's voice.
    assert refused(unit, draft, [*others, new]) == "E3413"
    unit.adopt(draft.document, [*others, new, NORTH.root])
    place = 9 if role in ("act", "log") else 1
    assert unit.roster.keys_at(NORTH.name, role, place - 1) == NORTH.key(role).public
    assert (
        unit.roster.keys_at(NORTH.name, role, place)
        == new.public
        == unit.roster.keys_at(NORTH.name, role, NOW)
    )


def test_nobody_takes_a_cosignature_back() -> None:
    unit = found()
    unit.adopt(unit.draft().document, ROOTS)
    with pytest.raises(VerificationError) as caught:
        unit.draft(Revoke(NORTH.name, "witness", until=1))
    assert caught.value.code == "E3412"
    draft = unit.draft(Revoke(NORTH.name, "witness"))
    unit.adopt(draft.document, ROOTS)
    with pytest.raises(VerificationError) as caught:
        unit.roster.keys_at(NORTH.name, "witness", NOW)
    assert caught.value.code == "E3415"
    with pytest.raises(VerificationError) as caught:
        unit.draft(Revoke(NORTH.name, "witness", until=1))
    assert caught.value.code == "E3412"


def test_a_root_key_is_not_ended_by_others() -> None:
    unit = found()
    new = NORTH.key("root", 1)
    draft = unit.draft(Rotate(NORTH.name, "root", new.public))
    with pytest.raises(VerificationError) as caught:
        check_step(unit.roster, draft, {each.name for each in FOUR if each is not NORTH})
    assert caught.value.code == "E3413"


STEPS = st.tuples(st.sampled_from(["suspend", "rotate", "move"]), st.booleans(), *[st.integers(0, 6)] * 2)


def history(steps: list[tuple[str, bool, int, int]]) -> list[Roster]:
    """Return epochs that change NORTH: how, whether it signs, how its log has grown, how far back a key ends."""
    unit = found()
    for number, (kind, is_owned, grown, back) in enumerate(steps):
        size = unit.roster.witnessed(NORTH.name) + grown
        change: Change = Move(NORTH.name, f"side{number}", "")
        if kind == "suspend":
            change = Suspend(NORTH.name)
        elif kind == "rotate":
            new = NORTH.key("act", 1 + number).public
            change = Rotate(NORTH.name, "act", new, until=max(0, size - back))
        signers = frozenset(each.name for each in FOUR if is_owned or each is not NORTH)
        with suppress(PolicyError, VerificationError):
            draft = unit.draft(change, heads=[head(NORTH, size)] if size else [])
            check_step(unit.roster, draft, signers)
            unit.chain.append(replace(draft, signers=signers))
    return unit.chain


def told(ask: Callable[[], DualPublic]) -> DualPublic | str:
    try:
        return ask()
    except VerificationError as error:
        return error.code


def look_through(chain: list[Roster], epoch: int, entry: int) -> DualPublic:
    """Look for a revocation in every later epoch that NORTH signed."""
    keys = chain[epoch].keys_at(NORTH.name, "act", entry)
    for later in chain[epoch + 1 :]:
        member = later.find(NORTH.name) if NORTH.name in later.signers else None
        if member and any(key.public == keys and not key.covers(entry) for key in member.keys):
            raise VerificationError("E3417", "revoked")
    return keys


@given(st.lists(STEPS, max_size=5), st.integers(0, 12))
def test_the_last_epoch_that_the_owner_signed_says_what_all_of_his_say(
    steps: list[tuple[str, bool, int, int]], entry: int
) -> None:
    """To look through a thousand epochs for each of ten thousand acts would keep a reader waiting."""
    chain = history(steps)
    for epoch in range(len(chain)):
        quick = told(partial(key_in_force, chain, epoch, NORTH.name, "act", entry))
        assert quick == told(partial(look_through, chain, epoch, entry))


def test_the_owner_can_revoke_in_the_past_and_others_cannot() -> None:
    unit = found()
    new = NORTH.key("act", 1)
    draft = unit.draft(Rotate(NORTH.name, "act", new.public, until=4), heads=[head(NORTH, 9)])
    unit.adopt(draft.document, [*ROOTS, new])
    assert key_in_force(unit.chain, 0, NORTH.name, "act", 3) == NORTH.key("act").public
    with pytest.raises(VerificationError) as caught:
        key_in_force(unit.chain, 0, NORTH.name, "act", 4)
    assert caught.value.code == "E3417"
    with pytest.raises(VerificationError) as caught:
        key_in_force(unit.chain, 1, NORTH.name, "act", 4)
    assert caught.value.code == "E3415"
    assert key_in_force(unit.chain, 1, NORTH.name, "act", 9) == new.public


def test_others_can_end_a_key_from_now_on() -> None:
    unit = found()
    others = [each.root for each in FOUR if each is not NORTH]
    unit.adopt(unit.draft(Suspend(NORTH.name), heads=[head(NORTH, 9)]).document, others)
    assert key_in_force(unit.chain, 1, NORTH.name, "act", 8) == NORTH.key("act").public
    with pytest.raises(VerificationError):
        key_in_force(unit.chain, 1, NORTH.name, "act", 9)
    # Under a head that the witnesses of epoch 0 cosigned, whatever its size, it stands.
    assert key_in_force(unit.chain, 0, NORTH.name, "act", 9) == NORTH.key("act").public
    with pytest.raises(VerificationError) as caught:
        unit.roster.keys_at("nobody.example", "act", 0)
    assert caught.value.code == "E3414"


def test_a_charter_names_its_unit() -> None:
    charter = parse_charter(found().charter.document)
    assert (charter.name, charter.fold_version, charter.acts_per_hour) == (UNIT, 1, 3_600)
    assert charter.thresholds == {"roster": 3}


def test_others_cannot_end_a_key_before_what_was_witnessed() -> None:
    unit = found()
    draft = unit.draft(Suspend(NORTH.name), Revoke(NORTH.name, "act", until=8), heads=[head(NORTH, 9)])
    others = [each.root for each in FOUR if each is not NORTH]
    assert refused(unit, draft, others) == "E3416"
    unit.adopt(draft.document, [*others, NORTH.root])
