"""A fork pack accuses nobody without two signed statements that exclude each other."""

from __future__ import annotations

import pytest
from vectors.pack_world import OFFICE, World, quiet_office

from hisn.evidence.packing import ForkSide, build_fork_pack
from hisn.verify.check import verify_pack
from hisn.verify.steps import Report, Result


def observation(world: World, what: str) -> ForkSide:
    logged = world.act(OFFICE, "observation", {"what": what, "digest": "00" * 32})
    return world.side(logged, world.checkpoint(OFFICE))


def report_of(world: World, first: ForkSide, second: ForkSide) -> Report:
    # The policy in the pack is that of the first side's state.
    note = first.checkpoint or (first.proof or b"").partition(b"\n\n")[2]
    return verify_pack(build_fork_pack(world.trust(note), first, second), genesis=world.charter.genesis)


def test_two_roots_two_entries_and_two_acts_are_forks() -> None:
    world, other = quiet_office(), quiet_office()
    entries = observation(world, "a"), observation(other, "b")
    heads = tuple(ForkSide(checkpoint=each.checkpoint(OFFICE)) for each in (world, other))
    twice = quiet_office()
    first = observation(twice, "a")
    twice.seqs[OFFICE] = (0, None)
    second = observation(twice, "b")
    for pair, code in ((heads, "two-heads"), ((first, second), "two-acts")):
        report = report_of(world, *pair)
        assert report.result is Result.FORK_PROVEN
        assert [said.code for said in report.proven] == ["unit-known", code]
        assert "whose-fault" in [said.code for said in report.not_proven]
        assert report.failed is None
    # Of two entries under two roots of one size, the roots are told: they prove more.
    assert [said.code for said in report_of(world, *entries).proven][1] == "two-heads"


def test_a_log_that_grew_is_no_fork() -> None:
    world = quiet_office()
    first = observation(world, "a")
    second = observation(world, "b")
    report = report_of(world, first, second)
    assert report.result is Result.INVALID
    assert report.failed
    assert report.failed.detail.args["code"] == "E3541"


@pytest.mark.parametrize("leaf", [b"", b"no act at all", bytes(65_535)])
def test_an_entry_that_is_no_act_proves_a_fork_of_the_log(leaf: bytes) -> None:
    world, other = quiet_office(), quiet_office()
    first = observation(world, "a")
    garbage = other.append(OFFICE, leaf)
    other.append(OFFICE, b"more")
    report = report_of(world, first, other.side(garbage, other.checkpoint(OFFICE)))
    assert [said.code for said in report.proven] == ["unit-known", "two-entries"]


def test_nobody_is_accused_by_an_act_that_he_did_not_sign() -> None:
    world = quiet_office()
    first = observation(world, "a")
    world.seqs[OFFICE] = (0, None)
    world.keys[OFFICE, "act"] = "a stranger's"
    report = report_of(world, first, observation(world, "b"))
    assert report.result is Result.INVALID


def test_nobody_is_accused_by_a_checkpoint_that_his_log_did_not_sign() -> None:
    world, other = quiet_office(), quiet_office()
    observation(world, "a")
    observation(other, "b")
    other.keys[OFFICE, "log"] = "a stranger's"
    sides = (ForkSide(checkpoint=each.checkpoint(OFFICE)) for each in (world, other))
    assert report_of(world, *sides).result is Result.INVALID
