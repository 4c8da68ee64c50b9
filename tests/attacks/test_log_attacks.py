"""Attacks of a log's owner, or of who has its keys, on those who read the log.

`hisn.testing.liar` plays the liar.  `tests/attacks/test_witness.py` and `test_mirror.py` play what
belongs to the network: the same services there answer over HTTP.
"""

from __future__ import annotations

import re

import pytest
from tests.attacks.played import compared, failed, proven, say, two_faced

from hisn.acts.chain import Act, EquivocationError, verify_chain, verify_equivocation
from hisn.acts.envelope import verify_envelope
from hisn.core.keys import DualPublic
from hisn.errors import StorageError, VerificationError
from hisn.evidence.packing import ForkSide, build_fork_pack
from hisn.node.body import AddCheckpoint, format_add_checkpoint
from hisn.node.known import KnownLog, origin_hash
from hisn.node.pull import proven_entries
from hisn.node.quota import Allowance
from hisn.node.without import Why
from hisn.testing.liar import Colluders, Liar
from hisn.testing.unit_evidence import Finding, answer_finding
from hisn.testing.unit_log import Face, Logged
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.adopt import adopt
from hisn.tlog.checkpoint import Checkpoint, LogKeys, parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.fork import Fork, Side
from hisn.tlog.fsck import compare_copies, fsck
from hisn.tlog.merkle import EMPTY_ROOT
from hisn.tlog.prove import format_tlog_proof
from hisn.tlog.sign import Cosigner, LogSigner, add_signatures, format_note, sign_checkpoint, sign_note
from hisn.tlog.trusted import TrustedLog
from hisn.verify.steps import Result

HOUR = 3_600


@pytest.fixture
def unit() -> UnitSimulator:
    return UnitSimulator()


# Split view


@pytest.mark.parametrize(("other", "status"), [(2, 422), (5, 422), (1, 409)])
def test_split_view_is_refused_by_every_witness_that_saw_the_other_log(
    unit: UnitSimulator, other: int, status: int
) -> None:
    liar, second = two_faced(unit, other=other)
    assert set(liar.show(liar.face).values()) == {200}
    assert set(liar.show(second).values()) == {status}
    assert liar.publish(second) is None
    for name in unit.witnesses("north"):
        held = unit.node(name).held(liar.name)
        assert held is not None
        assert held.checkpoint.root == liar.face.signed().checkpoint.root
        # What contradicts what is held is kept; a log that is merely shorter contradicts nothing yet.
        assert bool(unit.node(name).suspected(liar.name)) == (status == 422)


def test_split_view_of_one_size_is_proven_by_what_one_witness_keeps(unit: UnitSimulator) -> None:
    liar, second = two_faced(unit)
    liar.show(liar.face, "south")
    liar.show(second, "south")
    one, other = unit["south"].suspected(liar.name)
    report = unit.verify(unit.fork_pack(Fork(Side(one), Side(other))))
    assert proven(report) == ["north.example signed two roots for its log of 5 entries: its log is forked."]


@pytest.mark.parametrize("other", [1, 2, 30])
def test_split_view_shown_to_two_halves_is_proven_when_they_compare(unit: UnitSimulator, other: int) -> None:
    liar, second = two_faced(unit, other=other)
    assert set(liar.show(liar.face, "south", "east", "w1.example").values()) == {200}
    assert set(liar.show(second, "west", "w2.example").values()) == {200}
    # Neither half is a quorum, so neither log is ever VALID; and both halves hold one of its words.
    assert liar.publish(liar.face) is None
    assert liar.publish(second) is None
    report = compared(unit, liar.face, second)
    where = "signed two roots" if other == 2 else "different entries at 3"
    assert where in proven(report)[0]


def test_split_view_between_members_is_proven_by_their_mirrors() -> None:
    # f + 1 witnesses lie, so both logs are published, and each is mirrored by somebody.
    unit = UnitSimulator(members=3)
    liar, second = two_faced(unit, other=7)
    friends = Colluders(unit, "w1.example", "w2.example")
    for face, victim in ((liar.face, "south"), (second, "east")):
        assert liar.show(face, victim) == {victim: 200}
        published = liar.publish(face, friends)
        assert published is not None
        assert liar.mirror(face, published, victim) == {victim: True}
    keys = liar.face.log_signer.keys
    copies = unit.copy("south", "south", "north"), unit.copy("south", "east", "north")
    fork = compare_copies(*copies, keys)
    assert fork is not None
    assert fork.index == 3
    pack = unit.fork_pack(fork)
    assert "different entries at 3" in proven(unit.verify(pack))[0]
    assert "different entries at 3" in proven(unit.verify(pack, is_pinned=False))[0]


