from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from tests.unit.engine.plain import Row, chunk_of, mapping_of, pack_of, plain_hits, rows_of

from hisn.core import limits
from hisn.engine.databases import Databases
from hisn.engine.hits import Decisive
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scan, Scanner, Window
from hisn.events.batch import NO_TIME, Chunk
from hisn.events.schema import Cell, Logsource
from hisn.rules.expr import And, Expr, FieldRef, Keyword, Not, Null, Number, Regex, Text
from hisn.rules.pack import RuleSource

WITH_AND_WITHOUT = pytest.mark.parametrize("use_hyperscan", [True, False])
EVERYTHING = Not(Text("never", "equals", "never"))


def scan_of(condition: Expr, chunks: Sequence[Chunk], toml: str = "", *, use_hyperscan: bool = True) -> Scan:
    plan = compile_plan(pack_of(condition))
    return Scanner(plan, mapping_of(toml), use_hyperscan=use_hyperscan).scan(chunks)


def numbers_of(scan: Scan) -> list[int]:
    return sorted(number for hit in scan.hits for number in hit.numbers.tolist())


def times_seen(window: Window | None, times: Sequence[int]) -> list[int]:
    rows = [Row({"A": "x"}, {}, index + 1, time) for index, time in enumerate(times)]
    scan = Scanner(compile_plan(pack_of(EVERYTHING)), mapping_of(), window).scan([chunk_of(rows)])
    return [times[number - 1] for number in numbers_of(scan)]


def test_the_start_of_a_window_is_inside_and_its_end_is_not() -> None:
    assert times_seen(Window(10, 20), [9, 10, 19, 20]) == [10, 19]
    assert times_seen(Window(10), [9, 10, 19, 20]) == [10, 19, 20]
    assert times_seen(Window(end=20), [9, 10, 19, 20]) == [9, 10, 19]
    assert times_seen(None, [9, 20]) == [9, 20]


def test_a_record_without_a_time_cannot_slip_out_of_a_window() -> None:
    assert times_seen(Window(10, 20), [NO_TIME, 30]) == [NO_TIME]
    assert times_seen(Window(end=-5), [NO_TIME, 0]) == [NO_TIME]


def test_what_the_window_left_out_is_counted_and_is_nobodys_presence() -> None:
    rows = [Row({"A": "pc", "B": "x"}, {}, number, number) for number in range(1, 6)]
    scanner = Scanner(
        compile_plan(pack_of(Text("B", "equals", "x"))), mapping_of('asset = ["A"]'), Window(2, 4)
    )
    scan = scanner.scan([chunk_of(rows, "kept"), chunk_of(rows[4:], "late")])
    assert scan.outside_window == {"kept": 3, "late": 1}
    assert [(asset, times.tolist()) for asset, times in scan.presence] == [("pc", [2, 3])]
    assert scan.seen == {Logsource(): 2}
    assert numbers_of(scan) == [2, 3]


@WITH_AND_WITHOUT
@pytest.mark.parametrize(
    ("condition", "records", "expected"),
    [
        (Text("A", "equals", "straße"), [{"A": "STRASSE"}, {"A": "strase"}], [1]),
        (Regex("A", "^K$"), [{"A": "\u212a"}, {"A": "K"}], [2]),
        (Text("A", "equals", "true"), [{"A": 1}, {"A": "1"}, {"A": "true"}], [3]),
        (Number("A", "eq", "1"), [{"A": 1}, {"A": "1"}, {"A": "true"}, {"A": "0x1"}], [1, 2, 4]),
        (Null("A"), [{"A": None}, {"B": "x"}, {"A": ""}, {"A": ("x", None)}], [1, 2, 4]),
        (Not(Text("A", "equals", "x")), [{"A": ("y", "x")}, {"A": ("y", "z")}, {"B": "x"}], [2, 3]),
        (FieldRef("A", "B"), [{"A": "x", "B": "X"}, {"A": "x"}, {"A": "", "B": ""}], [1, 3]),
        (Keyword(("evil",)), [{"A": "no"}, {"A": "so EVIL"}, {"A": ("ev", "il")}], [2]),
    ],
)
def test_the_meaning_of_a_test_survives_the_columns(
    condition: Expr, records: list[Mapping[str, Cell]], expected: list[int], *, use_hyperscan: bool
) -> None:
    scan = scan_of(condition, [chunk_of(rows_of(*records))], use_hyperscan=use_hyperscan)
    assert numbers_of(scan) == expected


