from __future__ import annotations

import pytest

from hisn.rules.check import MAX_DEPTH, check_conditions
from hisn.rules.expr import And, Exists, Expr, KeywordRegex, Network, Not, Or, Regex


def test_good_conditions_pass() -> None:
    check_conditions([And((Or((Regex("F", "a", "i"), KeywordRegex("b"))), Not(Network("F", "::/0"))))])


@pytest.mark.parametrize(
    "atom", [Regex("F", "("), KeywordRegex("(?=a)"), Network("F", "10.0.0.1/8"), Network("F", "")]
)
def test_what_no_rule_can_say_is_found_at_any_depth(atom: Expr) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        check_conditions([Exists("A"), And((Exists("A"), Not(Or((Exists("B"), atom)))))])


def test_depth_is_bounded() -> None:
    condition: Expr = Exists("A")
    for _ in range(MAX_DEPTH):
        condition = Not(condition)
    with pytest.raises(ValueError, match="nested deeper"):
        check_conditions([condition])
