from __future__ import annotations

import itertools
from types import SimpleNamespace

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.findings.samples import HOUR_US, NIGHT_US, rule

from hisn.core import limits, packed
from hisn.engine.coverage import Coverage
from hisn.engine.ledger import CoverageLedger
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Layout, Logsource, Unparsed
from hisn.events.source import SourceNote
from hisn.rules.pack import Pack, Refused

LAYOUT = Layout("windows", ())
SECOND_US = 1_000_000


def chunk(
    times: list[int], start: int = 1, source: str = "a.log", unparsed: tuple[Unparsed, ...] = ()
) -> Chunk:
    numbers = np.arange(start, start + len(times), dtype=np.int64)
    # Records of two layouts alternate: their order is that of their numbers.
    blocks = tuple(
        Block(LAYOUT, numbers[at::2], np.array(times, dtype=np.int64)[at::2], (), ("{}",) * len(times[at::2]))
        for at in (0, 1)
    )
    return Chunk(source, "json", blocks, unparsed, len(times), 10 * len(times), len(times))


def pack(*refused: Refused) -> Pack:
    return Pack(name="p", digest="d", rules=(rule(0), rule(1)), refused=refused)


def scan(seen: int = 0, asset: str = "EMS", times: tuple[int, ...] = (), outside: int = 0) -> SimpleNamespace:
    return SimpleNamespace(
        seen={Logsource(products=frozenset({"windows"})): seen} if seen else {},
        presence=((asset, np.array(times, dtype=np.int64)),),
        outside_window={"a.log": outside} if outside else {},
    )


def built(ledger: CoverageLedger, *refused: Refused) -> Coverage:
    return ledger.build(pack(*refused), ())


def test_a_whole_source_is_complete() -> None:
    ledger = CoverageLedger()
    ledger.add_chunk(chunk([NIGHT_US, NIGHT_US + HOUR_US]))
    ledger.add_scan(scan(2))
    coverage = built(ledger)
    assert coverage.complete
    (source,) = coverage.sources
    assert (source.status, source.records, source.kind) == ("read", 2, "json")
    assert (source.first, source.last) == ("2026-11-03T18:20:00.000000Z", "2026-11-03T19:20:00.000000Z")
    assert [(gap.after, gap.seconds) for gap in source.gaps] == [("2026-11-03T18:20:00.000000Z", 3600)]
    assert [row.records_seen for row in coverage.rules] == [2, 2]


def test_nothing_read_is_not_complete() -> None:
    assert built(CoverageLedger()).incomplete_reasons == ("no source was found",)


def test_every_hole_makes_a_run_incomplete() -> None:
    ledger = CoverageLedger()
    ledger.add_chunk(
        chunk([NIGHT_US], unparsed=(Unparsed("no json", number=2), Unparsed("hole", offset=9, count=0)))
    )
    ledger.add_note(SourceNote("b.bin", "", "skipped", "unknown format", "E2003"))
    ledger.add_note(SourceNote("c.gz", "json", "partial", "truncated", "E2010"))
    coverage = built(ledger, Refused(path="bad.yml", line=3, reason="broken", code="E2100"))
    assert coverage.incomplete_reasons == (
        "sources not read: 1",
        "sources read in part: 2",
        "records that could not be parsed: 2",
        "rules refused: 1",
    )
    assert [source.status for source in coverage.sources] == ["partial", "skipped", "partial"]
    assert coverage.sources[1].reason == "E2003: unknown format"


def test_a_rule_without_a_log_source_is_named_but_not_incomplete() -> None:
    ledger = CoverageLedger()
    ledger.add_chunk(chunk([NIGHT_US]))
    coverage = built(ledger)
    assert {row.status for row in coverage.rules} == {"no such source"}
    assert coverage.complete


def test_excluded_rules_are_listed() -> None:
    ledger = CoverageLedger()
    ledger.add_chunk(chunk([NIGHT_US]))
    coverage = ledger.build(pack(), (rule(7),))
    assert [row.status for row in coverage.rules if row.path == "rule_7.yml"] == ["excluded"]


def test_steps_back_in_time_are_counted_across_chunks() -> None:
    times = [NIGHT_US + step * SECOND_US for step in (0, 100, 50, 60, 40, 38, 200, 10)]
    expected = 3  # 100 to 50, 60 to 40, 200 to 10; 40 to 38 is within the tolerance
    for cut in range(len(times) + 1):
        ledger = CoverageLedger()
        ledger.add_chunk(chunk(times[cut:], start=cut + 1))
        ledger.add_chunk(chunk(times[:cut]))
        assert built(ledger).sources[0].backward == expected


