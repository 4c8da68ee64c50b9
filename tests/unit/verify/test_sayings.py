"""What is proven follows from what is shown, and what is not proven is never empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from vectors.pack_world import OFFICE, lone_office, make_batch, named, plain_case

from hisn.evidence.packing import build_pack
from hisn.verify.check import verify_pack
from hisn.verify.sayings import not_proven, proven
from hisn.verify.steps import Said, Shown
from hisn.verify.texts import NOT_PROVEN


@cache
def shown() -> Shown:
    case = plain_case(lone_office())
    found = verify_pack(build_pack(case.parts()), genesis=case.world.charter.genesis).shown
    assert found
    return found


def codes(sayings: Iterable[Said]) -> list[str]:
    return [said.code for said in sayings]


def test_without_anything_shown_the_fixed_list_stands() -> None:
    assert codes(not_proven(None)) == list(NOT_PROVEN)
    assert all(str(said) for said in not_proven(None))


def test_events_that_are_not_shown_are_named_as_such() -> None:
    assert {"other-events", "claimed-time", "not-before"} <= set(codes(not_proven(shown())))
    assert "other-named" not in codes(not_proven(shown()))
    assert "other-named" in codes(not_proven(replace(shown(), others=2)))


def test_a_complete_batch_is_proven_to_be_complete() -> None:
    (batch,) = shown().batches
    whole = replace(shown(), batches=(replace(batch, shown=tuple(range(batch.count))),))
    assert "whole-batch" in codes(proven(whole))
    assert "other-events" not in codes(not_proven(whole))
    assert "whole-batch" not in codes(proven(shown()))


def test_tokens_are_not_checked_and_that_is_said() -> None:
    assert "tokens-unchecked" in codes(not_proven(replace(shown(), tokens=1)))


def test_the_revocations_that_can_be_missing_are_those_after_the_newest_states() -> None:
    text = str(list(not_proven(shown()))[NOT_PROVEN.index("revocations")])
    assert f"{OFFICE} 2" in text
    assert "epoch 0" in text


def test_nothing_is_said_of_events_where_none_is_shown() -> None:
    assert "fields-sealed" not in codes(proven(replace(shown(), events=())))


def test_every_saying_can_be_read() -> None:
    case = plain_case(lone_office())
    batch = make_batch()
    assert named(case.batch_act, batch, 1)
    for said in (*proven(shown()), *not_proven(shown(), is_fork=False), *not_proven(shown(), is_fork=True)):
        assert "{" not in str(said)
