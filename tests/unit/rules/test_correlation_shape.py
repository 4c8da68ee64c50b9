from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.rules.correlations import correlate, rule

from hisn.core import limits
from hisn.rules.correlation import Alias, AllSeen, AnySeen, Compare, Kind, NotSeen, Presence, Seen
from hisn.rules.correlation_shape import (
    holds,
    holds_with,
    names_in,
    only_grows,
    shape_problem,
    unsound_chains,
)

VALUE = {"fields": ("F",), "condition": (Compare("gte", "2"),)}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": "value_count", "fields": ("F", "G")},
        {"kind": "value_sum", **VALUE},
        {"kind": "value_percentile", "percentile": 0, **VALUE},
        {"kind": "temporal", "condition": ()},
        {"kind": "temporal", "condition": (), "expression": AllSeen((Seen("r0"), NotSeen(Seen("r1"))))},
        {"condition": (Compare("gt", "100"), Compare("lte", "101"))},
        {"condition": (Compare("neq", "1"),)},
        {"kind": "value_count", "fields": ("F",), "condition": (Compare("eq", "0"),)},
        {"kind": "value_avg", "fields": ("F",), "condition": (Compare("gt", "0.1"), Compare("lt", "0.2"))},
        {"aliases": (Alias(name="a", fields=(("r0", "F"), ("r1", "G"))),)},
    ],
)
def test_what_goes_together_has_no_problem(fields: dict[str, Any]) -> None:
    assert shape_problem(correlate(1, rule(1), rule(2), **fields)) == ""


def deep(levels: int) -> Presence:
    expression: Presence = Seen("r0")
    for _ in range(levels):
        expression = AllSeen((expression,))
    return expression


@pytest.mark.parametrize(
    "fields",
    [
        {"condition": ()},
        {"fields": ("F",)},
        {"percentile": 5},
        {"expression": Seen("r0")},
        {"kind": "value_count"},
        {"kind": "value_sum", "fields": ("F", "G")},
        {"kind": "value_percentile", **VALUE},
        {"kind": "temporal", "fields": ("F",), "condition": ()},
        {"kind": "temporal", "expression": Seen("r0")},
        {"kind": "temporal", "condition": (), "expression": Seen("other")},
        {"kind": "temporal", "condition": (), "expression": NotSeen(Seen("r0"))},
        {"kind": "temporal", "condition": (), "expression": deep(limits.MAX_CORRELATION_DEPTH)},
        {"kind": "temporal", "condition": (), "expression": AnySeen((AnySeen((Seen("r0"),) * 999),) * 999)},
        {"kind": "temporal", "condition": (Compare("gte", "3"),)},
        {"kind": "temporal", "condition": (Compare("lt", "1"),)},
        {"condition": (Compare("gte", "10"), Compare("lt", "10"))},
        {"condition": (Compare("gt", "10"), Compare("lt", "11"))},
        {"condition": (Compare("eq", "1.5"),)},
        {"condition": (Compare("lte", "2"), Compare("neq", "1"), Compare("neq", "2"))},
        {"kind": "value_avg", "fields": ("F",), "condition": (Compare("gt", "2"), Compare("lt", "1"))},
        {"aliases": (Alias(name="a", fields=(("other", "F"),)),)},
        {"aliases": (Alias(name="a", fields=(("r0", "F"), ("r0", "G"))),)},
        {"aliases": (Alias(name="a", fields=(("r0", "F"),)),) * 2},
    ],
)
def test_what_does_not_is_said(fields: dict[str, Any]) -> None:
    assert shape_problem(correlate(1, rule(1), rule(2), **fields))


ops = st.sampled_from(("eq", "neq", "lt", "lte", "gt", "gte"))
values = st.sampled_from(("0", "1", "1.5", "2", "3", "4", "-1", "7"))
compares = st.lists(st.builds(Compare, ops, values), min_size=1, max_size=5).map(tuple)


