"""Attacks of members and witnesses on the unit: collusion, silence, vetoes, false dates, stolen keys."""

from __future__ import annotations

from typing import Any

import pytest
from tests.attacks.played import RECORDS, compared, failed, fork_of, proven, say

from hisn.acts.envelope import verify_envelope
from hisn.acts.statement import Head
from hisn.core.instant import format_instant
from hisn.errors import PolicyError, StorageError, VerificationError
from hisn.evidence.pack import parse_pack, write_pack
from hisn.node.replicate import Copied
from hisn.node.without import Why
from hisn.testing.fake_clock import START
from hisn.testing.liar import Colluders, Liar
from hisn.testing.unit_evidence import Finding, answer_finding
from hisn.testing.unit_log import Face
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner
from hisn.unit.draft import Move, Revoke, Suspend
from hisn.unit.enrol import check_adoption
from hisn.unit.quorum import judge_head
from hisn.unit.roster import key_in_force
from hisn.unit.rosterdoc import parse_charter
from hisn.verify.steps import FlagName, Report, Result

DAY = 24 * 3_600
OTHERS = ("south", "east", "west")


@pytest.fixture
def unit() -> UnitSimulator:
    return UnitSimulator()


def stated(unit: UnitSimulator, face: Face | None = None, **header: Any) -> Finding:
    """Seal a batch and state a finding about it, in north's log or another face of it."""
    return unit.state("north", unit.seal("north", RECORDS, face=face), events=[1], face=face, **header)


def before_of(report: Report) -> int | None:
    assert report.shown is not None
    assert report.shown.number is not None
    return report.shown.acts[report.shown.number].witnessed.before_s


def now_s(unit: UnitSimulator) -> int:
    return unit.clock.now() // 1_000_000


# Colluding witnesses


@pytest.mark.parametrize(("members", "outside"), [(3, 2), (4, 2), (5, 3), (6, 2), (7, 4)])
def test_colluding_witnesses_up_to_f_make_no_second_valid_log(members: int, outside: int) -> None:
    # n = 4, 5, 7, 7, 10: f = 1, 1, 2, 2, 3.  The honest ones are divided as the liar likes best.
    unit = UnitSimulator(members=members, outside=outside)
    witnesses, f = unit.witnesses("north"), unit.liars("north")
    assert f == (len(witnesses) - 1) // 3
    for count in range(1, f + 1):
        friends, honest = Colluders(unit, *witnesses[:count]), witnesses[count:]
        for half in range(len(honest) + 1):
            liar = Liar(unit, "north")
            first, second = liar.fork(0), liar.fork(0)
            say(first, f"truth {count} {half}")
            say(second, f"lie {count} {half}")
            for node in honest:
                unit.node(node).register.values.clear()
            liar.show(first, *honest[:half])
            liar.show(second, *honest[half:])
            published = [liar.publish(face, friends) is not None for face in (first, second)]
            assert not all(published)


def test_colluding_witnesses_make_at_most_an_unwitnessed_pack(unit: UnitSimulator) -> None:
    liar, friends = Liar(unit, "north"), Colluders(unit, "south")
    say(liar.face, "common")
    second = liar.fork()
    true = stated(unit)
    unit.publish("north")
    lie = stated(unit, second, fields={"title": "Nothing happened"})
    liar.show(second)
    head = liar.cosigned(second, friends)
    report = unit.verify(unit.pack("north", lie, face=second, head=head))
    assert report.result is Result.VALID_UNWITNESSED
    assert report.exit_code == 5
    assert unit.verify(unit.pack("north", true)).result is Result.VALID
    # Both packs in one hand are the proof.
    assert "entries at 1" in proven(compared(unit, liar.face, second.branch(2)))[0]


@pytest.mark.parametrize(("members", "outside"), [(3, 2), (6, 2)])
def test_colluding_witnesses_beyond_f_make_two_valid_logs_and_a_proof(members: int, outside: int) -> None:
    # The limit that the documents state: at f + 1 a fork is not prevented any more, only proven.
    unit = UnitSimulator(members=members, outside=outside)
    witnesses, f = unit.witnesses("north"), unit.liars("north")
    friends, honest = Colluders(unit, *witnesses[: f + 1]), witnesses[f + 1 :]
    liar = Liar(unit, "north")
    say(liar.face, "common")
    second = liar.fork()
    needed = unit.quorum("north") - f - 1
    reports: list[Report] = []
    for face, audience in ((liar.face, honest[:needed]), (second, honest[needed:])):
        finding = stated(unit, face, fields={"title": f"seen by {len(reports)}"})
        liar.show(face, *audience)
        head = liar.publish(face, friends)
        assert head is not None
        reports.append(unit.verify(unit.pack("north", finding, face=face, head=head)))
    assert [report.result for report in reports] == [Result.VALID, Result.VALID]
    assert "different entries at 1" in proven(compared(unit, liar.face, second.branch(2)))[0]
    assert "two roots" in proven(compared(unit, liar.face, second))[0]