def test_split_view_cannot_be_alleged_of_an_honest_log(unit: UnitSimulator) -> None:
    face = unit["north"].face
    say(face, "a", "b")
    first = face.signed()
    say(face, "c")
    second = face.signed()
    foreign = LogSigner(face.origin, unit["south"].office.key("log"), unit.clock)
    forged = sign_checkpoint(Liar(unit, "south").fork().signed().checkpoint, unit["south"].face.log_signer)
    other = parse_signed_checkpoint(sign_checkpoint(second.checkpoint, foreign)).raw
    for pair in ((first.raw, second.raw), (second.raw, second.raw), (second.raw, other), (first.raw, forged)):
        report = unit.verify(unit.fork_pack(Fork(Side(pair[0]), Side(pair[1]))))
        assert report.result is Result.INVALID
        assert not report.proven


def test_split_view_by_two_acts_with_one_number_is_proven(unit: UnitSimulator) -> None:
    # Equivocation: the log is one, and its author says two things at one place.
    liar = Liar(unit, "north")
    say(liar.face, "first")
    true = say(liar.face, "once")
    other = liar.equivocate(liar.face, true)
    unit.publish("north")
    keys = liar.face.act_signer.public
    with pytest.raises(EquivocationError) as caught:
        verify_chain(acts_of(liar.face.leaves(), keys))
    assert {caught.value.first, caught.value.second} == {true.leaf, other.leaf}
    verify_equivocation(caught.value.first, caught.value.second, keys)
    pack = acts_pack(unit, liar.face, true, other)
    assert proven(unit.verify(pack)) == ["north.example signed two different acts as its number 1."]


def acts_of(leaves: list[bytes], keys: DualPublic) -> list[Act]:
    return [Act(leaf, verify_envelope(leaf, keys)) for leaf in leaves]


def acts_pack(unit: UnitSimulator, face: Face, first: Logged, second: Logged) -> bytes:
    head = unit.head("north")
    sides = (
        ForkSide(leaf=each.leaf, proof=format_tlog_proof(face.proof(each.ref.index, head)))
        for each in (first, second)
    )
    return build_fork_pack(unit.trust(head), *sides)


def test_two_acts_with_two_numbers_are_no_equivocation(unit: UnitSimulator) -> None:
    face = unit["north"].face
    first, second = say(face, "a"), say(face, "b")
    unit.publish("north")
    assert failed(unit.verify(acts_pack(unit, face, first, second))) == ("fork", "E3541")


def test_a_fork_is_proven_though_its_entries_are_withheld() -> None:
    unit = UnitSimulator(members=3)
    liar, second = two_faced(unit, other=3)
    for face in (liar.face, second):
        for name in list(face.blobs.files):
            if "entries" in name:
                del face.blobs.files[name]
    assert "different entries at 3" in proven(compared(unit, liar.face, second))[0]


# Rollback


def test_rollback_after_a_restore_signs_nothing_and_recovers_from_a_mirror(unit: UnitSimulator) -> None:
    north = unit["north"]
    say(north.face, "1", "2", "3")
    unit.settle("north")
    old = unit.backup("north")
    say(north.face, "4", "5", "6")
    unit.settle("north")
    true = north.face.leaves()
    unit.restore("north", old)
    say(north.face, "another 4")  # the owner does not know yet
    done = unit.publish("north")
    assert not done.is_published
    assert done.setback is not None
    assert {each.why for each in done.missing} == {Why.PROVES}
    with pytest.raises(StorageError) as caught:
        say(north.face, "another 5")
    assert caught.value.code == "E5207"
    assert "hisn node recover" in caught.value.hint
    recover(unit, "north", "south")
    assert north.face.leaves() == true
    north.face.record("key-event", {"event": "gap", "detail": {"from": 3, "to": 6, "why": "a restore"}})
    assert unit.publish("north").is_published
    for name in unit.witnesses("north"):
        assert unit.node(name).suspected("north.example") == []


