from __future__ import annotations

from typing import Any

import pytest
from tests.unit.rules.correlations import correlate, pack_of, rule

from hisn.app.rules_correlated import explain_correlation, heard_through
from hisn.app.rules_coverage import cover
from hisn.app.rules_explain import find_rule
from hisn.rules.correlation import Alias, AllSeen, AnySeen, Compare, NotSeen, Seen

VALUE = {"fields": ("F", "G"), "condition": (Compare("gt", "100"), Compare("lte", "200"))}


def lines(**fields: Any) -> list[str]:
    each = correlate(1, rule(1), rule(2), **fields)
    pack = pack_of((rule(1), rule(2)), (each,))
    return ["  " * step.depth + step.text for step in explain_correlation(pack, each)]


def test_a_count_is_said_in_plain_words() -> None:
    assert lines(group_by=("User", "Host")) == [
        "number of records ≥ 2 within 1m",
        "in records that have the same User, Host",
        "it looks at what these find:",
        "  Rule 1 (r0)",
        "  Rule 2 (r1)",
    ]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"kind": "value_count", **VALUE}, "number of different values of F, G > 100 · ≤ 200 within 1m"),
        ({"kind": "value_sum", **VALUE}, "sum of F, G > 100 · ≤ 200 within 1m"),
        ({"kind": "value_avg", **VALUE}, "average of F, G > 100 · ≤ 200 within 1m"),
        ({"kind": "value_median", **VALUE}, "median of F, G > 100 · ≤ 200 within 1m"),
        (
            {"kind": "value_percentile", "percentile": 95, **VALUE},
            "percentile 95 of F, G > 100 · ≤ 200 within 1m",
        ),
        ({"kind": "temporal", "condition": ()}, "all of them within 1m"),
        ({"kind": "temporal_ordered", "condition": ()}, "all of them in this order within 1m"),
        ({"kind": "temporal"}, "number of different rules ≥ 2 within 1m"),
        ({"kind": "temporal_ordered"}, "number of different rules in their order ≥ 2 within 1m"),
    ],
)
def test_every_kind_is_said(fields: dict[str, Any], line: str) -> None:
    assert lines(**fields)[:2] == [line, "in all records together"]


def test_words_aliases_and_generate_are_said() -> None:
    expression = AllSeen((Seen("r0"), NotSeen(AnySeen((Seen("r1"), Seen("r0"))))))
    fields: dict[str, Any] = {"condition": (), "expression": expression, "generate": True}
    fields["aliases"] = (Alias(name="who", fields=(("r0", "User"), ("r1", "Name"))),)
    assert lines(kind="temporal", group_by=("who",), **fields) == [
        "within 1m:",
        "  all of these:",
        "    r0",
        "    not:",
        "      at least one of these:",
        "        r1",
        "        r0",
        "in records that have the same who",
        "  who is User in r0",
        "  who is Name in r1",
        "it looks at what these find:",
        "  Rule 1 (r0)",
        "  Rule 2 (r1)",
        "they are findings by themselves, too",
    ]
    assert lines(kind="temporal_ordered", **fields)[0] == "in this order, within 1m:"


def test_a_chain_is_said_and_found() -> None:
    inner = correlate(1, rule(1))
    outer = correlate(2, inner)
    pack = pack_of((rule(1), rule(2)), (inner, outer))
    assert explain_correlation(pack, outer)[-1].text == "correlation: Correlation 1 (r0)"
    assert heard_through(pack, rule(1)) == (inner,)
    assert heard_through(pack, inner) == (outer,)
    assert heard_through(pack, rule(2)) == heard_through(pack, outer) == ()
    assert find_rule(pack, "Correlation 2") == outer


def test_coverage_counts_correlations_and_what_is_silent() -> None:
    inner = correlate(1, rule(1))
    found = cover(pack_of((rule(1), rule(2)), (inner, correlate(2, inner))))
    assert (found.correlations, found.correlations_served, found.silent) == (2, 2, 1)
    assert found.levels == {"high": 2, "low": 2}
