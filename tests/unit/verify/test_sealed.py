"""What is shown of sealed bodies and records is what was committed to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from vectors.pack_world import OFFICE, Case, Logged, make_batch, plain_case, quiet_office

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import parse_statement
from hisn.errors import VerificationError
from hisn.evidence.pack import Event
from hisn.evidence.packing import build_pack
from hisn.tlog.merkle import EMPTY_ROOT
from hisn.verify.check import verify_pack
from hisn.verify.logged import LoggedAct
from hisn.verify.sealed import open_bodies
from hisn.verify.steps import Report, ShownBatch


def report_of(case: Case, **changes: object) -> Report:
    return verify_pack(build_pack(case.parts(**changes)), genesis=None)


def code_of(report: Report) -> object:
    assert report.failed
    return report.failed.detail.args["code"]


def test_fields_hidden_fields_and_records_are_told_apart() -> None:
    case = plain_case(quiet_office())
    report = report_of(case, events=[case.batch.event(1, 1, ["path"], raw=True), case.batch.event(1, 3)])
    assert report.shown
    first, second = report.shown.events
    assert (first.fields["path"], first.record) == ("/voter?id=1", case.batch.records[1])
    assert (second.record, "client" in second.hidden) == (None, True)


def test_a_batch_shows_how_many_events_it_has_and_which_are_shown() -> None:
    report = report_of(plain_case(quiet_office()))
    assert report.shown
    (batch,) = report.shown.batches
    assert (batch.act, batch.count, batch.shown) == (1, 5, (1, 3))
    assert batch.fields["source"] == "portal/access.log"


def test_a_whole_record_is_shown_without_fields() -> None:
    report = report_of(plain_case(quiet_office(), make_batch("whole")))
    assert report.shown
    assert [event.record for event in report.shown.events] == [
        b"10.0.0.1 GET /voter?id=1",
        b"10.0.0.3 GET /voter?id=3",
    ]
    assert [dict(event.fields) for event in report.shown.events] == [{}, {}]


def test_an_empty_batch_has_the_root_of_an_empty_tree() -> None:
    world = quiet_office()
    batch = make_batch(count=0)
    assert batch.root == EMPTY_ROOT
    batch_act = world.batch(OFFICE, batch)
    finding = world.finding(OFFICE, ((0, batch.root.hex(), ()),))
    case = Case(world, batch, batch_act, finding, world.checkpoint(OFFICE))
    report = report_of(case, events=[])
    assert report.shown
    assert report.shown.batches == (ShownBatch(1, 0, (), report.shown.batches[0].fields),)
    assert next(step.status.value for step in report.steps if step.code == "complete") == "ok"


def test_a_body_for_an_act_without_one_is_refused() -> None:
    world = quiet_office()
    note = world.act(OFFICE, "observation", {"what": "x", "digest": "00" * 32})
    case = plain_case(world)
    body = case.finding.body
    acts = [*case.parts().acts]
    acts.append(world.pack_act(Logged(OFFICE, note.index, note.leaf, body), case.checkpoint))
    report = report_of(case, acts=acts)
    # The kind is refused first: a pack about a finding has no observation.
    assert code_of(report) == "E3505"
    statement = parse_statement(parse_envelope(note.leaf).payload)
    act = LoggedAct(0, None, None, statement)  # type: ignore[arg-type]
    with pytest.raises(VerificationError) as caught:
        open_bodies([act], {0: b"{}"})
    assert caught.value.code == "E3510"


def test_a_record_in_place_of_fields_is_refused() -> None:
    case = plain_case(quiet_office())
    event = case.batch.event(1, 1)
    lied = Event(1, 1, event.path, None, b"record", bytes(16))
    assert code_of(report_of(case, events=[lied])) == "E3512"


def test_an_event_shown_twice_is_refused() -> None:
    case = plain_case(quiet_office())
    event = case.batch.event(1, 1)
    assert code_of(report_of(case, events=[event, replace(event, path=event.path)])) == "E3512"
