"""A report as text: whatever is in it, a terminal shows it and does nothing else."""

from __future__ import annotations

from dataclasses import replace

from vectors.pack_world import OFFICE, Batch, Case, make_batch, named, plain_case, quiet_office, raw_salt

from hisn.evidence.disclosure import whole_leaf
from hisn.evidence.packing import build_pack
from hisn.verify.check import verify_pack
from hisn.verify.plain import plain_text


def text_of(case: Case, **changes: object) -> str:
    return plain_text(verify_pack(build_pack(case.parts(**changes)), genesis=None))


def test_steps_what_is_shown_and_both_lists_are_there() -> None:
    text = text_of(plain_case(quiet_office()))
    for part in ("  1  ok", "THE FINDING", "EVENT 1 OF BATCH 1", "(hidden: ", "NOT PROVEN", "ALLEGED: "):
        assert part in text


def test_a_failed_step_is_marked_and_nothing_is_shown() -> None:
    case = plain_case(quiet_office())
    text = plain_text(verify_pack(build_pack(case.parts()), genesis=bytes(32)))
    assert "FAILED" in text
    assert "\nPROVEN" not in text
    assert "THE FINDING" not in text


def test_hostile_values_do_not_reach_the_terminal() -> None:
    world, batch = quiet_office(), make_batch("whole")
    batch.records[1] = b"\x1b[2J\xff" + b"x" * 1_000
    batch.leaves[1] = make_whole(batch.records[1])
    batch_act = world.batch(OFFICE, batch)
    lied = {"title": "\u202egnp.exe\x1b]0;", "level": None, "nested": ("a\nb", 5, None)}
    finding = world.finding(OFFICE, (named(batch_act, batch, 1, 3),), body_extra=lied)
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    text = text_of(case)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "level: -" in text
    assert "nested: [a\\nb, 5, -]" in text
    assert "… (+" in text


def make_whole(record: bytes) -> bytes:
    return whole_leaf(raw_salt(Batch("whole", []), 1), record)


def test_a_fork_shows_no_finding() -> None:
    case = plain_case(quiet_office())
    report = verify_pack(build_pack(case.parts()), genesis=None)
    assert report.shown
    bare = replace(report, shown=replace(report.shown, finding={}, hidden=(), events=()))
    assert "THE FINDING" not in plain_text(bare)
