"""Lie to witnesses, be a lying witness, and take witnesses away: real nodes on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from socket import socket

import httpx
import pytest
from tests.attacks.nodes import Member, running
from tests.unit.node import hostile

from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.known import origin_hash
from hisn.node.published import Haste
from hisn.node.serve import Listen, NodeServer
from hisn.node.without import Why
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.policy import Policy


@pytest.fixture
def unit() -> Iterator[list[Member]]:
    with running(5) as members:
        yield members


def redirected(policy: Policy, name: str, url: str) -> Policy:
    """Return a policy in which one witness lives somewhere else."""
    lines = tuple(
        type(line)(line.name, line.vkey, f"{url}/witness") if line.vkey.name == name else line
        for line in policy.witnesses
    )
    return Policy(policy.logs, lines, policy.groups, policy.quorum)


def test_members_witness_each_other_and_publish(unit: list[Member]) -> None:
    for size in (1, 5, 300):
        for member in unit:
            member.append(size)
            done = member.publish()
            assert done.is_published
            assert {each.name for each in done.signed} == {
                other.origin for other in unit if other is not member
            }
    for member in unit:
        note = httpx.get(f"{member.url}/log/{origin_hash(member.origin)}/checkpoint").content
        signed = parse_signed_checkpoint(note)
        assert verify_checkpoint(signed, member.log_signer.keys).size == 306
        assert member.policy is not None
        assert member.policy.satisfied_by(signed).reached


def test_nobody_is_a_witness_of_his_own_log(unit: list[Member]) -> None:
    own = unit[0]
    own.append()
    body = format_add_checkpoint(AddCheckpoint(0, (), own.writer.head().raw))
    assert httpx.post(f"{own.url}/witness/add-checkpoint", content=body).status_code == 404


def test_one_witness_away_holds_nobody_up(unit: list[Member]) -> None:
    unit[4].gate.app = None
    unit[0].append()
    done = unit[0].publish()
    assert done.is_published
    assert [each.why for each in done.missing] == [Why.DECLINED]


def test_without_quorum_the_log_goes_on_and_catches_up_later(unit: list[Member]) -> None:
    apps = {member.origin: member.gate.app for member in unit}
    unit[3].gate.app = unit[4].gate.app = None
    for _ in range(3):
        unit[0].append(10)
        assert not unit[0].publish().is_published
    log = f"{unit[0].url}/log/{origin_hash(unit[0].origin)}"
    assert httpx.get(f"{log}/checkpoint").status_code == 404
    assert httpx.get(f"{log}/tile/0/000.p/30").status_code == 404
    unit[3].gate.app = apps[unit[3].origin]
    assert unit[0].publish().is_published
    assert httpx.get(f"{log}/tile/0/000.p/30").status_code == 200


def test_a_node_that_is_killed_comes_back_with_what_it_has_signed(unit: list[Member]) -> None:
    unit[0].append(5)
    unit[0].publish()
    killed = unit[1]
    old = killed.witness.checkpoint(origin_hash(unit[0].origin))
    killed.start(killed.rooms.logs)  # type: ignore[arg-type]
    assert killed.witness.checkpoint(origin_hash(unit[0].origin)) == old
    unit[0].append(5)
    done = unit[0].publish()
    assert killed.origin in {each.name for each in done.signed}


def second_face(member: Member) -> Member:
    """Return the member's other log: the same keys, the same origin, other entries."""
    other = Member(member.number, member.clock)
    other.policy = member.policy
    return other


def test_split_view_the_second_checkpoint_of_one_size_is_refused_and_kept(unit: list[Member]) -> None:
    liar, other = unit[0], second_face(unit[0])
    liar.append(7)
    assert liar.publish().is_published
    other.writer.append([b"another truth %d" % number for number in range(7)])
    shown = other.writer.head()
    log = origin_hash(liar.origin)
    for witness in unit[1:]:
        body = format_add_checkpoint(AddCheckpoint(7, (), shown.raw))
        assert httpx.post(f"{witness.url}/witness/add-checkpoint", content=body).status_code == 422
        names = list(witness.blobs.list(f"state/suspect/{log}/fork/"))
        kept = [parse_signed_checkpoint(witness.blobs.get(name) or b"").checkpoint for name in names]
        assert {each.root for each in kept} == {shown.checkpoint.root, liar.writer.head().checkpoint.root}
        assert {each.size for each in kept} == {7}
        note = httpx.get(f"{witness.url}/witness/{log}/checkpoint").content
        assert parse_signed_checkpoint(note).checkpoint.root == liar.writer.head().checkpoint.root


def test_split_view_two_faces_never_both_reach_a_quorum(unit: list[Member]) -> None:
    liar, other = unit[0], second_face(unit[0])
    liar.append(7)
    other.writer.append([b"another truth %d" % number for number in range(9)])
    haste = Haste(whole_s=3, grace_s=0.5)
    assert liar.publish(haste).is_published
    done = other.publish(haste)
    assert not done.is_published
    assert len(done.signed) == 0


