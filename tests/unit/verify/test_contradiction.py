"""A fork pack accuses nobody without two signed statements that exclude each other."""

from __future__ import annotations

import pytest
from vectors.pack_world import OFFICE, UNIT, World, quiet_office, three_members

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.acts.write import sign_statement
from hisn.errors import VerificationError
from hisn.evidence.pack import parse_pack, write_pack
from hisn.evidence.packing import ForkSide, build_fork_pack
from hisn.unit.draft import Move
from hisn.unit.roster import verify_roster_chain
from hisn.verify.check import verify_pack
from hisn.verify.contradiction import find_roster_fork
from hisn.verify.parts import ForkParts
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


def test_an_act_that_was_signed_again_is_no_fork() -> None:
    """ML-DSA signs the same bytes in many ways: the author says the same twice, and accuses nobody."""
    world = quiet_office()
    first = world.act(OFFICE, "observation", {"what": "a", "digest": "00" * 32})
    statement = parse_statement(parse_envelope(first.leaf).payload)
    again = world.append(OFFICE, sign_statement(statement, world.signer(OFFICE, "act")))
    assert again.leaf != first.leaf
    note = world.checkpoint(OFFICE)
    report = report_of(world, world.side(first, note), world.side(again, note))
    assert report.result is Result.INVALID
    assert report.failed
    assert report.failed.detail.args["code"] == "E3541"


def moved(world: World, url: str, signers: int = 3) -> bytes:
    return world.epoch(Move(UNIT[0], "ak", url), signers=world.roots()[:signers])


def test_two_rosters_of_one_epoch_are_a_fork_of_those_who_signed_both() -> None:
    world = three_members()
    one, other = moved(world, "https://a.example"), moved(world, "https://b.example")
    report = verify_pack(world.roster_fork(one, other), genesis=world.charter.genesis)
    assert (report.result, report.exit_code) == (Result.FORK_PROVEN, 4)
    known, proven = report.proven
    assert known.code == "unit-known"
    assert proven.args == {"epoch": 1, "names": ", ".join(UNIT)}
    assert [step.detail.code for step in report.steps[3:]] == ["no-log", "no-log", "fork-rosters"]
    (revoked,) = [said for said in report.not_proven if said.code == "revocations"]
    assert revoked.args == {"epoch": 0, "heads": "-"}


def test_nobody_is_framed_by_a_roster_that_too_few_signed() -> None:
    world = three_members()
    one = moved(world, "https://a.example")
    drafted = moved(world, "https://b.example", signers=2)
    for other in (drafted, one):
        report = verify_pack(world.roster_fork(one, other), genesis=world.charter.genesis)
        assert report.result is Result.INVALID
        assert report.failed
        assert report.failed.code == "fork"
    chain = verify_roster_chain(world.charter.document, world.rosters)
    with pytest.raises(VerificationError):
        find_roster_fork(world.charter, chain, ForkParts(epochs=(one, one)))


def test_a_fork_of_the_roster_has_no_policy() -> None:
    world = three_members()
    one, other = moved(world, "https://a.example"), moved(world, "https://b.example")
    policy = world.trust(world.checkpoint(UNIT[0])).policy
    pack = write_pack(parse_pack(world.roster_fork(one, other)) | {"policy": policy})
    report = verify_pack(pack, genesis=world.charter.genesis)
    assert report.failed
    assert report.failed.detail.args["code"] == "E3503"


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