def recover(unit: UnitSimulator, name: str, mirror: str) -> None:
    """Take the log back from a mirror, as `hisn node recover` does."""
    node = unit[name]
    get = unit.copy(name, mirror, name)
    note = get("checkpoint")
    assert note is not None
    keys = node.face.log_signer.keys
    head = verify_checkpoint(parse_signed_checkpoint(note), keys)
    adopt(keys, node.blobs, node.register, note, proven_entries(get, head))
    unit.restart(name)


def test_rollback_that_goes_on_from_the_old_state_is_a_fork(unit: UnitSimulator) -> None:
    # Whoever restores on purpose, and signs past the refusal, has forked its log.
    liar = Liar(unit, "north")
    say(liar.face, "1", "2")
    unit.settle("north")
    rewritten = liar.fork(1)
    say(rewritten, "another 2", "another 3")
    assert set(liar.show(rewritten).values()) == {422}
    assert "different entries at 1" in proven(compared(unit, liar.face, rewritten))[0]


def test_rollback_shown_to_a_reader_is_refused_and_kept(unit: UnitSimulator) -> None:
    face = unit["north"].face
    say(face, "1")
    old = face.signed()
    say(face, "2")
    trusted = TrustedLog(face.log_signer.keys)
    trusted.update(face.signed())
    with pytest.raises(VerificationError) as caught:
        trusted.update(old)
    assert caught.value.code == "E3228"
    assert trusted.suspects[0].shown == old.raw
    assert trusted.checkpoint == face.signed().checkpoint


def test_rollback_of_a_witness_counts_it_among_the_liars(unit: UnitSimulator) -> None:
    # A witness that was restored signs the other log in good faith: one of f.
    liar, second = two_faced(unit)
    south = unit["south"]
    before = south.face.snapshot()
    liar.show(liar.face)
    unit.restore("south", before)
    assert liar.show(second) == {
        "south.example": 200,
        **dict.fromkeys({*unit.witnesses("north")} - {"south.example"}, 422),
    }
    assert liar.publish(second) is None
    assert "signed two roots" in proven(compared(unit, liar.face, second))[0]


# Replay


def test_replay_into_another_log_is_refused(unit: UnitSimulator) -> None:
    batch = unit.seal("north", [{"a": 1}])
    finding = unit.state("north", batch)
    thief = Liar(unit, "south")
    stolen = [thief.replay(thief.face, each) for each in (batch.logged, finding.logged)]
    unit.settle()
    with pytest.raises(VerificationError):
        acts_of(thief.face.leaves(), thief.face.act_signer.public)
    moved = Finding(stolen[1], ())
    assert failed(unit.verify(unit.pack("south", moved)))[0] == "acts"


