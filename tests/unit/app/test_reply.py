"""A recheck or a dissent stands in the own log, once, about the other member's finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, VOTE, WEB, World, act_of, disclosed, lie, mirror
from tests.unit.app.units import request_of, seal, write_logs

from hisn.acts.statement import Head
from hisn.app.disclose import disclose
from hisn.app.member import Draft
from hisn.app.recheck import Rechecked, recheck
from hisn.app.rejudge import Difference, Outcome, Verdict
from hisn.app.reopen import own_act
from hisn.app.reply import reply
from hisn.errors import UsageError


def checked(unit: World, path: Path) -> Rechecked:
    with unit.open(NORTH) as (north,):
        return recheck(north, path, unit.rules)


def test_a_recheck_names_the_finding_and_the_state_it_was_seen_in(unit: World, tmp_path: Path) -> None:
    done = checked(unit, disclosed(unit, tmp_path / "f.evdata"))
    with unit.open(NORTH, EAST) as (north, east):
        place, is_new = reply(north, done)
        act = own_act(north, place.index).statement
        published = east.log.published()
        assert published is not None
        head = published.checkpoint
        fields = act_of(north, place.index)
    assert is_new
    assert (act.kind, act.public) == ("recheck", {"outcome": "same"})
    assert act.header.in_reply_to == done.stated.place
    assert act.header.seen == (Head(EAST, head.size, head.root),)
    assert set(fields) == {"rule_digest", "mapping", "engine", "batches"}
    assert fields["batches"] == (done.stated.claim.batches[0].public["root"],)


def test_a_dissent_says_what_was_stated_and_what_was_found(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, {"count": 40}), tmp_path / "f.evdata")
    done = checked(unit, tmp_path / "f.evdata")
    with unit.open(NORTH) as (north,):
        place, _ = reply(north, done)
        act, fields = own_act(north, place.index).statement, act_of(north, place.index)
    assert (act.kind, act.public) == ("dissent", {"outcome": "different"})
    assert (fields["expected.count"], fields["got.count"]) == (40, 2)


def test_nothing_of_a_dissents_values_is_public(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, {"why.0.value": "a voter's name"}), tmp_path / "f.evdata")
    done = checked(unit, tmp_path / "f.evdata")
    with unit.open(NORTH) as (north,):
        place, _ = reply(north, done)
        assert b"voter" not in own_act(north, place.index).leaf


def test_the_same_answer_is_not_given_twice_and_another_one_is(unit: World, tmp_path: Path) -> None:
    done = checked(unit, disclosed(unit, tmp_path / "f.evdata"))
    changed = replace(done, verdict=Verdict(Outcome.DIFFERENT, (Difference("count", 2, 3),)))
    with unit.open(NORTH) as (north,):
        first, _ = reply(north, done)
        assert reply(north, done) == (first, False)
        second, is_new = reply(north, changed)
        assert is_new
        assert reply(north, changed) == (second, False)
        third, is_new = reply(north, done)
        assert is_new
        assert [first.index, second.index, third.index] == [3, 4, 5]


def test_what_else_was_said_about_the_finding_is_no_answer(unit: World, tmp_path: Path) -> None:
    done = checked(unit, disclosed(unit, tmp_path / "f.evdata"))
    said = Draft(kind="observation", public={"what": "x", "digest": "0" * 64}, in_reply_to=done.stated.place)
    with unit.open(NORTH) as (north,):
        north.member.record([said])
        assert reply(north, done)[1]


def test_nobody_answers_himself(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(EAST) as (east,):
        done = recheck(east, path, unit.rules)
        assert done.verdict.outcome is Outcome.SAME
        with pytest.raises(UsageError) as caught:
            reply(east, done)
    assert caught.value.code == "E1314"


def test_what_was_not_compared_is_not_answered(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, {"engine": "9.9.9"}), tmp_path / "f.evdata")
    done = checked(unit, tmp_path / "f.evdata")
    with unit.open(NORTH) as (north,), pytest.raises(UsageError) as caught:
        reply(north, done)
    assert caught.value.code == "E1318"


def test_an_older_file_does_not_make_its_reader_deny_what_he_had_seen(unit: World, tmp_path: Path) -> None:
    """A verifier refuses acts that cite an older state than an act before them."""
    old = disclosed(unit, tmp_path / "old.evdata", WEB)
    with unit.open(EAST) as (east,):
        seal(east, request_of(unit.rule, write_logs(tmp_path / "more", more=["/?marked"])))
        unit.publish(east)
        size = east.log.head().checkpoint.size
    new = disclosed(unit, tmp_path / "new.evdata", VOTE)
    with unit.open(NORTH) as (north,):
        for path in (new, old):
            place, _ = reply(north, recheck(north, path, unit.rules))
            assert own_act(north, place.index).statement.header.seen[0].size == size


def test_a_run_that_has_seen_less_than_an_answer_before_it_denies_nothing(
    unit: World, tmp_path: Path
) -> None:
    """The answer cited a state that came with a file; the mirror has an older one."""
    with unit.open(EAST, NORTH) as (east, north):
        mirror(east, north)
        seal(east, request_of(unit.rule, write_logs(tmp_path / "more", more=["/?marked"])))
        unit.publish(east)
        size = east.log.head().checkpoint.size
    new = disclosed(unit, tmp_path / "new.evdata", VOTE)
    with unit.open(NORTH) as (north,):
        reply(north, recheck(north, new, unit.rules))
        before = north.log.head().checkpoint.size
        seal(north, request_of(unit.rule, write_logs(tmp_path / "own", own=["/?marked"])))
        acts = [own_act(north, at).statement for at in range(before, north.log.head().checkpoint.size)]
    assert [(act.kind, act.header.seen[0].size) for act in acts] == [("batch", size), ("finding", size)]
