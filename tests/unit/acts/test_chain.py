"""Chains: numbers, predecessors, heads."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.unit.acts.samples import OTHER, digest, signer, statement

from hisn.acts.chain import Act, EquivocationError, Link, verify_chain, verify_equivocation, verify_link
from hisn.acts.statement import Head
from hisn.acts.write import sign_statement
from hisn.errors import VerificationError
from hisn.tlog.merkle import leaf_hash

KEYS = signer("north act")


def act(seq: int, before: Act | None = None, **changes: Any) -> Act:
    prev = leaf_hash(before.leaf) if before else None
    said = statement("key-event", **({"seq": seq, "prev": prev, "seen": ()} | changes))
    return Act(sign_statement(said, KEYS), said)


FIRST = act(0)
SECOND = act(1, FIRST)
THIRD = act(2, SECOND)


def refused(*acts: Act) -> str:
    with pytest.raises(VerificationError) as caught:
        verify_chain(acts)
    return caught.value.code


def test_acts_follow_each_other() -> None:
    link = verify_chain([FIRST, SECOND])
    assert link.last == SECOND
    assert verify_chain([THIRD], link).last == THIRD
    assert verify_chain([]) == Link()


def test_a_gap_a_late_start_and_a_foreign_predecessor_are_refused() -> None:
    assert refused(FIRST, THIRD) == "E3322"
    assert refused(SECOND) == "E3322"
    assert refused(FIRST, act(1, SECOND)) == "E3323"
    assert refused(FIRST, act(1, FIRST, actor=OTHER, origin=OTHER)) == "E3322"


def test_an_act_that_stands_twice_is_a_replay() -> None:
    assert refused(FIRST, FIRST) == "E3321"
    assert refused(FIRST, SECOND, FIRST) == "E3321"


def test_the_same_act_signed_again_is_a_replay_and_no_equivocation() -> None:
    again = Act(sign_statement(FIRST.statement, KEYS), FIRST.statement)
    assert again.leaf != FIRST.leaf
    assert refused(FIRST, again) == "E3321"


@pytest.mark.parametrize("before", [[FIRST], [FIRST, SECOND, THIRD]])
def test_two_acts_with_one_number_are_carried_as_proof(before: list[Act]) -> None:
    other = act(0, thread="another")
    with pytest.raises(EquivocationError) as caught:
        verify_chain([*before, other])
    assert (caught.value.first, caught.value.second) == (FIRST.leaf, other.leaf)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.code, copy.first, copy.second) == ("E3320", FIRST.leaf, other.leaf)


def test_a_link_alone_sees_the_number_before_it_twice() -> None:
    with pytest.raises(EquivocationError):
        verify_link(verify_chain([FIRST]), act(0, thread="another"))


def test_an_old_number_is_refused_even_where_its_first_act_is_forgotten() -> None:
    link = verify_chain([FIRST, SECOND])
    with pytest.raises(VerificationError) as caught:
        verify_chain([act(0, thread="another")], link)
    assert caught.value.code == "E3322"


def test_heads_never_grow_older() -> None:
    seen = act(0, seen=(Head("a", 1, digest("a")), Head(OTHER, 9, digest("nine"))))
    later = act(1, seen, seen=(Head(OTHER, 10, digest("ten")),))
    assert verify_chain([seen, later]).seen["a"].size == 1
    assert refused(seen, act(1, seen, seen=(Head(OTHER, 8, digest("eight")),))) == "E3324"
    assert refused(seen, act(1, seen, seen=(Head(OTHER, 9, digest("other nine")),))) == "E3325"
    same = act(1, seen, seen=seen.statement.header.seen)
    assert verify_chain([seen, same]).last == same


def test_a_proof_of_equivocation_needs_two_different_acts_of_one_number() -> None:
    other = act(0, thread="another")
    said = verify_equivocation(FIRST.leaf, other.leaf, KEYS.public)
    assert said == (FIRST.statement, other.statement)
    again = sign_statement(FIRST.statement, KEYS)
    for leaf in (FIRST.leaf, SECOND.leaf, again):
        with pytest.raises(VerificationError) as caught:
            verify_equivocation(FIRST.leaf, leaf, KEYS.public)
        assert caught.value.code == "E3326"
    with pytest.raises(VerificationError):
        verify_equivocation(FIRST.leaf, other.leaf, signer("somebody").public)
