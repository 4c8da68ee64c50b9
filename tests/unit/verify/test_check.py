"""The numbered steps: their order, what is not reached, and what a report always says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from vectors.pack_world import (
    NOW_S,
    OFFICE,
    UNIT,
    Case,
    lone_office,
    make_batch,
    plain_case,
    quiet_office,
    three_members,
)

from hisn.core.instant import format_instant
from hisn.errors import VerificationError
from hisn.evidence.pack import parse_pack, write_pack
from hisn.evidence.packing import build_pack
from hisn.verify.check import FINDING_STEPS, FORK_STEPS, Verifier, verify_pack
from hisn.verify.steps import FlagName, Report, Result, Status
from hisn.verify.texts import NOT_PROVEN

AK, BEL, CIV = UNIT


@pytest.fixture(scope="module")
def case() -> Case:
    return plain_case(lone_office())


def report_of(case: Case, **changes: object) -> Report:
    return verify_pack(build_pack(case.parts(**changes)), genesis=case.world.charter.genesis)


def codes(report: Report) -> list[str]:
    return [said.code for said in report.proven]


def test_a_witnessed_finding_is_valid_and_its_steps_are_numbered(case: Case) -> None:
    report = report_of(case)
    assert (report.result, report.exit_code, report.failed) == (Result.VALID, 0, None)
    assert [step.number for step in report.steps] == list(range(1, 17))
    assert tuple(step.code for step in report.steps) == FINDING_STEPS
    assert {step.status for step in report.steps} == {Status.OK, Status.ABSENT}
    assert all(step.text and str(step.detail) for step in report.steps)


def test_without_quorum_it_is_valid_and_unwitnessed(case: Case) -> None:
    note = case.world.checkpoint(OFFICE, witnesses=["w1.example", "w2.example"])
    report = report_of(replace(case, checkpoint=note))
    assert (report.result, report.exit_code) == (Result.VALID_UNWITNESSED, 5)
    assert "same-for-all" not in codes(report)
    assert "unwitnessed" in [said.code for said in report.not_proven]


def test_without_pinned_genesis_the_unit_is_not_proven(case: Case) -> None:
    report = verify_pack(build_pack(case.parts()), genesis=None)
    assert report.result is Result.VALID
    assert "unit-known" not in codes(report)
    assert "genesis-unknown" in [said.code for said in report.not_proven]


def test_what_is_not_proven_stands_under_every_report(case: Case) -> None:
    pack = build_pack(case.parts())
    reports = [report_of(case), verify_pack(pack, genesis=bytes(32)), verify_pack(pack, genesis=None)]
    for report in reports:
        assert tuple(said.code for said in report.not_proven)[: len(NOT_PROVEN)] == NOT_PROVEN


def test_where_a_step_fails_nothing_is_proven_and_nothing_shown(case: Case) -> None:
    report = verify_pack(build_pack(case.parts()), genesis=bytes(32))
    assert (report.result, report.exit_code) == (Result.INVALID, 4)
    assert (report.proven, report.shown, report.flags) == ((), None, ())
    assert report.failed
    assert report.failed.code == "genesis"
    after = report.steps[report.failed.number :]
    assert {(step.status, step.detail.code) for step in after} == {(Status.ABSENT, "not-reached")}


def test_bytes_that_are_no_pack_raise() -> None:
    with pytest.raises(VerificationError):
        verify_pack(b"", genesis=None)


def test_a_verifier_verifies_the_roster_of_a_unit_once(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = Verifier(case.world.charter.genesis)
    pack = build_pack(case.parts())
    first = verifier.verify(pack)
    monkeypatch.setattr("hisn.verify.check.verify_roster_chain", None)
    assert verifier.verify(pack) == first


def test_a_verifier_does_not_take_one_units_roster_for_anothers(case: Case) -> None:
    other = plain_case(quiet_office())
    verifier = Verifier(None)
    packs = [build_pack(each.parts()) for each in (case, other, case)]
    assert [verifier.verify(pack) for pack in packs] == [verify_pack(pack, genesis=None) for pack in packs]


def test_a_known_roster_does_not_help_a_changed_one(case: Case) -> None:
    verifier = Verifier(case.world.charter.genesis)
    pack = build_pack(case.parts())
    verifier.verify(pack)
    files = parse_pack(pack)
    files["roster/0000.dsse"] = files["roster/0000.dsse"].replace(b'"sig":"', b'"sig":"A', 1)
    report = verifier.verify(write_pack(files))
    assert report.failed
    assert report.failed.code == "roster"


def test_recheck_and_dissent_are_flags_with_names() -> None:
    world = three_members()
    case = plain_case(world, origin=AK)
    acts = list(case.parts().acts)
    assert [flag.name for flag in report_of(case).flags] == [FlagName.ALLEGED]
    yes = world.pack_act(world.answer(BEL, case.finding), world.checkpoint(BEL))
    no = world.pack_act(world.answer(CIV, case.finding, "dissent"), world.checkpoint(CIV))
    report = report_of(case, acts=[*acts, yes, no])
    assert [(flag.name, flag.by) for flag in report.flags] == [
        (FlagName.RECHECKED, (BEL,)),
        (FlagName.DISSENTED, (CIV,)),
    ]
    assert [(flag.name, flag.by) for flag in report_of(case, acts=[*acts, no]).flags] == [
        (FlagName.ALLEGED, ()),
        (FlagName.DISSENTED, (CIV,)),
    ]


@pytest.mark.parametrize(("ahead_s", "is_overdue"), [(-60, True), (3600, False)])
def test_a_finding_is_overdue_when_witnesses_say_that_its_deadline_passed(
    ahead_s: int, is_overdue: bool
) -> None:
    deadline = format_instant((NOW_S + ahead_s) * 1_000_000)
    case = plain_case(lone_office(), deadline=deadline)
    flags = [flag.name for flag in report_of(case).flags]
    assert (FlagName.OVERDUE in flags) is is_overdue


def test_one_act_without_quorum_leaves_the_whole_unwitnessed() -> None:
    world = three_members()
    case = plain_case(world, origin=AK)
    recheck = world.answer(BEL, case.finding)
    unseen = world.pack_act(recheck, world.checkpoint(BEL, witnesses=[AK]))
    report = report_of(case, acts=[*case.parts().acts, unseen])
    assert report.result is Result.VALID_UNWITNESSED
    step = next(step for step in report.steps if step.code == "witnesses")
    assert "bel.example" in str(step.detail)


def test_a_member_does_not_witness_its_own_log() -> None:
    world = three_members()
    case = plain_case(world, origin=AK)
    note = world.checkpoint(AK, witnesses=[AK, BEL, CIV])
    assert report_of(replace(case, checkpoint=note)).result is Result.VALID_UNWITNESSED


def test_the_time_is_a_bracket_of_what_others_saw() -> None:
    world = three_members()
    world.act(BEL, "observation", {"what": "x", "digest": "00" * 32})
    head, seen = world.checkpoint(BEL, time_s=NOW_S - 600), world.head(BEL)
    case = plain_case(world, origin=AK, seen=(seen,))
    report = report_of(case, heads=[head])
    assert report.shown
    finding = report.shown.acts[0]
    # Four witnesses, of whom one may lie: the second smallest time of each is the bound.
    assert finding.after == ((BEL, 1, NOW_S - 600 + 20),)
    assert finding.witnessed.before_s == NOW_S + 20
    assert {"followed", "existed"} <= set(codes(report))
    assert report_of(case).shown.acts[0].after == ()  # type: ignore[union-attr]


def test_the_steps_of_a_fork_are_others() -> None:
    assert FORK_STEPS[:5] == FINDING_STEPS[:5]
    assert FORK_STEPS[5:] == ("fork",)


def test_a_finding_about_nothing_sealed_shows_that_it_is() -> None:
    world = quiet_office()
    finding = world.finding(OFFICE, ())
    case = Case(world, make_batch(), finding, finding, world.checkpoint(OFFICE))
    report = report_of(case, acts=[world.pack_act(finding, case.checkpoint)], events=[])
    assert report.result is Result.VALID_UNWITNESSED
    found = {step.code: step.detail.code for step in report.steps}
    assert (found["events"], found["complete"]) == ("no-events", "no-batches")
    assert "sealed" not in codes(report)