def test_records_without_a_time_are_counted_and_do_not_disturb() -> None:
    ledger = CoverageLedger()
    ledger.add_chunk(chunk([NIGHT_US, NO_TIME, NIGHT_US + 1]))
    (source,) = built(ledger).sources
    assert (source.without_time, source.backward, source.gaps) == (1, 0, ())


def test_an_assets_unseen_hours_are_named() -> None:
    ledger = CoverageLedger()
    ledger.add_scan(scan(asset="EMS", times=(NIGHT_US, NIGHT_US + 5 * HOUR_US)))
    ledger.add_scan(scan(asset="WEB", times=tuple(NIGHT_US + at * HOUR_US for at in range(2, 5))))
    ems, web = built(ledger).assets
    assert (ems.hours_seen, ems.hours_unseen) == (2, 4)
    assert (web.hours_seen, web.hours_unseen) == (3, 3)
    assert [gap.seconds for gap in web.unseen] == [2 * 3600, 3600]


def test_invented_host_names_stay_bounded() -> None:
    before, limits.MAX_ASSETS_LISTED = limits.MAX_ASSETS_LISTED, 3
    try:
        ledger = CoverageLedger()
        for at in (5, 3, 9, 1, 7):
            ledger.add_scan(scan(asset=f"host-{at}", times=(NIGHT_US,)))
        rows = built(ledger).assets
    finally:
        limits.MAX_ASSETS_LISTED = before
    assert [(row.name, row.records) for row in rows] == [
        ("host-1", 1),
        ("host-3", 1),
        ("host-5", 1),
        ("*", 2),
    ]


def test_the_first_holes_are_listed_and_all_are_counted() -> None:
    ledger = CoverageLedger()
    for start in (3_000, 1_000, 2_000):
        holes = tuple(Unparsed("no json", number=start + at) for at in range(90))
        ledger.add_chunk(chunk([NIGHT_US], start=start, unparsed=holes))
    (source,) = built(ledger).sources
    assert source.unparsed_total == 270
    assert [hole.number for hole in source.unparsed] == [*range(1_000, 1_090), *range(2_000, 2_010)]


offsets = st.one_of(st.integers(-400, 400).map(lambda m: NIGHT_US + m * 60 * SECOND_US), st.just(NO_TIME))


@given(data=st.data(), times=st.lists(offsets, max_size=30))
def test_no_order_and_no_division_changes_coverage(data: st.DataObject, times: list[int]) -> None:
    whole = CoverageLedger()
    whole.add_chunk(chunk(times))
    whole.add_scan(scan(len(times), times=tuple(times), outside=len(times)))
    cuts = sorted({0, len(times), *data.draw(st.lists(st.integers(0, len(times)), max_size=4))})
    parts = []
    for low, high in itertools.pairwise(cuts):
        part = CoverageLedger()
        part.add_chunk(chunk(times[low:high], start=low + 1))
        part.add_scan(scan(high - low, times=tuple(times[low:high]), outside=high - low))
        parts.append(part)
    merged = CoverageLedger()
    merged.add_chunk(chunk([]))
    for part in data.draw(st.permutations(parts)):
        merged.merge(sent(part))
    assert msgspec.json.encode(built(merged)) == msgspec.json.encode(built(whole))


def sent(ledger: CoverageLedger) -> CoverageLedger:
    """Return the ledger as it comes out of another process."""
    import pickle

    copied = pickle.loads(pickle.dumps(ledger))
    assert isinstance(copied, CoverageLedger)
    return copied


@given(
    steps=st.lists(st.tuples(st.integers(-20, 4_000), st.booleans(), st.booleans()), min_size=1, max_size=30),
)
def test_a_ledger_that_is_settled_packed_and_taken_back_says_the_same(
    steps: list[tuple[int, bool, bool]],
) -> None:
    whole, live = CoverageLedger(), CoverageLedger()
    time = NIGHT_US
    for number, (seconds, is_packed, is_timed) in enumerate(steps, 1):
        time += seconds * SECOND_US
        hole = (Unparsed("n\udc80", number, None, 0),) if seconds < 0 else ()
        for ledger in (whole, live):
            ledger.add_chunk(chunk([time if is_timed else NO_TIME], number, unparsed=hole))
            ledger.add_scan(scan(1, f"asset {seconds % 3}\ud800", (time,), seconds % 2))
            if seconds == 7:
                ledger.add_note(SourceNote("a.log", "k", "partial", "why\udc80", "E2001", 5))
        live.settle()
        if is_packed:
            before = packed.pack(live.dump())
            live = CoverageLedger.load(packed.unpack(before))
            assert packed.pack(live.dump()) == before
    assert built(live) == built(whole)
