"""A liar can do what its keys allow: enough to test everybody else."""

from __future__ import annotations

import pytest

from hisn.acts.chain import verify_equivocation
from hisn.errors import VerificationError
from hisn.testing.liar import Colluders, Liar
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.checkpoint import parse_signed_checkpoint, verify_checkpoint
from hisn.tlog.cosign import verify_cosigner

SAID = {"what": "x", "digest": "00" * 32}


@pytest.fixture
def unit() -> UnitSimulator:
    unit = UnitSimulator()
    for _ in range(3):
        unit["north"].face.record("observation", dict(SAID))
    return unit


def test_a_liar_shows_each_face_to_whom_it_likes(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    other = liar.fork(1)
    other.record("observation", SAID | {"what": "y"})
    assert liar.show(liar.face, "south", "east") == {"south": 200, "east": 200}
    assert liar.show(other, "south", "west") == {"south": 409, "west": 200}
    other.append(b"more")
    assert liar.show(other, "south") == {"south": 422}
    assert len(unit["south"].suspected("north.example")) == 2
    liar.show(other, "west")
    unit.network.cut_off("w1.example")
    assert liar.show(other, "w1.example") == {"w1.example": 0}
    names = {"south.example", "east.example"}
    signed = liar.cosigned(liar.face)
    for name in names:
        verify_cosigner(signed, unit.node(name).cosigner.keys)
    assert len(signed.note.signatures) == 2 + 2 * len(names)


def test_colluders_sign_anything_at_any_time(unit: UnitSimulator) -> None:
    liar, friends = Liar(unit, "north"), Colluders(unit, "east", "w1.example")
    note = friends.cosign(liar.sign(9, bytes(32)), 7)
    signed = parse_signed_checkpoint(note)
    assert verify_checkpoint(signed, liar.face.log_signer.keys).size == 9
    for name in friends.names:
        assert set(verify_cosigner(signed, friends.cosigner(name).keys).timestamps) == {7}


def test_a_face_with_a_quorum_is_published(unit: UnitSimulator) -> None:
    liar, friends = Liar(unit, "north"), Colluders(unit, "east")
    liar.show(liar.face, "south", "west")
    assert liar.publish(liar.face, friends) is None
    liar.show(liar.face, "w1.example", "east")
    published = liar.publish(liar.face, friends)
    assert published is not None
    assert len(published.note.signatures) == 2 + 2 * 4
    assert liar.mirror(liar.face, published, "south", "east") == {"south": True, "east": True}
    unit.network.cut_off("west.example")
    assert liar.mirror(liar.face, published, "west") == {"west": False}
    other = liar.fork()
    liar.serve(other, "south")
    assert unit["north"].views == {"south.example": other}


def test_a_signature_by_any_keys(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    forged = parse_signed_checkpoint(liar.sign(1, bytes(32), unit["south"].office.key("log")))
    with pytest.raises(VerificationError):
        verify_checkpoint(forged, liar.face.log_signer.keys)


def test_replays_backdated_acts_and_equivocations(unit: UnitSimulator) -> None:
    liar = Liar(unit, "north")
    first = liar.face.logged(0)
    assert liar.replay(liar.face, first).leaf == first.leaf
    old = liar.backdate(liar.face, 3_600)
    assert old.statement is not None
    assert old.statement.header.claimed_time == "2026-11-03T23:00:00.000000Z"
    twice = liar.equivocate(liar.face, first)
    verify_equivocation(first.leaf, twice.leaf, liar.face.act_signer.public)
    with pytest.raises(ValueError, match="no act"):
        liar.equivocate(liar.face, liar.face.append(b"x"))


def test_withheld_files_are_gone_for_everybody(unit: UnitSimulator) -> None:
    unit.settle("north")
    liar = Liar(unit, "north")
    get = unit.copy("south", "north", "north")
    assert get("tile/0/000.p/3") is not None
    liar.withhold("log/north/tile/0", "blob", "mirror/south")
    assert get("tile/0/000.p/3") is None
    assert get("tile/entries/000.p/3") is not None
    assert len(unit["north"].withheld) == 3
