from __future__ import annotations

import pytest
from tests.unit.findings.samples import CONTAINS, rule

from hisn.findings.confidence import confidence_of
from hisn.rules.expr import And, Expr, Keyword, KeywordRegex, Not, Or, Text


@pytest.mark.parametrize(
    ("status", "expected"),
    [("stable", "high"), ("test", "moderate"), ("experimental", "low"), ("deprecated", "low"), ("", "low")],
)
def test_the_author_says_how_sure_he_is(status: str, expected: str) -> None:
    assert confidence_of(rule(0, status=status)) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Keyword(("mimikatz",)), "moderate"),
        (And((Keyword(("a",)), Not(KeywordRegex("b")))), "moderate"),
        (Or((Keyword(("a",)), CONTAINS)), "high"),
        (Text("Image", "equals", "a"), "high"),
    ],
)
def test_a_word_anywhere_proves_less(condition: Expr, expected: str) -> None:
    assert confidence_of(rule(0, status="stable", condition=condition)) == expected
