"""Our condition parser against pySigma's, on conditions nobody would write."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    SigmaCondition,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaDetections

from hisn.rules.expr import And, Exists, Expr, Not, Or
from hisn.rules.sigma.conditions import parse_condition
from hisn.rules.sigma.refusal import RefusedError

NAMES = ("selection", "sel_a", "sel_b", "filter_1", "_hidden", "notsel", "orange", "android")
DETECTIONS = SigmaDetections.from_dict({name: {name: "v"} for name in NAMES} | {"condition": "selection"})

names = st.sampled_from(NAMES)
patterns = st.sampled_from(("them", "sel_*", "*_1", "s*_a", "_*", "*", "none_*", "selection", "n*s*l"))
selectors = st.builds("{} of {}".format, st.sampled_from(("1", "any", "all")), patterns)
spaces = st.sampled_from((" ", "  ", "\n"))


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({})".format, inner),
        st.builds("{}{}and{}{}".format, inner, spaces, spaces, inner),
        st.builds("{}{}or{}{}".format, inner, spaces, spaces, inner),
        st.builds("not{}{}".format, spaces, inner),
    )


good = st.recursive(names | selectors, compound, max_leaves=6)
words = st.sampled_from((*NAMES, "and", "or", "not", "1", "all", "any", "of", "them", "sel_*", "(", ")", "2"))
wild = st.lists(words, min_size=1, max_size=7).map(" ".join)


def truth(expr: Expr, true: frozenset[str]) -> bool:
    match expr:
        case And():
            return all(truth(item, true) for item in expr.items)
        case Or():
            return any(truth(item, true) for item in expr.items)
        case Not():
            return not truth(expr.item, true)
        case Exists():
            return expr.field in true
        case _:
            raise AssertionError(expr)


def reference_truth(node: object, true: frozenset[str]) -> bool:
    match node:
        case ConditionAND():
            return all(reference_truth(item, true) for item in node.args)
        case ConditionOR():
            return any(reference_truth(item, true) for item in node.args)
        case ConditionNOT():
            return not reference_truth(node.args[0], true)
        case ConditionFieldEqualsValueExpression():
            return node.field in true
        case _:
            raise AssertionError(node)


@given(good | wild, st.sets(names).map(frozenset))
def test_conditions_hold_when_pysigma_says_so(text: str, true: frozenset[str]) -> None:
    try:
        reference = SigmaCondition(text, DETECTIONS).parsed
    except SigmaError:
        reference = None
    try:
        ours = parse_condition(text, NAMES, Exists, 1)
    except RefusedError:
        ours = None
    if reference is None or ours is None:
        assert reference is None
        assert ours is None
    else:
        assert truth(ours, true) == reference_truth(reference, true)


@given(st.text(alphabet="ab()_*1 ofandrt|\n\x00é", max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(RefusedError):
        parse_condition(text, NAMES, Exists, 1)