def test_replay_at_another_place_is_refused(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    batch = unit.seal("north", [{"a": 1}])
    finding = unit.state("north", batch)
    say(liar.face, "later")
    again = liar.replay(liar.face, finding.logged)
    unit.publish("north")
    keys = liar.face.act_signer.public
    with pytest.raises(VerificationError) as caught:
        verify_chain(acts_of(liar.face.leaves(), keys))
    assert caught.value.code == "E3321"
    pack = unit.pack("north", Finding(again, finding.evidence))
    assert failed(unit.verify(pack)) == ("sequence", "E3506")
    assert unit.verify(unit.pack("north", finding)).result is Result.VALID


def test_replay_of_one_act_twice_in_a_pack_is_refused(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    finding = unit.state("north", unit.seal("north", [{"a": 1}]))
    again = liar.replay(liar.face, finding.logged)
    unit.publish("north")
    pack = unit.pack("north", finding, answers=[again])
    assert failed(unit.verify(pack)) == ("inclusion", "E3504")


def test_replay_of_an_answer_to_another_finding_is_refused(unit: UnitSimulator) -> None:
    first, second = (unit.state("north", unit.seal("north", [{"a": number}])) for number in (1, 2))
    answer = answer_finding(unit["south"].face, first)
    unit.settle()
    assert unit.verify(unit.pack("north", first, answers=[answer])).result is Result.VALID
    assert failed(unit.verify(unit.pack("north", second, answers=[answer]))) == ("replies", "E3516")


# Stale heads


def test_stale_seen_does_not_undo_what_was_seen(unit: UnitSimulator) -> None:
    say(unit["south"].face, "1", "2", "3")
    face, south = unit["north"].face, unit["south"].face
    batch = unit.seal("north", [{"a": 1}], seen=(south.head(3),))
    finding = unit.state("north", batch, seen=(south.head(1),))
    unit.publish("north")
    with pytest.raises(VerificationError) as caught:
        verify_chain(acts_of(face.leaves(), face.act_signer.public))
    assert caught.value.code == "E3324"
    assert failed(unit.verify(unit.pack("north", finding))) == ("sequence", "E3507")


def test_stale_seen_of_an_invented_state_is_no_proof_of_a_date(unit: UnitSimulator) -> None:
    # The author cites a state that the other log never had: no checkpoint fits it.
    say(unit["south"].face, "1")
    unit.settle("south")
    published = unit["south"].published()
    assert published is not None
    lied = Liar(unit, "south").fork(0)
    say(lied, "invented")
    finding = unit.state("north", unit.seal("north", [{"a": 1}], seen=(lied.head(),)))
    unit.publish("north")
    assert failed(unit.verify(unit.pack("north", finding, heads=[published.raw]))) == ("sequence", "E3507")


# Withholding


def test_withholding_a_tile_is_named_and_a_mirror_serves_it(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    liar.face.writer.append([b"entry %d" % number for number in range(300)])
    unit.settle("north")
    keys = liar.face.log_signer.keys
    liar.withhold("log/north/tile/0/000")
    report = fsck(unit.copy("south", "north", "north"), keys)
    (problem,) = report.problems
    assert (problem.kind.value, problem.name) == ("missing", "tile/0/000")
    for mirror in ("south", "east", "west"):
        assert fsck(unit.copy("south", mirror, "north"), keys).require_sound().size == 300


def test_withholding_entries_is_named_and_a_mirror_serves_them(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    say(liar.face, "1", "2")
    unit.settle("north")
    liar.withhold("log/north/tile/entries")
    keys = liar.face.log_signer.keys
    (problem,) = fsck(unit.copy("south", "north", "north"), keys).problems
    assert problem.name == "tile/entries/000.p/2"
    assert "withheld" in problem.why
    mirror = unit.copy("south", "east", "north")
    note = mirror("checkpoint")
    assert note is not None
    head = verify_checkpoint(parse_signed_checkpoint(note), keys)
    assert list(proven_entries(mirror, head)(0, 2)) == liar.face.leaves()


def test_withholding_a_mirror_is_no_signature_of_it(unit: UnitSimulator) -> None:
    say(unit["north"].face, "1")
    unit.publish("north")
    unit.network.cut_off("south.example")
    copied = unit.replicate("north")
    assert getattr(copied["south.example"], "why", None) is Why.AWAY
    # One that stops serving later has signed that it serves: others still do.
    unit.network.heal()
    unit.replicate("north")
    Liar(unit, "south").withhold("mirror/north")
    assert unit.copy("east", "south", "north")("checkpoint") is None
    assert unit.copy("east", "west", "north")("checkpoint") is not None


def test_withholding_a_log_leaves_what_was_signed_and_mirrored(unit: UnitSimulator) -> None:
    finding = unit.state("north", unit.seal("north", [{"a": 1}]))
    unit.settle("north")
    pack = unit.pack("north", finding)
    unit.network.cut_off("north.example")
    keys = unit["north"].face.log_signer.keys
    assert fsck(unit.copy("south", "east", "north"), keys).require_sound().size == 2
    assert unit.verify(pack).result is Result.VALID


def test_a_forged_tile_is_not_taken_for_a_withheld_one(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    say(liar.face, "1", "2")
    unit.settle("north")
    name = f"log/{origin_hash(liar.name)}/tile/entries/000.p/2"
    liar.face.blobs.files[name] = liar.face.blobs.files[name].replace(b"MSIs", b"MiIs", 1)[::-1]
    (problem,) = fsck(unit.copy("south", "north", "north"), liar.face.log_signer.keys).problems
    assert problem.kind.value == "wrong"


# Keys in the wrong place


def test_a_witness_key_used_as_log_key_is_refused(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    say(liar.face, "1")
    office = unit["north"].office
    head = liar.face.signed()
    keys = LogKeys(liar.name, office.key("log").public)
    witness = office.key("witness")
    as_log = liar.sign(1, head.checkpoint.root, witness)
    # Its own cosignature, and an Ed25519 line of the log beside the witness's ML-DSA-44.
    cosigned = format_note(head.note.text, Cosigner(liar.name, witness).cosign(head.note.text, 1))
    mixed = format_note(
        head.note.text,
        (
            sign_note(head.note.text, liar.name, office.key("log").ed25519),
            *Cosigner(liar.name, witness).cosign(head.note.text, 1)[1:],
        ),
    )
    for note in (as_log, cosigned, mixed):
        with pytest.raises(VerificationError):
            verify_checkpoint(parse_signed_checkpoint(note), keys)
        for name in unit.witnesses("north"):
            body = format_add_checkpoint(AddCheckpoint(0, (), note))
            assert unit.node(name).witness.add_checkpoint(body).status == 403


def test_a_log_key_used_as_witness_key_counts_for_nothing(unit: UnitSimulator) -> None:
    say(unit["north"].face, "1")
    for name in ("east", "west"):
        unit.network.cut_off(unit.full(name))
    assert not unit.publish("north").is_published
    note = unit.head("north").raw
    for name in ("east", "west"):
        impostor = Cosigner(unit.full(name), unit[name].office.key("log"))
        note = add_signatures(note, impostor.cosign(parse_signed_checkpoint(note).note.text, 1_793_750_400))
    policy = unit.policy(unit["north"])
    assert not policy.satisfied_by(parse_signed_checkpoint(note)).reached


# Paths, floods


@pytest.mark.parametrize(
    "origin",
    ["../../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "..", "%2e%2e/x", "a" * 200, "log/x\u202e"],
)
def test_path_names_from_origins_are_hashes(unit: UnitSimulator, origin: str) -> None:
    # A log that is not of the unit may have any origin: this node was told to witness it.
    signer = LogSigner(origin, unit["north"].office.key("log"), unit.clock)
    south = unit["south"]
    south.foreign[origin] = KnownLog.of_member(signer.keys)
    for size, root in ((0, EMPTY_ROOT), (1, bytes(32)), (1, b"\1" * 32)):
        note = sign_checkpoint(Checkpoint(origin, size, root), signer)
        body = format_add_checkpoint(AddCheckpoint(0, (), note))
        south.witness.add_checkpoint(body)
        south.mirror.add_checkpoint(body)
    assert south.held(origin) is not None
    assert south.suspected(origin)
    place = re.compile(r"(log|mirror|state/suspect)/[0-9a-f]{64}/[a-z0-9./-]+")
    strange = [name for name in south.blobs.files if not place.fullmatch(name)]
    assert strange == []
    row = re.compile(r"[a-z-]+/[0-9a-f]{64}")
    assert [name for name in south.register.values if not row.fullmatch(name)] == []


def test_flooding_spends_the_members_own_share_and_is_logged_once_per_window(unit: UnitSimulator) -> None:
    south = unit["south"]
    south.allowance = Allowance(requests=20, size_bytes=1 << 30)
    unit.restart("south")
    flooder, other = Liar(unit, "north"), Liar(unit, "east")
    statuses: list[int] = []
    for number in range(60):
        say(flooder.face, str(number))
        statuses += flooder.show(flooder.face, "south").values()
    assert statuses == [200] * 20 + [429] * 40
    say(other.face, "1")
    assert other.show(other.face, "south") == {"south": 200}
    # What was refused is known and not told again and again: one report when the window is over.
    assert south.overruns == []
    unit.clock.advance(HOUR)
    assert flooder.show(flooder.face, "south") == {"south": 200}
    say(flooder.face, "again")
    flooder.show(flooder.face, "south")
    (overrun,) = south.overruns
    assert (overrun.member, overrun.refused) == ("north.example", 40)


def test_flooding_with_two_logs_of_one_size_fills_no_disk(
    unit: UnitSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hisn.node.suspects.MAX_SUSPECTS", 20)
    liar = Liar(unit, "north")
    say(liar.face, "1")
    liar.show(liar.face, "south")
    for number in range(30):
        note = liar.sign(1, number.to_bytes(32, "big"))
        unit["south"].witness.add_checkpoint(format_add_checkpoint(AddCheckpoint(1, (), note)))
    assert len(unit["south"].suspected(liar.name)) == 21
    assert unit["south"].suspects.counts(origin_hash(liar.name)) == {"fork": 20}