def test_split_view_each_face_shown_to_its_own_half_reaches_no_quorum(unit: list[Member]) -> None:
    liar, other = unit[0], second_face(unit[0])
    liar.append(7)
    other.writer.append([b"another truth %d" % number for number in range(7)])
    for witness, face in zip(unit[1:], (liar, liar, other, other), strict=True):
        body = format_add_checkpoint(AddCheckpoint(0, (), face.writer.head().raw))
        assert httpx.post(f"{witness.url}/witness/add-checkpoint", content=body).status_code == 200
    done = [face.publish(Haste(whole_s=3, grace_s=0.5)) for face in (liar, other)]
    assert [each.is_published for each in done] == [False, False]


def test_rollback_after_a_restored_backup_is_proven_by_any_witness(unit: list[Member]) -> None:
    old = second_face(unit[0])
    unit[0].append(7)
    assert unit[0].publish().is_published
    done = old.publish()
    assert not done.is_published
    assert done.setback is not None
    assert "recover" in done.setback.hint


def test_rollback_claimed_by_a_liar_stops_nobody(unit: list[Member]) -> None:
    unit[0].append(7)
    policy = unit[0].policy
    assert policy is not None
    behave = hostile.answers("409 Conflict\r\nContent-Type: text/x.tlog.size", b"1000\n")
    with hostile.raw_server(behave) as url:
        unit[0].policy = redirected(policy, unit[2].origin, url)
        done = unit[0].publish()
    assert done.is_published
    assert done.setback is None
    assert [(each.name, each.why) for each in done.missing] == [(unit[2].origin, Why.CLAIMS)]


@pytest.mark.parametrize(
    ("behave", "whys"),
    [
        (hostile.silent, {Why.LATE, Why.AWAY}),
        (hostile.drips_head, {Why.LATE, Why.AWAY}),
        (hostile.drips_body, {Why.LATE, Why.AWAY}),
        (hostile.endless, {Why.WRONG, Why.LATE}),
        (hostile.endless_head, {Why.AWAY, Why.LATE}),
        (hostile.endless_hints, {Why.AWAY, Why.LATE}),
        (hostile.garbage, {Why.AWAY}),
        (hostile.breaks_off, {Why.AWAY}),
        (hostile.answers("200 OK", b"\x00\xff" * 1_000), {Why.UNSIGNED}),
        (hostile.answers("302 Found\r\nLocation: http://127.0.0.1:1/"), {Why.WRONG}),
    ],
    ids=[
        "silent",
        "drips-head",
        "drips-body",
        "endless",
        "endless-head",
        "endless-hints",
        "garbage",
        "breaks-off",
        "nonsense",
        "redirect",
    ],
)
def test_a_hostile_witness_costs_its_own_cosignature_and_a_bounded_time(
    unit: list[Member], behave: Callable[[socket], None], whys: set[Why]
) -> None:
    member = unit[0]
    member.append(3)
    policy = member.policy
    assert policy is not None
    with hostile.raw_server(behave) as url:
        member.policy = redirected(policy, unit[2].origin, url)
        start = time.monotonic()
        done = member.publish(Haste(whole_s=5, grace_s=0.3))
        assert time.monotonic() - start < 5
    assert done.is_published
    assert [each.name for each in done.missing] == [unit[2].origin]
    assert done.missing[0].why in whys


def test_a_colluding_witness_cannot_sign_for_another_one(unit: list[Member]) -> None:
    member = unit[0]
    member.append(3)
    policy = member.policy
    assert policy is not None
    member.policy = redirected(policy, unit[2].origin, unit[3].url)
    done = member.publish()
    assert done.is_published
    assert [(each.name, each.why) for each in done.missing] == [(unit[2].origin, Why.UNSIGNED)]


def test_veto_by_withheld_cosignatures_needs_more_than_a_third(unit: list[Member]) -> None:
    member = unit[0]
    apps = [other.gate.app for other in unit]
    for away in range(1, 5):
        for other, app in zip(unit, apps, strict=True):
            other.gate.app = app
        unit[away].gate.app = None
        member.append()
        assert member.publish(Haste(whole_s=3, grace_s=0.2)).is_published


def test_flooding_a_witness_with_one_checkpoint_signs_it_once_a_second(unit: list[Member]) -> None:
    member = unit[0]
    member.append(3)
    first = format_add_checkpoint(AddCheckpoint(0, (), member.writer.head().raw))
    again = format_add_checkpoint(AddCheckpoint(3, (), member.writer.head().raw))
    with httpx.Client(base_url=unit[1].url) as client:
        answers = {client.post("/witness/add-checkpoint", content=first).content}
        answers |= {client.post("/witness/add-checkpoint", content=again).content for _ in range(50)}
    assert len(answers) == 1


def test_publishing_with_five_local_witnesses_takes_less_than_two_seconds() -> None:
    with running(6) as members:
        member = members[0]
        times = []
        for _ in range(20):
            member.append(10)
            start = time.monotonic()
            assert member.publish(Haste(whole_s=10, grace_s=5)).missing == ()
            times.append(time.monotonic() - start)
        assert sorted(times)[18] < 2


def test_a_witness_behind_a_server_that_ends_is_away(unit: list[Member]) -> None:
    member = unit[0]
    member.append(3)
    policy = member.policy
    assert policy is not None
    with NodeServer(unit[2].gate, Listen()).background() as url:
        gone = url
    member.policy = redirected(policy, unit[2].origin, gone)
    done = member.publish()
    assert done.is_published
    assert [each.why for each in done.missing] == [Why.AWAY]
