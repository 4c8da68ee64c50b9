from __future__ import annotations

import msgspec
import pytest
from tests.unit.rules.correlations import correlate, rule

from hisn.core import limits
from hisn.rules.check import MAX_DEPTH, check_conditions, check_correlations
from hisn.rules.correlation import Correlation, Reference
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


def test_good_correlations_pass() -> None:
    inner = correlate(1, rule(1))
    check_correlations([inner, correlate(2, inner, rule(1))], {rule(1).digest})


def forged() -> dict[str, list[Correlation]]:
    inner = correlate(1, rule(1))
    circle = correlate(2, inner)
    back = msgspec.structs.replace(inner, references=(Reference(name="c", digests=(circle.digest,)),))
    return {
        "refers to a rule that is not in the pack": [correlate(1, rule(2))],
        "digest is not that": [msgspec.structs.replace(inner, digest="e" * 64)],
        "without a condition": [correlate(1, rule(1), condition=())],
        "not that of": [back, circle],
    }


@pytest.mark.parametrize("reason", sorted(forged()))
def test_correlations_that_no_rule_can_say_are_found(reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_correlations(forged()[reason], {rule(1).digest})


def test_a_chain_of_correlations_is_bounded() -> None:
    chain = [correlate(0, rule(1))]
    for at in range(limits.MAX_CORRELATION_DEPTH):
        chain.append(correlate(at + 1, chain[-1]))
    with pytest.raises(ValueError, match="circle"):
        check_correlations(chain, {rule(1).digest})


def test_the_number_of_correlations_and_references_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [correlate(1, rule(1)), correlate(2, rule(1))]
    monkeypatch.setattr(limits, "MAX_CORRELATION_REFERENCES", 1)
    with pytest.raises(ValueError, match="refer to more than 1"):
        check_correlations(both, {rule(1).digest})
    monkeypatch.setattr(limits, "MAX_CORRELATIONS", 1)
    with pytest.raises(ValueError, match="more than 1 correlations"):
        check_correlations(both, {rule(1).digest})