def test_a_colluding_witness_counts_once_however_often_it_signs(unit: UnitSimulator) -> None:
    liar, friend = Liar(unit, "north"), Colluders(unit, "south")
    finding = stated(unit)
    note = liar.face.signed().raw
    for time_s in (1, 2, now_s(unit), now_s(unit) + DAY):
        note = friend.cosign(note, time_s)
    head = parse_signed_checkpoint(note)
    assert len(head.note.signatures) == 2 + 8
    report = unit.verify(unit.pack("north", finding, head=head))
    assert report.result is Result.VALID_UNWITNESSED


def test_a_colluding_owner_is_no_witness_of_its_own_log(unit: UnitSimulator) -> None:
    finding = stated(unit)
    for name in ("west", "w1"):
        unit.network.cut_off(f"{name}.example")
    assert not unit.publish("north").is_published
    head = parse_signed_checkpoint(Colluders(unit, "north").cosign(unit.head("north").raw))
    assert unit.verify(unit.pack("north", finding, head=head)).result is Result.VALID_UNWITNESSED


# Backdating


def test_backdating_a_claim_does_not_move_the_bracket(unit: UnitSimulator) -> None:
    say(unit["south"].face, "a request")
    unit.settle("south")
    published = unit["south"].published()
    assert published is not None
    claimed = format_instant(START - 30 * DAY * 1_000_000)
    batch = unit.seal("north", RECORDS, claimed_time=claimed)
    finding = unit.state("north", batch, events=[1], claimed_time=claimed, seen=unit["north"].seen())
    unit.clock.advance(60)
    unit.publish("north")
    report = unit.verify(unit.pack("north", finding, heads=[published.raw]))
    assert report.result is Result.VALID
    assert before_of(report) == START // 1_000_000 + 60
    assert f"That it was made at {claimed}, as its author claims." in map(str, report.not_proven)
    assert report.shown is not None
    # It was made after a state that a quorum had not seen before the third of November.
    assert report.shown.acts[0].after == (("south.example", 1, START // 1_000_000),)
    assert "after its author had seen south.example at 1 entries" in " ".join(map(str, report.proven))


@pytest.mark.parametrize("time_s", [1, START // 1_000_000 - 365 * DAY, START // 1_000_000 + 365 * DAY])
def test_backdating_by_f_witnesses_does_not_move_the_bracket(unit: UnitSimulator, time_s: int) -> None:
    liar, friends = Liar(unit, "north"), Colluders(unit, "south")
    finding = stated(unit)
    unit.clock.advance(600)
    liar.show(liar.face, "east", "west", "w1.example")
    head = liar.publish(liar.face, friends)
    assert head is not None
    lied = parse_signed_checkpoint(friends.cosign(liar.cosigned(liar.face).raw, time_s))
    report = unit.verify(unit.pack("north", finding, head=lied))
    assert report.result is Result.VALID
    assert before_of(report) == START // 1_000_000 + 600


def test_backdating_a_witness_by_its_clock_is_refused_by_the_witness(unit: UnitSimulator) -> None:
    # A witness whose clock is set back goes on from the last time that it has stated.
    face = unit["north"].face
    say(face, "1")
    unit.publish("north")
    unit.clock.advance(-DAY)
    say(face, "2")
    unit.publish("north")
    for name in unit.witnesses("north"):
        held = unit.node(name).held("north.example")
        assert held is not None
        assert held.checkpoint.size == 2
        times = verify_cosigner(held, unit.node(name).cosigner.keys).timestamps
        assert set(times) == {START // 1_000_000}


def test_backdating_an_answer_behind_its_deadline_is_shown(unit: UnitSimulator) -> None:
    deadline = format_instant(START + 3_600 * 1_000_000)
    finding = stated(unit, deadline=deadline)
    unit.settle("north")
    unit.clock.advance(DAY)
    claimed = format_instant(START)
    answer = answer_finding(unit["south"].face, finding, claimed_time=claimed)
    unit.publish("south")
    report = unit.verify(unit.pack("north", finding, answers=[answer]))
    assert report.result is Result.VALID
    assert report.shown is not None
    witnessed = report.shown.acts[-1].witnessed.before_s
    # What it claims stands there as claimed; that it was in time nobody but its author says.
    assert witnessed == START // 1_000_000 + DAY
    assert "was in the log of south.example before 2026-11-05T00:00:00" in " ".join(map(str, report.proven))


# Silence, forced silence, vetoes


def test_silence_on_a_request_is_shown_as_overdue(unit: UnitSimulator) -> None:
    finding = stated(unit, deadline=format_instant(START + 3_600 * 1_000_000))
    unit.publish("north")
    assert FlagName.OVERDUE not in flags(unit, finding)
    unit.clock.advance(DAY)
    say(unit["north"].face, "still no answer")
    unit.publish("north")
    assert FlagName.OVERDUE in flags(unit, finding)


def flags(unit: UnitSimulator, finding: Finding) -> list[FlagName]:
    return [flag.name for flag in unit.verify(unit.pack("north", finding)).flags]


def test_silence_of_every_witness_leaves_the_act_provable_by_its_mirror(unit: UnitSimulator) -> None:
    # Nobody cosigns; the author publishes with what it has, and one mirror takes the whole log.
    finding = stated(unit)
    for name in unit.witnesses("north"):
        unit.network.cut_off(name)
    done = unit.publish("north")
    assert not done.is_published
    assert len(done.missing) == len(unit.witnesses("north"))
    unit.network.heal("south.example")
    copied = unit.push("north", "south", unit.head("north"), unit["north"].face.file)
    assert isinstance(copied, Copied)
    assert unit.copy("south", "south", "north")("tile/0/000.p/2") is not None
    report = unit.verify(unit.pack("north", finding))
    assert report.result is Result.VALID_UNWITNESSED
    note = unit.copy("", "south", "north")("checkpoint")
    assert note is not None
    held = parse_signed_checkpoint(note)
    verify_cosigner(held, unit["south"].mirror_cosigner.keys)
    assert verify_checkpoint(held, unit["north"].face.log_signer.keys).size == 2


def test_forced_silence_of_a_member_ends_when_any_quorum_is_reachable(unit: UnitSimulator) -> None:
    finding = stated(unit)
    unit.network.cut_off("north.example")
    done = unit.publish("north")
    assert not done.is_published
    assert {each.why for each in done.missing} == {Why.AWAY}
    for number in range(3):
        say(unit["north"].face, f"meanwhile {number}")
    unit.restart("north")
    unit.network.heal()
    # Those who cut it off stay silent: the quorum is there without them.
    unit.network.cut("north.example", "south.example")
    done = unit.publish("north")
    assert done.is_published
    assert [each.name for each in done.missing] == ["south.example"]
    assert done.head.checkpoint.size == 5
    assert unit.verify(unit.pack("north", finding)).result is Result.VALID


def test_forced_silence_is_caught_up_by_whoever_missed_it(unit: UnitSimulator) -> None:
    face = unit["north"].face
    unit.network.cut_off("south.example")
    for number in range(4):
        say(face, str(number))
        unit.settle("north")
    unit.network.heal()
    say(face, "last")
    unit.settle("north")
    held = unit["south"].held("north.example")
    assert held is not None
    assert held.checkpoint.size == 5
    assert unit["south"].suspected("north.example") == []
    assert unit.copy("east", "south", "north")("tile/0/000.p/5") is not None


@pytest.mark.parametrize(
    "sides", [{}, {"south": "one", "east": "one"}, {"north": "one", "south": "one"}], ids=str
)
def test_veto_by_withheld_cosignatures_of_any_one_side_fails(sides: dict[str, str]) -> None:
    # Of 8 witnesses 6 must cosign, of 7 five: two of one side can stay away.
    unit = UnitSimulator(members=6, outside=3, sides=sides)
    owners = {office.side for office in unit.offices.values()}
    for name in ("north", "west"):
        for side in sorted(owners):
            away = [office.name for office in unit.offices.values() if office.side == side]
            others = set(away) - {unit.full(name)}
            for each in others:
                unit.network.cut_off(each)
            say(unit[name].face, f"without {side}")
            done = unit.publish(name)
            assert done.is_published
            assert {each.name for each in done.missing} == others
            unit.network.heal()


def test_veto_by_more_than_f_costs_the_quorum_and_nothing_else(unit: UnitSimulator) -> None:
    finding = stated(unit)
    for name in ("south", "east"):
        unit.network.cut_off(f"{name}.example")
    assert not unit.publish("north").is_published
    report = unit.verify(unit.pack("north", finding))
    assert report.result is Result.VALID_UNWITNESSED
    assert "missing: east.example, south.example" in str(report.steps[5].detail)
    unit.network.heal("south.example")
    assert unit.publish("north").is_published


def test_veto_of_a_side_in_a_roster_is_refused_before_it_is_signed(unit: UnitSimulator) -> None:
    with pytest.raises(PolicyError) as caught:
        unit.adopt(Move("south.example", "one", ""), Move("east.example", "one", ""))
    assert caught.value.code == "E4300"
    assert len(unit.chain) == 1


# Stolen keys


def test_key_theft_ends_with_the_revocation_and_the_past_stays(unit: UnitSimulator) -> None:
    before = stated(unit)
    unit.settle("north")
    stolen = unit["north"].office.key("act")
    unit.rotate("north", "act")
    after = stated(unit)
    # Who has stolen the act key alone must get the owner's log to take what he signs.
    forged = unit["north"].face.record("finding", sealed={"batches": ()}, signer=stolen)
    unit.publish("north")
    for finding, result in ((before, Result.VALID), (after, Result.VALID)):
        assert unit.verify(unit.pack("north", finding)).result is result
    assert failed(unit.verify(unit.pack("north", Finding(forged, ()))))[0] == "acts"


def test_key_theft_of_act_and_log_keys_gets_no_quorum_after_the_revocation(unit: UnitSimulator) -> None:
    stated(unit)
    unit.settle("north")
    thief = Liar(unit, "north")
    face = thief.fork()  # with generation 0 of all keys
    unit.rotate("north", "act")
    unit.rotate("north", "log")
    lie = say(face, "signed by the thief")
    assert set(thief.show(face).values()) == {403}
    head = thief.cosigned(face, Colluders(unit, "south"))
    with pytest.raises(VerificationError):
        judge_head(unit.chain, head)
    # The owner goes on under its new keys, and its past is what it was.
    say(unit["north"].face, "signed by the owner")
    assert unit.publish("north").is_published
    with pytest.raises(VerificationError):
        verify_envelope(lie.leaf, unit["north"].office.key("act", 1).public)


def test_key_theft_noticed_late_voids_what_the_thief_signed(unit: UnitSimulator) -> None:
    true = stated(unit)
    stolen_from = unit["north"].face.size
    lie = stated(unit, fields={"title": "planted"})
    unit.settle("north")
    kept = [unit.pack("north", each) for each in (true, lie)]
    assert [unit.verify(pack).result for pack in kept] == [Result.VALID, Result.VALID]
    unit.rotate("north", "act", until=stolen_from)
    assert unit.verify(unit.pack("north", true)).result is Result.VALID
    assert failed(unit.verify(unit.pack("north", lie)))[0] == "acts"
    # Who kept the old pack sees in it that it does not speak of later epochs.
    report = unit.verify(kept[1])
    assert any("after roster epoch 0" in str(each) for each in report.not_proven)


def test_an_old_roster_served_after_a_rotation_lets_no_new_word_of_the_thief_pass(
    unit: UnitSimulator,
) -> None:
    stated(unit)
    unit.settle("north")
    thief = Liar(unit, "north")
    face = thief.fork()
    unit.rotate("north", "log")
    lie = stated(unit, face, fields={"title": "after the rotation"})
    # Only a witness that has not heard of the epoch, or that lies, still takes the old key.
    unit.node("w2.example").adopt(unit.chain[:1])
    statuses = thief.show(face)
    assert [name for name, status in statuses.items() if status == 200] == ["w2.example"]
    head = thief.cosigned(face, Colluders(unit, "south"))
    report = unit.verify(unit.pack("north", lie, face=face, head=head, epochs=1))
    assert report.result is Result.VALID_UNWITNESSED
    assert any("after roster epoch 0" in str(each) for each in report.not_proven)
    assert failed_head(unit, head.raw)


def failed_head(unit: UnitSimulator, note: bytes) -> bool:
    """Tell whether those who know the newest epoch refuse a head."""
    try:
        judge_head(unit.chain, parse_signed_checkpoint(note))
    except VerificationError:
        return True
    return False


def test_key_theft_frames_nobody_who_has_revoked_the_key(unit: UnitSimulator) -> None:
    stated(unit)
    unit.settle("north")
    thief = Liar(unit, "north")
    face = thief.fork(1)
    say(face, "signed by the thief")
    fork = fork_of(thief.face, face)
    # Until the owner speaks, the two words are of one key; whose they are the pack does not say.
    report = unit.verify(unit.fork_pack(fork))
    assert "two roots" in proven(report)[0]
    assert "whose-fault" in [each.code for each in report.not_proven]
    pack = unit.fork_pack(fork)
    unit.rotate("north", "log", until=1)
    with pytest.raises(VerificationError):
        unit.fork_pack(fork)
    files = parse_pack(pack) | {"roster/0001.dsse": unit.envelopes[1]}
    assert failed(unit.verify(write_pack(files))) == ("checkpoints", "E3415")


def test_a_stolen_root_key_alone_cannot_change_a_roster(unit: UnitSimulator) -> None:
    with pytest.raises(VerificationError) as caught:
        unit.adopt(Suspend("south.example"), signers=["north"])
    assert caught.value.code == "E3408"


# Voiding the past


def test_retroactive_voiding_by_everybody_else_is_refused(unit: UnitSimulator) -> None:
    finding = stated(unit)
    unit.settle("north")
    for role in ("act", "log"):
        with pytest.raises(VerificationError) as caught:
            unit.adopt(Suspend("north.example"), Revoke("north.example", role, until=1), signers=OTHERS)
        assert caught.value.code == "E3416"
    unit.adopt(Suspend("north.example"), signers=OTHERS)
    assert unit.verify(unit.pack("north", finding)).result is Result.VALID
    late = say(unit["north"].face, "after the suspension")
    for name in OTHERS:
        assert Liar(unit, "north").show(unit["north"].face, name) == {name: 404}
    with pytest.raises(VerificationError) as caught:
        judge_head(unit.chain, Liar(unit, "north").cosigned(unit["north"].face))
    assert caught.value.code == "E3415"
    assert late.ref.index == 2


def test_retroactive_voiding_by_an_old_state_leaves_witnessed_packs_valid(unit: UnitSimulator) -> None:
    # The others say that nothing of north was ever witnessed, and had cosigned it themselves.
    finding = stated(unit)
    unit.settle("north")
    empty = unit["north"].face.head(0)
    unit.adopt(Suspend("north.example"), signers=OTHERS, heads=[Head("north.example", 0, empty.root)])
    assert unit.verify(unit.pack("north", finding)).result is Result.VALID


def test_retroactive_voiding_is_not_signed_by_an_honest_member(unit: UnitSimulator) -> None:
    stated(unit)
    unit.settle("north")
    majority = UnitSimulator()
    majority.adopt(Suspend("north.example"), signers=OTHERS)
    held = unit["east"].held("north.example")
    assert held is not None
    with pytest.raises(PolicyError) as caught:
        check_adoption(
            parse_charter(unit.charter.document),
            unit.chain,
            majority.chain[-1].document,
            cosigned={"north.example": held.checkpoint.size},
        )
    assert caught.value.code == "E4301"


def test_keys_of_a_place_verify_acts_of_that_place_for_ever(unit: UnitSimulator) -> None:
    findings = []
    for _ in range(3):
        findings.append(stated(unit))
        unit.settle("north")
        unit.rotate("north", "act")
    assert {unit.verify(unit.pack("north", each)).result for each in findings} == {Result.VALID}
    witnessed = judge_head(unit.chain, unit.head("north"))
    keys = [
        key_in_force(unit.chain, witnessed.epoch, "north.example", "act", each.logged.ref.index)
        for each in findings
    ]
    assert keys == [unit["north"].office.key("act", generation).public for generation in range(3)]


def test_a_lost_disk_stops_the_owner_before_it_forks_itself(unit: UnitSimulator) -> None:
    say(unit["north"].face, "1")
    unit.settle("north")
    name = next(each for each in unit["north"].blobs.files if "tile/0/000" in each)
    del unit["north"].blobs.files[name]
    unit.restart("north")
    with pytest.raises(StorageError) as caught:
        unit["north"].face.writer.append([b"2"])
    assert caught.value.code == "E5208"
