"""Which of a node's keys count, the roster says; keys that are lost sign nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hisn.acts.statement import Head
from hisn.app.identity import ROLES, Identity, lost_signer
from hisn.app.own_keys import OwnKeys
from hisn.core.signers import DualSigner
from hisn.errors import StorageError, UsageError
from hisn.unit.rosterdoc import Key, Member, Roster

NAME = "east.example"
IDENTITY = Identity(b"n" * 32, b"s" * 32)


def roster_of(*keys: Key, is_active: bool = True) -> Roster:
    member = Member(NAME, "east", "", is_active=is_active, keys=keys)
    return Roster(
        epoch=0, name="unit", charter="", previous="", at=(), members=(member,), witnesses=(), document=b""
    )


def key(role: str, generation: int, start: int = 0, until: int | None = None) -> Key:
    return Key(role, IDENTITY.signer(role, generation).public, start, until)


def signs(signer: DualSigner) -> bool:
    signer.public.ed25519.verify(signer.ed25519.sign(b"text"), b"text")
    signer.public.mldsa.verify(signer.mldsa.sign(b"text"), b"text")
    return True


@pytest.mark.parametrize("generation", [0, 1, 7])
def test_the_generation_that_the_roster_names_signs(generation: int) -> None:
    own = OwnKeys(NAME, IDENTITY, roster_of(*(key(role, generation) for role in ROLES)))
    for role in ROLES:
        assert own.signer(role).public == IDENTITY.signer(role, generation).public
        assert signs(own.signer(role))
    assert not own.is_lost


def test_a_role_without_a_key_in_force_has_its_last_ones() -> None:
    """A suspended member's keys have ended; it still has them."""
    own = OwnKeys(NAME, IDENTITY, roster_of(key("log", 0, until=5), key("log", 1, 5, 9)))
    assert own.signer("log").public == IDENTITY.signer("log", 1).public
    assert (
        OwnKeys("other.example", IDENTITY, own.roster).signer("log").public == IDENTITY.signer("log").public
    )


def test_keys_that_the_roster_names_and_nobody_has_are_lost() -> None:
    thief = Identity(b"n" * 32, b"t" * 32)
    own = OwnKeys(NAME, thief, roster_of(*(key(role, 0) for role in ROLES)))
    assert own.is_lost
    for role in ROLES:
        signer = own.signer(role)
        assert signer.public == IDENTITY.signer(role).public
        for half in (signer.ed25519, signer.mldsa):
            with pytest.raises(StorageError) as caught:
                half.sign(b"text")
            assert caught.value.code == "E5337"
            assert role in caught.value.message
    assert lost_signer(IDENTITY.signer("log").public, "log").public == IDENTITY.signer("log").public


def test_former_log_keys_are_the_base_of_the_log_up_to_their_end() -> None:
    keys = (key("log", 0, until=5), key("log", 1, 5, 9), key("log", 2, 9), key("act", 0, until=5))
    own = OwnKeys(NAME, IDENTITY, roster_of(*keys))
    assert [(each.keys.public, each.until) for each in own.former()] == [
        (IDENTITY.signer("log").public, 5),
        (IDENTITY.signer("log", 1).public, 9),
    ]
    assert own.signer("log").public == IDENTITY.signer("log", 2).public
    assert OwnKeys("other.example", IDENTITY, own.roster).former() == ()


def test_keys_that_end_at_a_later_entry_sign_until_then() -> None:
    keys = (key("act", 0, until=5), key("act", 1, 5, 5), key("act", 2, 5, 20), key("act", 3, 20))
    own = OwnKeys(NAME, IDENTITY, replace(roster_of(*keys), at=(Head(NAME, 5, bytes(32)),)))
    succession = own.succession("act")
    assert len(succession.earlier) == 1  # what a quorum has seen nobody signs again
    publics = [succession.at(entry).public for entry in (0, 5, 19, 20, 10**6)]
    assert publics == [IDENTITY.signer("act", at).public for at in (2, 2, 2, 3, 3)]
    assert own.signer("act").public == publics[-1]
    assert OwnKeys(NAME, IDENTITY, roster_of()).succession("log").earlier == ()


def test_keys_are_replaced_by_ones_that_never_signed() -> None:
    """One of the time when the node was alone can be the one that was stolen."""
    own = OwnKeys(NAME, IDENTITY, roster_of(key("act", 2), key("log", 15)))
    assert own.next_signer("act").public == IDENTITY.signer("act", 3).public
    for role in ("log", "root"):
        with pytest.raises(UsageError) as caught:
            own.next_signer(role)
        assert caught.value.code == "E1332"


def test_a_suspended_member_comes_back_under_new_keys_and_its_own_root() -> None:
    keys = (key("act", 1, until=5), key("root", 0))
    active = OwnKeys(NAME, IDENTITY, roster_of(*keys))
    suspended = replace(active, roster=roster_of(*keys, is_active=False))
    assert active.enrolling("act").public == IDENTITY.signer("act", 1).public
    assert suspended.enrolling("act").public == IDENTITY.signer("act", 2).public
    assert suspended.enrolling("root").public == IDENTITY.signer("root").public
    assert suspended.enrolling("mirror").public == IDENTITY.signer("mirror").public


def test_signers_are_found_by_their_public_keys() -> None:
    own = OwnKeys(NAME, IDENTITY, roster_of())
    wanted = [IDENTITY.signer("act", 3).public, IDENTITY.signer("root").public, None]
    assert {signer.public for signer in own.signers_of(wanted)} == set(wanted) - {None}
    assert own.signers_of([]) == []
    assert replace(own, origin="x").signers_of([None]) == []