@given(compares, st.sampled_from(("event_count", "value_count", "temporal", "value_sum")))
def test_a_condition_that_can_never_hold_is_found(condition: tuple[Compare, ...], kind: Kind) -> None:
    """One that never fires would silence its rules: tried against every measure near the numbers."""
    fields = ("F",) if kind.startswith("value") else ()
    problem = shape_problem(correlate(1, rule(1), rule(2), kind=kind, fields=fields, condition=condition))
    steps = {
        "event_count": [Fraction(count) for count in range(1, 30)],
        "value_count": [Fraction(count) for count in range(30)],
        "temporal": [Fraction(1), Fraction(2)],
        "value_sum": [Fraction(count, 4) for count in range(-40, 80)],
    }[kind]
    assert (problem == "") is any(all(holds(each, value) for each in condition) for value in steps)


expressions = st.recursive(
    st.sampled_from("abc").map(Seen),
    lambda inner: (
        st.builds(NotSeen, inner)
        | st.builds(lambda items: AllSeen(tuple(items)), st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda items: AnySeen(tuple(items)), st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=8,
)


def in_python(node: Presence) -> str:
    match node:
        case Seen(name):
            return name
        case NotSeen(item):
            return f"(not {in_python(item)})"
        case AllSeen(items):
            return "(" + " and ".join(map(in_python, items)) + ")"
        case AnySeen(items):
            return "(" + " or ".join(map(in_python, items)) + ")"


@given(expressions)
def test_words_hold_as_python_would_say(expression: Presence) -> None:
    assert names_in(expression) <= {"a", "b", "c"}
    for size in range(4):
        for seen in combinations("abc", size):
            wanted = eval(in_python(expression), {name: name in seen for name in "abc"})  # noqa: S307
            assert holds_with(expression, set(seen)) is wanted


def test_an_order_that_can_be_met_in_too_many_ways_is_refused() -> None:
    """Nine times one of two: 512 orders, each looked for in every window."""
    either = AnySeen((Seen("r0"), Seen("r1")))
    many: dict[str, Any] = {"condition": (), "expression": AllSeen((either,) * 9)}
    few: dict[str, Any] = {"condition": (), "expression": AllSeen((either,) * 8)}
    both = (rule(1), rule(2))
    assert "too many ways" in shape_problem(correlate(1, *both, kind="temporal_ordered", **many))
    assert shape_problem(correlate(1, *both, kind="temporal", **many)) == ""
    assert shape_problem(correlate(1, *both, kind="temporal_ordered", **few)) == ""
    opposite: dict[str, Any] = {"condition": (), "expression": NotSeen(AnySeen((NotSeen(either),) * 9))}
    assert "too many ways" in shape_problem(correlate(1, *both, kind="temporal_ordered", **opposite))


def test_circles_and_long_chains_are_unsound() -> None:
    depth = limits.MAX_CORRELATION_DEPTH
    chain = {f"c{at}": {f"c{at - 1}"} for at in range(1, depth + 1)} | {"c0": {"rule"}}
    assert unsound_chains(chain) == {f"c{depth}"}
    assert unsound_chains({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": {"rule"}}) == {"a", "b", "c"}
    assert unsound_chains({}) == frozenset()


@pytest.mark.parametrize(
    ("fields", "grows"),
    [
        ({}, True),
        ({"condition": (Compare("gt", "1"), Compare("gte", "2"))}, True),
        ({"condition": (Compare("gt", "1"), Compare("lte", "2"))}, False),
        ({"condition": (Compare("eq", "2"),)}, False),
        ({"kind": "value_count", "fields": ("F", "G")}, True),
        ({"kind": "value_sum", **VALUE}, False),
        ({"kind": "temporal", "condition": ()}, True),
        ({"kind": "temporal_ordered", "condition": ()}, True),
        ({"kind": "temporal", "condition": (), "expression": AnySeen((Seen("r0"), Seen("r1")))}, True),
        (
            {
                "kind": "temporal",
                "condition": (),
                "expression": AllSeen((Seen("r0"), AnySeen((NotSeen(Seen("r1")),)))),
            },
            False,
        ),
    ],
)
def test_whether_more_records_can_only_make_it_hold(fields: dict[str, Any], grows: bool) -> None:
    assert only_grows(correlate(1, rule(1), rule(2), **fields)) is grows
