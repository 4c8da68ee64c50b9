from __future__ import annotations

from typing import Any

import msgspec
from tests.unit.rules.correlations import correlate, pack_of
from tests.unit.rules.correlations import rule as plain_rule

from hisn.engine.correlate.episode import Shortfall, Tally, Unplaced
from hisn.engine.coverage import RuleCoverage
from hisn.engine.rule_rows import correlation_reasons, rule_rows, shortfalls_of, uncorrelated_hits
from hisn.events.schema import Logsource
from hisn.rules.correlation import Correlation, Seen
from hisn.rules.pack import Pack, Refused, Rule, RuleSource

SEEN = {Logsource(products=frozenset({"windows"})): 5, Logsource(products=frozenset({"linux"})): 2}


def rule(number: int, product: str) -> Rule:
    return msgspec.structs.replace(plain_rule(number), logsource=RuleSource(product=product))


WINDOWS, LINUX, MACOS = rule(1, "windows"), rule(2, "linux"), rule(3, "macos")
RULES = (WINDOWS, LINUX, MACOS)


def rows(*correlations: Correlation, **more: Any) -> dict[str, RuleCoverage]:
    pack = msgspec.structs.replace(pack_of(RULES, correlations), refused=more.get("refused", ()))
    return {row.title: row for row in rule_rows(pack, SEEN, more.get("excluded", ()))}


def status_of(correlation: Correlation) -> tuple[str, int, str]:
    row = rows(correlation)[correlation.info.title]
    assert row.kind == "correlation"
    return row.status, row.records_seen, row.reason


def test_a_count_is_judged_where_one_of_its_rules_had_something_to_look_at() -> None:
    assert status_of(correlate(1, WINDOWS, LINUX)) == ("judged", 5, "")
    assert status_of(correlate(1, LINUX, MACOS)) == ("judged", 2, "no log source for: r1")
    assert status_of(correlate(1, MACOS)) == ("no such source", 0, "no log source for: r0")


def test_one_that_needs_all_its_rules_is_blind_without_one() -> None:
    wanted = ("no such source", 0, "no log source for: r1")
    assert status_of(correlate(1, WINDOWS, MACOS, kind="temporal", condition=())) == wanted
    assert status_of(correlate(1, WINDOWS, MACOS, kind="temporal_ordered", condition=())) == wanted
    assert status_of(correlate(1, WINDOWS, LINUX, kind="temporal", condition=())) == ("judged", 5, "")
    words = correlate(1, WINDOWS, MACOS, kind="temporal", condition=(), expression=Seen("r0"))
    assert status_of(words)[:2] == ("judged", 5)


def test_a_chain_is_as_blind_as_its_links() -> None:
    inner = correlate(2, MACOS)
    outer = correlate(1, inner, WINDOWS, kind="temporal", condition=())
    found = rows(inner, outer)
    assert [found[f"Correlation {at}"].status for at in (1, 2)] == ["no such source"] * 2


def test_what_is_heard_through_others_is_marked() -> None:
    inner = correlate(2, WINDOWS)
    found = rows(inner, correlate(1, inner))
    assert {title for title, row in found.items() if row.silent} == {"Rule 1", "Correlation 2"}
    assert found["Rule 1"].status == "judged"


def test_what_is_left_out_or_refused_says_which_kind_it_is() -> None:
    refused = (
        Refused(path="x", line=3, reason="why", code="E2212", title="X"),
        Refused(path="y", line=4, reason="why", code="E2103", title="Y"),
    )
    found = rows(excluded=(correlate(9, MACOS), rule(8, "macos")), refused=refused)
    assert [(found[title].status, found[title].kind) for title in ("X", "Y", "Correlation 9", "Rule 8")] == [
        ("refused", "correlation"),
        ("refused", "rule"),
        ("excluded", "correlation"),
        ("excluded", "rule"),
    ]


def test_rows_are_in_the_order_of_their_places() -> None:
    pack: Pack = pack_of(RULES, (correlate(1, WINDOWS),))
    found = rule_rows(pack, SEEN)
    keys = [(row.path, row.line, row.id, row.status) for row in found]
    assert keys == sorted(keys)
    assert len(found) == 4


def test_what_correlations_did_not_judge_is_counted() -> None:
    pack = pack_of(RULES, (correlate(1, WINDOWS), correlate(2, LINUX)))
    unplaced = (Unplaced(0, "a", 1, 2), Unplaced(0, "", 3, 0), Unplaced(1, "a", 4, 0))
    losses = (Shortfall(0, 1, 2, 3, 4, 1_793_730_000_000_000), Shortfall(1, 0, 0, 0, 0, None))
    tally = Tally(unplaced, losses)
    hits = uncorrelated_hits(pack, tally)
    assert [(each.rule_id[-1], each.source, each.untimed, each.late) for each in hits] == [
        ("1", "", 3, 0),
        ("1", "a", 1, 2),
        ("2", "a", 4, 0),
    ]
    (shortfall,) = shortfalls_of(pack, tally)
    assert (shortfall.title, shortfall.let_go, shortfall.dropped) == ("Correlation 1", 3, 4)
    assert shortfall.dropped_from == "2026-11-03T18:20:00.000000Z"
    assert list(correlation_reasons(hits, (shortfall,))) == [
        "hits that came too late for correlations: 2",
        "events that correlations could not hold: 7",
    ]
    assert list(correlation_reasons((), ())) == []
