"""What other members answered stands in the owner's packs, and nobody spoils these by a false answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, TIME_S, VOTE, World, disclosed, id_of, lie, mirror
from tests.unit.app.test_heads import published
from tests.unit.app.units import request_of, seal, write_logs

from hisn.acts.statement import Head, Header, Ref, Statement
from hisn.acts.write import sign_statement
from hisn.app.answers import MAX_ANSWERS
from hisn.app.disclose import disclose
from hisn.app.evidence_pack import Packed, PackRequest, find_finding, make_pack
from hisn.app.heads import Heads
from hisn.app.home import Node
from hisn.app.member import Draft
from hisn.app.places import blob_name
from hisn.app.recheck import recheck
from hisn.app.reopen import own_act
from hisn.app.reply import reply
from hisn.evidence.disclosure import Value
from hisn.tlog.merkle import leaf_hash
from hisn.tlog.ports import DurabilityLost
from hisn.verify.steps import FlagName, Result


def answered(unit: World, name: str, path: Path) -> None:
    """Let a member recheck, answer, publish, and EAST mirror its log."""
    with unit.open(name, EAST) as (node, east):
        reply(node, recheck(node, path, unit.rules))
        unit.publish(node, TIME_S + 60)
        mirror(node, east)


def packed(unit: World) -> Packed:
    with unit.open(EAST) as (east,):
        return make_pack(east, PackRequest(finding=id_of(east, VOTE)))


def flags(made: Packed) -> dict[FlagName, tuple[str, ...]]:
    return {flag.name: flag.by for flag in made.report.flags}


def test_a_finding_that_nobody_answered_is_alleged(unit: World) -> None:
    assert flags(packed(unit)) == {FlagName.ALLEGED: ()}


def test_a_recheck_stands_in_the_pack_with_its_time_bracket(unit: World, tmp_path: Path) -> None:
    answered(unit, NORTH, disclosed(unit, tmp_path / "f.evdata"))
    made = packed(unit)
    assert made.report.result is Result.VALID
    assert flags(made) == {FlagName.RECHECKED: (NORTH,)}
    assert made.report.shown is not None
    act = made.report.shown.acts[-1]
    assert (act.kind, act.actor, act.witnessed.before_s) == ("recheck", NORTH, TIME_S + 60)
    assert act.after == ((EAST, 7, TIME_S),)


def test_the_bracket_stays_when_the_owners_log_has_gone_on(unit: World, tmp_path: Path) -> None:
    """The state that was cited is no longer the newest: the owner has kept it with its cosignatures."""
    answered(unit, NORTH, disclosed(unit, tmp_path / "f.evdata"))
    with unit.open(EAST) as (east,):
        east.member.record([Draft(kind="observation", public={"what": "x", "digest": "00" * 32})])
        unit.publish(east, TIME_S + 500)
    made = packed(unit)
    assert made.report.shown is not None
    assert made.report.shown.acts[0].size == 8
    assert made.report.shown.acts[-1].after == ((EAST, 7, TIME_S),)


def test_a_dissent_of_one_and_a_recheck_of_another_stand_side_by_side(unit: World, tmp_path: Path) -> None:
    with unit.open(EAST) as (east,):
        disclose(east, lie(unit, east, VOTE, {"count": 9}), tmp_path / "f.evdata")
    answered(unit, NORTH, tmp_path / "f.evdata")
    with unit.open(SOUTH, EAST) as (south, east):
        # SOUTH is the owner's friend, and says so without looking.
        place = own_act(east, find_finding(east, id_of(east, VOTE))).place
        south.member.record(
            [Draft(kind="recheck", public={"outcome": "same"}, sealed={"engine": "x"}, in_reply_to=place)]
        )
        unit.publish(south)
        mirror(south, east)
    assert flags(packed(unit)) == {FlagName.RECHECKED: (SOUTH,), FlagName.DISSENTED: (NORTH,)}


def test_answers_that_no_quorum_has_seen_wait(unit: World, tmp_path: Path) -> None:
    path = disclosed(unit, tmp_path / "f.evdata")
    with unit.open(NORTH, EAST) as (north, east):
        unit.publish(north)
        reply(north, recheck(north, path, unit.rules))
        mirror(north, east)
    assert flags(packed(unit)) == {FlagName.ALLEGED: ()}


def test_the_body_of_an_answer_is_shown_where_it_was_fetched(unit: World, tmp_path: Path) -> None:
    answered(unit, NORTH, disclosed(unit, tmp_path / "f.evdata"))
    with unit.open(NORTH, EAST) as (north, east):
        body = own_act(north, 3).statement.body
        assert body is not None
        data = north.blobs.get(blob_name(body.sha256))
        assert data is not None
        east.blobs.put(blob_name(body.sha256), data)
    made = packed(unit)
    assert flags(made) == {FlagName.RECHECKED: (NORTH,)}
    assert b"bodies/0002.json" in made.data


def test_a_damaged_body_of_an_answer_is_not_shown(unit: World, tmp_path: Path) -> None:
    answered(unit, NORTH, disclosed(unit, tmp_path / "f.evdata"))
    with unit.open(NORTH, EAST) as (north, east):
        body = own_act(north, 3).statement.body
        assert body is not None
        east.blobs.put(blob_name(body.sha256), b"nonsense")
    assert flags(packed(unit)) == {FlagName.RECHECKED: (NORTH,)}


def say(unit: World, name: str, draft: Draft, seen: tuple[Head, ...] = ()) -> None:
    with unit.open(name, EAST) as (node, east):
        node.member.record([draft], seen)
        unit.publish(node)
        mirror(node, east)


def place_of(unit: World) -> Ref:
    with unit.open(EAST) as (east,):
        return own_act(east, find_finding(east, id_of(east, VOTE))).place


def dissent(place: Ref, **fields: Value) -> Draft:
    return Draft(kind="dissent", public={"outcome": "different"}, sealed=fields, in_reply_to=place)


def test_an_answer_to_another_act_of_that_place_does_not_count(unit: World) -> None:
    """Its leaf hash is another one: it speaks about the other side of a fork."""
    say(unit, NORTH, dissent(replace(place_of(unit), leaf_hash=bytes(32))))
    assert flags(packed(unit)) == {FlagName.ALLEGED: ()}


def test_another_kind_of_act_that_names_the_finding_is_no_answer(unit: World) -> None:
    say(
        unit,
        NORTH,
        Draft(kind="observation", public={"what": "x", "digest": "0" * 64}, in_reply_to=place_of(unit)),
    )
    assert flags(packed(unit)) == {FlagName.ALLEGED: ()}


def test_a_false_answer_does_not_spoil_the_pack_and_is_named(unit: World, tmp_path: Path) -> None:
    """NORTH cites a state of EAST's log with a false root: with it, no pack of EAST would verify."""
    say(unit, NORTH, dissent(place_of(unit)), (Head(EAST, 7, b"\x11" * 32),))
    answered(unit, SOUTH, disclosed(unit, tmp_path / "f.evdata"))
    made = packed(unit)
    assert made.report.result is Result.VALID
    assert made.unfit == (NORTH,)
    assert flags(made) == {FlagName.RECHECKED: (SOUTH,)}


