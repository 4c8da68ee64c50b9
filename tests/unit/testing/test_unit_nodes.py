"""Nodes of the simulator answer as the skin over HTTP does."""

from __future__ import annotations

import pytest

from hisn.node.known import KnownLog, origin_hash
from hisn.testing.fake_clock import FakeClock
from hisn.testing.seeded_entropy import SeededEntropy
from hisn.testing.unit_log import Face
from hisn.testing.unit_nodes import MemberNode
from hisn.testing.unit_office import Office
from hisn.testing.unit_simulator import UnitSimulator
from hisn.testing.unit_wire import Request

SAID = {"what": "x", "digest": "00" * 32}


@pytest.fixture
def unit() -> UnitSimulator:
    unit = UnitSimulator()
    for number in range(3):
        unit["north"].face.record("observation", SAID | {"what": str(number)})
    return unit


def get(node: MemberNode, path: str, sender: str = "south.example") -> int:
    return node.answer(Request(sender, path)).status


def test_nothing_leaves_a_node_before_it_is_published(unit: UnitSimulator) -> None:
    north, log = unit["north"], origin_hash("north.example")
    paths = [f"/log/{log}/{name}" for name in ("checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3")]
    assert {get(north, path) for path in paths} == {404}
    unit.publish("north")
    assert {get(north, path) for path in paths} == {200}
    assert get(north, f"/log/{log}/tile/0/000.p/4") == 404


def test_strangers_get_no_entries_and_no_bodies(unit: UnitSimulator) -> None:
    north, log = unit["north"], origin_hash("north.example")
    batch = unit.seal("north", [{"a": 1}])
    unit.settle("north")
    for path in (
        f"/log/{log}/tile/entries/000.p/4",
        f"/blob/sha256/{batch.logged.body_digest.hex()}",
    ):
        assert [get(north, path, sender) for sender in ("south.example", "", "w1.example")] == [200, 404, 404]
    assert get(unit["south"], f"/mirror/{log}/tile/entries/000.p/4", "") == 404
    assert get(unit["south"], f"/mirror/{log}/tile/entries/000.p/4", "east.example") == 200
    assert get(unit["south"], f"/mirror/{log}/tile/0/000.p/4", "") == 200


def test_a_body_goes_to_its_audience(unit: UnitSimulator) -> None:
    finding = unit.state("north", audience=("south.example",))
    path = f"/blob/sha256/{finding.logged.body_digest.hex()}"
    assert [get(unit["north"], path, f"{name}.example") for name in ("south", "east")] == [200, 404]
    assert not unit["north"].may_read("south.example", bytes(32))


def test_what_is_asked_for_and_not_known_is_not_there(unit: UnitSimulator) -> None:
    north = unit["north"]
    south = origin_hash("south.example")
    for path in ("/", "/log/x/checkpoint", f"/log/{south}/checkpoint", f"/witness/{south}/checkpoint"):
        assert get(north, path) == 404
    assert north.answer(Request("", "/nothing", b"")).status == 404
    assert unit.node("w1.example").answer(Request("", "/mirror/add-entries", b"")).status == 404
    assert north.answer(Request("", "/witness/sign-subtree", b"")).status == 400
    assert north.answer(Request("", "/mirror/sign-subtree", b"")).status == 400
    assert north.held("south.example") is None


def test_a_node_knows_members_and_the_logs_that_it_was_told_of(unit: UnitSimulator) -> None:
    other = Face(Office("foreign.example", "foreign"), FakeClock(), SeededEntropy(2))
    node = unit.node("w1.example")
    assert node.find("foreign.example") is None
    node.foreign["foreign.example"] = KnownLog.of_member(other.log_signer.keys)
    assert node.find("foreign.example") is not None
    assert node.find("north.example") is not None
    assert node.name == "w1.example"
