"""Surges become findings: in a run over files, and cycle by cycle, the same ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.elections.shaped import minute
from tests.unit.elections.web_lines import Asked, chunk_of, lines_of

from hisn.app.judge import Part
from hisn.app.surges import RunSurges, SurgeFindings, SurgeLane, web_tap
from hisn.core.instant import Instant
from hisn.elections.checks import WEB_SURGE
from hisn.elections.minutes import MINUTE_US, MinuteNote, pack
from hisn.elections.phases import ElectionCalendar, Phase, Polling
from hisn.elections.surge_watch import SurgeWatch
from hisn.engine.ledger import CoverageLedger
from hisn.engine.scan import Window
from hisn.errors import StorageError
from hisn.events.mapping import load_mapping
from hisn.findings.model import Finding
from hisn.rules.pack import Pack
from hisn.testing.sources.portal import Request

BASE = 29_000_000
CALENDAR = ElectionCalendar(
    "one",
    "UTC",
    (Phase("voting", Instant(BASE * MINUTE_US)), Phase("counting", Instant((BASE + 90) * MINUTE_US))),
    (Polling(Instant(BASE * MINUTE_US), Instant((BASE + 90) * MINUTE_US)),),
)
NO_RULES = Pack(name="none", digest="0" * 64, rules=())


def note(at: int, requests: int = 20, asset: str = "", **more: object) -> MinuteNote:
    made = minute(BASE + at, requests, record=at + 1, **more)  # type: ignore[arg-type]
    return MinuteNote("a.log", asset, BASE + at, pack(made))


def flood(at: int) -> MinuteNote:
    return note(at, 900 + at, pages=(("/status", 95), ("(assets)", 5)), referred=0, agents=("flood/1",))


ATTACKED = [note(at) for at in range(60)] + [flood(at) for at in range(60, 66)]
CROWDED = [note(at) for at in range(92)] + [note(at, 900) for at in range(92, 96)]


def declared(source: str) -> str:
    return f"declared of {source}"


def run(notes: list[MinuteNote]) -> tuple[Finding, ...]:
    surges = RunSurges(CALENDAR, None, "m" * 64, declared)
    surges.add(notes)
    return surges.finish(CoverageLedger())[0]


def test_a_flood_is_a_finding_that_says_why_it_is_none_of_a_crowd() -> None:
    (finding,) = run(ATTACKED)
    assert (finding.rule_id, finding.level, finding.count) == (WEB_SURGE.id, "high", sum(range(960, 966)))
    assert finding.techniques == ("T1498", "T1499.002")
    assert [reason.test for reason in finding.why[:3]] == ["surge bare", "surge agents", "surge requests"]
    assert (
        "pages are asked for without what belongs to them: 4.2 % are assets, where 40 % is usual"
        in finding.sentence
    )
    assert "up to 965 requests a minute, where 20 is usual (phase: voting)" in finding.sentence
    assert "addresses a minute, where 5 is usual" in finding.sentence
    assert finding.records == (61, 62, 63, 64, 65, 66)
    assert not finding.records_complete


def test_a_crowd_on_election_night_is_said_to_be_one() -> None:
    (finding,) = run(CROWDED)
    assert (finding.level, finding.confidence) == ("informational", "low")
    assert "load as on any election night; nothing distinguishes it" in finding.sentence
    assert "the polls closed at" in finding.sentence


def test_a_crowd_at_another_time_cannot_be_told_from_ordinary_load() -> None:
    (finding,) = run([note(at) for at in range(40)] + [note(at, 900) for at in range(40, 44)])
    assert "nothing distinguishes it from ordinary load" in finding.sentence


def test_the_endpoint_that_alone_leaves_its_band_is_named() -> None:
    pages = (("/", 50), ("/status", 2), ("(assets)", 48))
    notes = [note(at, 1_000, pages=pages) for at in range(60)]
    more = (("/", 30), ("/status", 45), ("(assets)", 25))
    notes += [note(at, 1_800, pages=more, addresses=900, referred=10) for at in (60, 61)]
    (finding,) = run(notes)
    assert "the endpoint is /status" in finding.sentence


def test_the_id_rests_on_source_mapping_declarations_and_first_record() -> None:
    watch = SurgeWatch(CALENDAR)
    watch.add(ATTACKED)
    watch.finish()
    (surge,) = watch.take()

    def id_of(mapping: str = "m", about: str = "d", **more: object) -> str:
        changed = {name: getattr(surge, name) for name in surge.__struct_fields__} | more
        findings = SurgeFindings(CALENDAR, None, mapping, lambda _source: about)
        return findings.finding(type(surge)(**changed)).id

    others = [id_of("n"), id_of(about="e"), id_of(source="b.log"), id_of(asset="x"), id_of(first_record=9)]
    assert len({id_of(), *others, id_of(first=surge.first + 1)}) == 7
    assert id_of(requests=9, level="low", closed=False) == id_of()


def test_a_watch_finds_what_a_run_finds_and_grows_one_finding() -> None:
    lane = SurgeLane(CALENDAR, None, "m" * 64, declared)
    told: list[tuple[Finding, bool]] = []
    for at in range(0, len(ATTACKED), 2):
        lane.add(Part((), CoverageLedger(), 0, 0, minutes=tuple(ATTACKED[at : at + 2])))
        lane.advance((BASE + at) * MINUTE_US)
        told += [(spanned.finding, closed) for spanned, closed in lane.take()]
        saved = lane.dump()
        lane = SurgeLane(CALENDAR, None, "m" * 64, declared)
        lane.load(saved)
    lane.finish()
    told += [(spanned.finding, closed) for spanned, closed in lane.take()]
    assert len(told) > 2
    assert len({finding.id for finding, _ in told}) == 1
    assert [closed for _, closed in told] == [False] * (len(told) - 1) + [True]
    assert told[-1][0] == run(ATTACKED)[0]


def test_a_state_of_another_calendar_is_refused() -> None:
    lane = SurgeLane(replace(CALENDAR, election="two"), None, "m", declared)
    for data in (SurgeLane(CALENDAR, None, "m", declared).dump(), b"\xc1", None):
        with pytest.raises(StorageError):
            lane.load(data)
    assert lane.digest != SurgeLane(CALENDAR, None, "m", declared).digest


def test_the_check_stands_in_the_coverage() -> None:
    surges = RunSurges(CALENDAR, None, "m", declared)
    assert surges.finish(CoverageLedger())[1].status == "no such source"
    surges.add(ATTACKED[:3])
    _, row = surges.finish(CoverageLedger())
    assert (row.status, row.records_seen, row.kind) == ("judged", 60, "check")


def test_what_is_in_no_surge_is_in_the_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hisn.core.limits.MAX_SITES", 1)
    lane = SurgeLane(CALENDAR, None, "m", declared)
    lane.add(Part((), CoverageLedger(), 0, 0, minutes=(note(5), note(5, asset="x"))))
    lane.advance((BASE + 6) * MINUTE_US)
    lane.add(Part((), CoverageLedger(), 0, 0, minutes=(note(3),)))
    ledger = CoverageLedger()
    lane.report(ledger)
    (source,) = ledger.build(NO_RULES).sources
    assert source.status == "partial"
    assert "E2660" in source.reason
    assert "E2661" in source.reason


def test_the_tap_keeps_to_calendar_and_window() -> None:
    lines = lines_of([Asked(at * 60, Request("192.0.2.1", "/")) for at in range(-1, 3)], BASE * 60)
    mapping = load_mapping()
    notes = web_tap(mapping, CALENDAR, None, None)([chunk_of(lines)])
    assert [each.minute - BASE for each in notes] == [0, 1, 2]
    window = Window(end=(BASE + 2) * MINUTE_US)
    notes = web_tap(mapping, CALENDAR, None, window)([chunk_of(lines)])
    assert [each.minute - BASE for each in notes] == [0, 1]
