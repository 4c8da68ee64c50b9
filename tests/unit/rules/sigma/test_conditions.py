from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from hisn.core import limits
from hisn.rules.expr import And, Exists, Expr, Not, Or
from hisn.rules.sigma.conditions import parse_condition, select
from hisn.rules.sigma.refusal import RefusedError

NAMES = ("selection", "selection_a", "selection_b", "filter-1", "_hidden", "notepad", "order")


def atom(name: str) -> Expr:
    return Exists(name)


def parse(text: str) -> Expr:
    return parse_condition(text, NAMES, atom, 7)


S, A, B, F = (Exists(name) for name in NAMES[:4])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("selection", S),
        ("  selection\n", S),
        ("not selection", Not(S)),
        ("not not selection", S),
        ("selection and selection_a", And((S, A))),
        ("selection or selection_a and selection_b", Or((S, And((A, B))))),
        ("(selection or selection_a) and selection_b", And((Or((S, A)), B))),
        ("not selection and selection_a", And((Not(S), A))),
        ("not (selection and selection_a)", Not(And((S, A)))),
        ("selection and not filter-1", And((S, Not(F)))),
        ("notepad or order", Or((Exists("notepad"), Exists("order")))),
        ("1 of selection_*", Or((A, B))),
        ("any of selection_*", Or((A, B))),
        ("all of selection_*", And((A, B))),
        ("all of selection*", And((S, A, B))),
        ("1 of *_a", A),
        ("1 of s*_a", A),
        ("1 of _*", Exists("_hidden")),
        ("1 of them", Or(tuple(Exists(name) for name in NAMES if name != "_hidden"))),
        ("not 1 of selection_*", Not(Or((A, B)))),
        ("selection and not 1 of selection_* or filter-1", Or((And((S, Not(Or((A, B))))), F))),
        ("((selection))", S),
        ("selection and selection", S),
    ],
)
def test_conditions_mean_what_the_specification_says(text: str, expected: object) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("selection and", "ends too early"),
        ("selection selection_a", "'selection_a' is not expected"),
        ("(selection", "ends too early"),
        ("selection)", "')' is not expected"),
        ("and selection", "'and' is not expected"),
        ("selection AND selection_a", "'AND' is not expected"),
        ("missing", "'missing' is not defined"),
        ("2 of selection_*", "'2 of' is no quantifier"),
        ("1 of", "ends too early"),
        ("1 of (selection)", "needs 'them' or a name"),
        ("1 of nothing_*", "fits no search identifier"),
        ("selection | count() > 5", "write a correlation rule"),
    ],
)
def test_what_is_no_condition_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(RefusedError) as caught:
        parse(text)
    assert reason in caught.value.reason
    assert caught.value.line == 7


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 5_000 + "selection" + ")" * 5_000,
        "not " * 100_000 + "selection",
        "selection or " * 100_000 + "selection",
        "selection and " * 1_000 + "missing",
        "1 of " + "*a" * 5_000,
    ],
)
def test_hostile_conditions_end_at_once(text: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(RefusedError):
        parse(text)
    assert time.perf_counter() - begin < 1


def test_the_deepest_allowed_brackets_are_read() -> None:
    depth = limits.MAX_RULE_DEPTH
    assert parse("(" * depth + "selection" + ")" * depth) == S


def test_patterns_leave_out_names_with_underscores() -> None:
    assert select("them", ("a", "_b")) == ["a"]
    assert select("*", ("a", "_b")) == ["a"]
    assert select("_*", ("a", "_b")) == ["_b"]
    assert select("a*a", ("a", "aa", "aba")) == ["aa", "aba"]
    assert select("a*b*c", ("abc", "acb", "axbxc")) == ["abc", "axbxc"]


def test_one_of_keeps_every_test_of_each_selection(detect: Callable[..., Expr]) -> None:
    """WithSecureLabs/chainsaw#235: under `1 of selection*` one test of a selection was enough."""
    lowered = detect(
        """
        selection_1:
            Image|endswith: '\\a.exe'
            CommandLine|contains|all: [b, c]
        selection_2:
            Image: d
        condition: 1 of selection_*
        """
    )
    assert isinstance(lowered, Or)
    first, _ = lowered.items
    assert isinstance(first, And)
    assert len(first.items) == 3