@WITH_AND_WITHOUT
def test_a_keyword_is_found_in_the_raw_line_that_no_field_holds(*, use_hyperscan: bool) -> None:
    records: list[Mapping[str, Cell]] = [{"A": "x"}] * 3
    raws: list[bytes | str] = [b"sshd: EVIL", '{"hidden": "evil"}', "<Event>evil</Event>"]
    scan = scan_of(Keyword(("evil",)), [chunk_of(rows_of(*records, raws=raws))], use_hyperscan=use_hyperscan)
    assert numbers_of(scan) == [1]
    assert scan.hits[0].why == (Decisive("", "keywords", "evil", "sshd: EVIL"),)


def test_a_rule_judges_the_log_source_it_names_and_no_other() -> None:
    conditions: list[Expr] = [Text("A", "equals", "x"), Null("B")]
    sources = [RuleSource(product="windows"), RuleSource(category="webserver")]
    plan = compile_plan(pack_of(*conditions, sources=sources))
    chunk = chunk_of(rows_of({"A": "x"}))
    for toml, expected in (('products = ["windows"]', {0}), ('categories = ["webserver"]', {1}), ("", set())):
        assert {hit.rule for hit in Scanner(plan, mapping_of(toml)).scan([chunk]).hits} == expected


def test_a_hit_does_not_depend_on_which_batch_its_record_came_in() -> None:
    # The second batch brings values that were judged, values that were not, and another layout.
    first = chunk_of(rows_of({"A": "x"}, {"A": "y"}))
    second = chunk_of(rows_of({"A": "y", "B": "x"}, {"A": "x", "B": "1"}, {"A": "z"}))
    plan = compile_plan(pack_of(Text("A", "equals", "x"), And((Text("A", "startswith", "y"), Null("B")))))
    scanner = Scanner(plan, mapping_of())
    alone = Scanner(plan, mapping_of()).scan([second])
    scanner.scan([first])
    assert plain_hits(scanner.scan([second])) == plain_hits(alone)
    assert [(hit.rule, hit.numbers.tolist()) for hit in alone.hits] == [(0, [2])]


def test_hits_of_one_asset_are_cut_where_a_finding_would_end() -> None:
    gap = limits.FINDING_GAP_S * 1_000_000
    rows = [Row({"A": "x"}, {}, 3 - index, time) for index, time in enumerate((0, gap, 2 * gap + 1))]
    scan = scan_of(Text("A", "equals", "x"), [chunk_of(sorted(rows, key=lambda row: row.number))])
    assert [hit.numbers.tolist() for hit in scan.hits] == [[3, 2], [1]]


def test_an_empty_batch_is_an_empty_answer() -> None:
    assert scan_of(EVERYTHING, []) == Scan((), {}, (), {})
    assert scan_of(EVERYTHING, [chunk_of([])]) == Scan((), {}, (), {})


def test_no_database_is_touched_when_hyperscan_is_not_wanted() -> None:
    pytest.importorskip("hyperscan")
    plan = compile_plan(pack_of(Regex("A", "x+y")))
    databases = Databases(plan)
    Scanner(plan, mapping_of(), use_hyperscan=False, databases=databases).scan(
        [chunk_of(rows_of({"A": "xy"}))]
    )
    assert databases.is_empty
    Scanner(plan, mapping_of(), databases=databases).scan([chunk_of(rows_of({"A": "xy"}))])
    assert not databases.is_empty
