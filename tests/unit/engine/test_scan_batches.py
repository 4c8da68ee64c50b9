from __future__ import annotations

import random

import numpy as np
import pytest
from tests.unit.engine.plain import (
    Row,
    assert_same,
    chunk_of,
    mapping_of,
    pack_of,
    plain_hits,
    reference_scan,
    rows_of,
)

from hisn.engine import scan as scan_module
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner, Window
from hisn.events.batch import NO_TIME
from hisn.events.schema import Logsource
from hisn.rules.expr import And, Expr, Not, Null, Regex, Text
from hisn.rules.pack import Pack, RuleSource

LINUX = 'products = ["linux"]\nasset = ["Host"]'


def scanner_of(pack: Pack, toml: str = "", window: Window | None = None) -> Scanner:
    return Scanner(compile_plan(pack), mapping_of(toml), window)


def hit_rules(condition: Expr, *rows: Row) -> list[int]:
    return [
        number for hit in scanner_of(pack_of(condition)).scan([chunk_of(rows)]).hits for number in hit.numbers
    ]


def test_rules_of_other_log_sources_are_not_asked() -> None:
    sources = (RuleSource(product="linux"), RuleSource(product="windows"), RuleSource())
    pack = pack_of(*(Text("F", "equals", "a") for _ in sources), sources=sources)
    scan = scanner_of(pack, LINUX).scan([chunk_of(rows_of({"F": "a"}))])
    assert [hit.rule for hit in scan.hits] == [0, 2]
    assert scan.seen == {Logsource(frozenset({"linux"})): 1}


def test_a_rule_that_no_value_triggers_is_never_unpacked() -> None:
    pack = pack_of(Text("F", "contains", "something"), Null("F"))
    scanner = scanner_of(pack)
    scanner.scan([chunk_of(rows_of({"F": "other"}))])
    assert set(scanner._programs) == {1}


def test_hits_are_split_by_source_and_asset_and_sorted_by_time() -> None:
    rows = [
        Row({"F": "a", "Host": host}, {}, number, time)
        for number, (host, time) in enumerate([("b", 9), ("a", 5), ("b", 3), ("b", NO_TIME)], 1)
    ]
    scan = scanner_of(pack_of(Text("F", "equals", "a")), LINUX).scan(
        [chunk_of(rows, "two"), chunk_of(rows[:1], "one")]
    )
    assert [hit[1:5] for hit in plain_hits(scan)] == [
        ("one", "b", [1], [9]),
        ("two", "a", [2], [5]),
        ("two", "b", [4], [NO_TIME]),
        ("two", "b", [3, 1], [3, 9]),
    ]
    assert [(asset, times.tolist()) for asset, times in scan.presence] == [
        ("a", [5]),
        ("b", [NO_TIME, 3, 9, 9]),
    ]


def test_a_silence_divides_hits() -> None:
    rows = [
        Row({"F": "a"}, {}, number, time) for number, time in ((1, 0), (2, 3_600_000_000), (3, 7_200_000_001))
    ]
    scan = scanner_of(pack_of(Text("F", "equals", "a"))).scan([chunk_of(rows)])
    assert [hit.numbers.tolist() for hit in scan.hits] == [[1, 2], [3]]


def test_the_window_leaves_out_what_is_surely_outside() -> None:
    rows = [Row({"F": "a"}, {}, number, time) for number, time in ((1, 0), (2, 10), (3, 20), (4, NO_TIME))]
    scan = scanner_of(pack_of(Text("F", "equals", "a")), window=Window(10, 20)).scan([chunk_of(rows)])
    assert sorted(number for hit in scan.hits for number in hit.numbers) == [2, 4]
    assert scan.outside_window == {"s": 2}
    assert sum(scan.seen.values()) == 2


@pytest.mark.parametrize("window", [Window(), Window(0), Window(end=21)])
def test_a_window_around_everything_is_none(window: Window) -> None:
    assert window.keep(np.array([0, 20], np.int64)) is None


def test_a_declared_asset_stands_for_all_records() -> None:
    chunk = chunk_of(rows_of({"F": "a"}))
    mapping = mapping_of(LINUX)
    scan = Scanner(compile_plan(pack_of(Text("F", "equals", "a"))), mapping).scan([chunk])
    assert scan.hits[0].asset == ""


def test_nothing_in_gives_nothing_out() -> None:
    scan = scanner_of(pack_of(Text("F", "equals", "a"))).scan([])
    assert (scan.hits, scan.seen, scan.presence, scan.outside_window) == ((), {}, (), {})


def test_a_flood_of_hits_is_the_same_with_and_without_hyperscan() -> None:
    dice = random.Random(5)
    words = ("alpha", "beta", "gamma", "\\cmd.exe", "x")
    records = [{"F": "".join(dice.choices(words, k=4)), "G": dice.choice(words)} for _ in range(500)]
    rules = [And((Text("F", "contains", word), Not(Text("G", "equals", word)))) for word in words] * 3
    pack = pack_of(*rules, Regex("F", "alpha.*beta"))
    chunks = [chunk_of(rows_of(*records))]
    expected = reference_scan(pack, mapping_of(), chunks)
    assert sum(len(hit.numbers) for hit in expected.hits) > 2_000
    for use_hyperscan in (True, False):
        assert_same(
            Scanner(compile_plan(pack), mapping_of(), use_hyperscan=use_hyperscan).scan(chunks), expected
        )


def test_missing_null_and_empty_are_three_things() -> None:
    rows = rows_of({"F": ""}, {"F": None}, {"G": "x"})
    assert sorted(hit_rules(Null("F"), *rows)) == [2, 3]
    assert sorted(hit_rules(Text("F", "equals", ""), *rows)) == [1]


def test_ever_new_log_sources_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_module, "_MAX_ROUTES", 2)
    scanner = scanner_of(
        pack_of(Null("F")), "".join(f'[[rule]]\nhas = ["f{n}"]\nservices = ["s{n}"]\n' for n in range(5))
    )
    scan = scanner.scan([chunk_of(rows_of(*({f"f{n}": "a"} for n in range(5))))])
    assert len(scanner._routes) <= 2
    assert len(scan.seen) == 5
