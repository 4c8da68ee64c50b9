"""Nodes publish, mirror, restart, lose and find again, and adopt epochs."""

from __future__ import annotations

import pytest

from hisn.errors import PolicyError
from hisn.node.published import Published
from hisn.node.replicate import Copied
from hisn.testing.liar import Liar
from hisn.testing.unit_base import UnitNodes, is_body
from hisn.testing.unit_log import blob_name
from hisn.testing.unit_simulator import UnitSimulator
from hisn.tlog.fsck import fsck
from hisn.unit.draft import Move, Suspend

SAID = {"what": "x", "digest": "00" * 32}


@pytest.fixture
def unit() -> UnitNodes:
    return UnitSimulator()


def say(unit: UnitNodes, name: str = "north") -> Published:
    unit[name].face.record("observation", dict(SAID))
    return unit.publish(name)


def test_names_and_quorums(unit: UnitNodes) -> None:
    assert unit.full("north") == "north.example"
    assert set(unit.witnesses("north")) == {*unit.offices} - {"north.example"}
    assert (unit.quorum("north"), unit.liars("north")) == (4, 1)


def test_a_quiet_minute_publishes_and_mirrors_everything(unit: UnitNodes) -> None:
    for name in unit.members:
        unit[name].face.record("observation", dict(SAID))
    unit.settle()
    for owner in unit.members:
        for holder in unit.members:
            report = fsck(unit.copy(owner, holder, owner), unit[owner].face.log_signer.keys)
            assert report.require_sound().size == 1
    assert [head.origin for head in unit["north"].seen()] == ["east.example", "south.example", "west.example"]
    assert unit.replicate("north", "south").keys() == {"south.example"}


def test_nothing_unpublished_is_mirrored(unit: UnitNodes) -> None:
    assert unit.replicate("north") == {}


def test_a_restart_forgets_nothing_that_was_promised(unit: UnitNodes) -> None:
    say(unit)
    for name in unit.nodes:
        unit.restart(name)
    assert say(unit).is_published
    assert all(isinstance(each, Copied) for each in unit.replicate("north").values())


def test_a_backup_is_an_old_node(unit: UnitNodes) -> None:
    say(unit)
    old = unit.backup("north")
    say(unit)
    unit.restore("north", old)
    assert unit["north"].face.size == 1


def test_epochs_reach_those_who_are_told(unit: UnitNodes) -> None:
    say(unit)
    unit.adopt(Move("north.example", "north", "https://north.example"), tell=["south"])
    assert [node.roster.epoch for node in unit.members.values()].count(1) == 1
    unit.tell("north")
    assert unit["north"].roster.witnessed("north.example") == 1
    unit.rotate("north", "act")
    unit.rotate("south", "witness")
    assert say(unit).is_published
    unit.rotate("north", "log")
    assert say(unit).is_published
    assert unit["north"].face.former[0].until == 2
    unit.adopt(Suspend("west.example"), signers=["north", "south", "east"])
    assert len(unit.witnesses("north")) == 4
    with pytest.raises(PolicyError):
        unit.adopt(Suspend("east.example"), Suspend("south.example"), Move("north.example", "w1", ""))


def test_a_key_that_nobody_holds_cannot_be_adopted(unit: UnitNodes) -> None:
    with pytest.raises(ValueError, match="nobody"):
        unit._holder(unit["north"].office.key("act", 99).public)


def test_a_body_is_kept_only_if_it_is_the_one(unit: UnitNodes) -> None:
    north = unit["north"]
    clear = north.face.record("cutoff", {"heads": [], "time": "2026-11-03T19:00:00.000000Z"}, clear=b"text")
    sealed = north.face.record("finding", sealed={"title": "x"})
    assert unit.deliver(north.face.record("observation", dict(SAID))) == {}
    for logged in (clear, sealed):
        assert set(unit.deliver(logged).values()) == {True}
        name = blob_name(logged.body_digest)
        assert unit["south"].blobs.files[name] == north.blobs.files[name]
        north.blobs.files[name] = b"another"
        assert unit.deliver(logged, "south") == {"south.example": False}
        assert logged.statement is not None
        assert not is_body(logged.statement, b"another")


def test_other_faces_are_served_to_whom_the_liar_likes(unit: UnitNodes) -> None:
    say(unit)
    liar = Liar(unit, "north")
    other = liar.fork(0)
    other.append(b"otherwise")
    other.blobs.replace(f"log/{other.writer._home.names.digest}/checkpoint", other.signed().raw)
    liar.serve(other, "south", "")
    views = [unit.copy(reader, "north", "north")("tile/0/000.p/1") for reader in ("south", "east", "")]
    assert views[0] == views[2] != views[1]