def test_an_answer_from_the_other_side_of_a_fork_does_not_spoil_the_pack(unit: World, tmp_path: Path) -> None:
    """EAST's acts cite one state of NORTH's log, and its mirror was given another one of that size."""
    other = unit.copy(tmp_path / "other")
    with unit.open(EAST, NORTH) as (east, north):
        north.member.record([Draft(kind="observation", public={"what": "x", "digest": "0" * 64})])
        unit.publish(north)
        Heads(east).keep(published(north))
        seal(east, request_of(unit.rule, write_logs(tmp_path / "more", vote=["/?marked"])))
        unit.publish(east)
        for name in list(east.blobs.list("heads/")):
            east.blobs.delete(name)
    with other.open(NORTH) as (north,), unit.open(EAST) as (east,):
        place = own_act(east, find_finding(east, id_of(east, VOTE))).place
        north.member.record([dissent(place)])
        unit.publish(north)
        mirror(north, east)
    made = packed(unit)
    assert made.unfit == (NORTH,)
    assert made.report.shown is not None
    assert [origin for origin, _size, _time in made.report.shown.acts[0].after] == [NORTH]


def test_an_answer_signed_by_another_key_is_left_out(unit: World) -> None:
    with unit.open(NORTH, SOUTH, EAST) as (north, south, east):
        place = own_act(east, find_finding(east, id_of(east, VOTE))).place
        size = north.log.head().checkpoint.size
        header = Header(
            actor=NORTH,
            origin=NORTH,
            seq=size,
            prev=leaf_hash(north.log.read_entry(size - 1)),
            seen=(),
            claimed_time="2026-11-04T00:00:00.000000Z",
            in_reply_to=place,
        )
        body = north.member.seal({"engine": "x"}).ref
        statement = Statement("dissent", header, {"outcome": "different"}, body)
        north.log.append([sign_statement(statement, south.signer("act"))])
        unit.publish(north)
        mirror(north, east)
    made = packed(unit)
    assert (made.unfit, flags(made)) == ((NORTH,), {FlagName.ALLEGED: ()})


def test_a_member_who_answers_without_end_fills_no_pack(unit: World) -> None:
    place = place_of(unit)
    with unit.open(NORTH, EAST) as (north, east):
        north.member.record([dissent(place) for _ in range(MAX_ANSWERS + 5)])
        unit.publish(north)
        mirror(north, east)
    shown = packed(unit).report.shown
    assert shown is not None
    assert sum(act.kind == "dissent" for act in shown.acts) == MAX_ANSWERS


def test_a_damaged_copy_of_one_log_keeps_no_pack_back(unit: World, tmp_path: Path) -> None:
    answered(unit, NORTH, disclosed(unit, tmp_path / "f.evdata"))
    for path in (unit.roots[EAST] / "mirror").rglob("*"):
        if path.is_file():
            path.write_bytes(b"?")
    assert flags(packed(unit)) == {FlagName.ALLEGED: ()}


def test_a_lost_disk_is_never_passed_over(
    unit: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(unit, NORTH, disclosed(unit, tmp_path / "f.evdata"))

    def lost(_node: Node, _origin: str) -> object:
        raise DurabilityLost("the disk failed")

    monkeypatch.setattr("hisn.app.answers.mirrored", lost)
    with pytest.raises(DurabilityLost):
        packed(unit)
