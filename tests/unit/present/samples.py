"""Make a run's report for the tests of what people and programs are shown."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
from tests.unit.findings.samples import HOUR_US, NIGHT_US, rule
from tests.unit.rules.correlations import correlate, pack_of

from hisn.engine.correlate.episode import Episode, Part, Shortfall, Tally, Unplaced
from hisn.engine.coverage import Coverage
from hisn.engine.hits import Decisive, HitBlock
from hisn.engine.ledger import CoverageLedger
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Layout, Logsource, Unparsed
from hisn.events.source import SourceNote
from hisn.findings.build import FindingBuilder
from hisn.findings.correlated import CorrelatedFindings
from hisn.present.i18n import current_language, use_language
from hisn.present.report import Report, RunFigures, report_of
from hisn.rules.pack import Pack, Refused, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = "PowerShell -enc aGk="


@contextmanager
def language(name: str) -> Iterator[None]:
    """Speak a language for a while."""
    before = current_language()
    use_language(name)
    try:
        yield
    finally:
        use_language(before)


def report(text: str = PLAIN, *, level: str = "informational", has_findings: bool = True) -> Report:
    """Return a report in which every field that comes from outside holds `text`."""
    rules = (
        rule(0, "critical", "stable", title=text, author=text),
        rule(1, "medium", title=text, author=text),
        rule(2, "low", title=text, author=text),
    )
    builder = FindingBuilder(rules, "m" * 64, "1.0")
    for at, times in enumerate(([NIGHT_US, NIGHT_US + HOUR_US // 2], [NO_TIME], [NIGHT_US + 30 * HOUR_US])):
        if has_findings:
            builder.add(_hits(at, times, text))
    return report_of(builder.findings(), _coverage(rules, text), figures(), level, builder.activity())


def correlated(text: str = PLAIN, parts: int = 2, *, is_complete: bool = True) -> Report:
    """Return a report of one episode in which every field that comes from outside holds `text`."""
    rules = tuple(rule(at, title=text, author=text) for at in range(parts))
    info = rules[0].info
    each = correlate(9, *rules, kind="value_count", fields=(text[:80],), group_by=(text[:80],), info=info)
    episode = Episode(
        correlation=0,
        group=((text[:80], text),),
        fired_us=NIGHT_US,
        first_us=NIGHT_US,
        last_us=NIGHT_US + HOUR_US,
        first_source=f"{text}.evtx",
        first_record=17,
        count=parts * 20,
        value="3",
        extreme="5",
        evidence=tuple(
            Part(f"{text}.evtx", one.digest, tuple(range(17, 37)), is_complete=is_complete) for one in rules
        ),
        is_closed=True,
        first_asset=text,
    )
    made = CorrelatedFindings(pack_of(rules, (each,)), "m" * 64, "1.0", lambda _source: "")
    return report_of(made.findings([episode]), _coverage(rules, text), figures())


def figures() -> RunFigures:
    """Return what ran."""
    return RunFigures("1.0", "r" * 64, "m" * 64, 300, 150_000, 4, 0.5)


def _hits(at: int, times: list[int], text: str) -> HitBlock:
    tests = ("Field|contains", "keywords", "Field|re|i", "Field", "Field|hour|gte")
    return HitBlock(
        rule=at,
        source=f"{text}.evtx",
        asset=text,
        numbers=np.arange(17, 17 + len(times), dtype=np.int64),
        times=np.array(times, dtype=np.int64),
        why=tuple(Decisive(text, test, text, text) for test in tests),
    )


def _coverage(rules: tuple[Rule, ...], text: str) -> Coverage:
    ledger = CoverageLedger()
    minutes = [NIGHT_US + at * HOUR_US // 60 for at in range(100)]
    times = np.array([*minutes, *(time + 5 * HOUR_US for time in minutes), NIGHT_US, NO_TIME], dtype=np.int64)
    numbers = np.arange(1, len(times) + 1, dtype=np.int64)
    block = Block(Layout("windows", ()), numbers, times, (), ("{}",) * len(times))
    holes = (Unparsed(text, number=33, count=12), Unparsed(text, offset=9), Unparsed(text))
    ledger.add_chunk(Chunk(f"{text}.evtx", "evtx", (block,), holes, len(times), 100_000))
    ledger.add_note(SourceNote(f"{text}.bin", "", "skipped", text, "E2003", 12_345))
    ledger.add_note(SourceNote(f"{text}.gz", "json", "partial", text, "E2010", 12_345))
    ledger.add_scan(
        SimpleNamespace(
            seen={Logsource(products=frozenset({"windows"})): 200},
            presence=((text, times), ("", times[:5])),
            outside_window={f"{text}.evtx": 7},
        )
    )
    refused = Refused(path=f"{text}.yml", line=3, reason=text, code="E2101", title=text)
    each = correlate(9, rules[0], info=rules[0].info)
    pack = Pack(name="p", digest="d", rules=rules, refused=(refused,), correlations=(each,))
    unplaced = (Unplaced(0, f"{text}.evtx", 3, 4), Unplaced(0, "", 1, 0))
    return ledger.build(pack, (), Tally(unplaced, (Shortfall(0, 5, 6, 7, 8, NIGHT_US),)))


def whole() -> Report:
    """Return the report of a run that is complete and found nothing."""
    ledger = CoverageLedger()
    times = np.array([NIGHT_US, NIGHT_US + 60], dtype=np.int64)
    block = Block(Layout("web", ()), np.array([1, 2]), times, (), (b"", b""))
    ledger.add_chunk(Chunk("access.log", "web", (block,), (), 2, 200))
    coverage = ledger.build(Pack(name="p", digest="d", rules=(rule(0),)), ())
    return report_of((), coverage, figures(), "medium")
