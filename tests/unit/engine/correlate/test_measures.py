from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.unit.engine.correlate.plain import SECOND, correlation_of, found, mark, rules_of, with_correlations

from hisn.engine.correlate.measures import Measure
from hisn.engine.correlate.reference import correlate
from hisn.rules.correlation import CompareOp

RULES = rules_of(2)


def test_a_measure_is_a_fraction() -> None:
    holds = np.ones(3, np.bool_)
    one = Measure(np.array([4, 6, 5]), 4, holds)
    assert (one.at(0), one.largest(np.array([0, 2]))) == (Fraction(1), Fraction(5, 4))
    two = Measure(np.array([4, 6, 5], object), np.array([1, 3, 2], object), holds)
    assert (two.at(1), two.largest(np.array([1, 2]))) == (Fraction(2), Fraction(5, 2))


@pytest.mark.parametrize("op", ["eq", "neq", "lt", "lte", "gt", "gte"])
@pytest.mark.parametrize(
    "value", ["2", "2.5", "-1", str(2**63), str(-(2**63) - 1), "1" + "0" * 60, "0.0000000001"]
)
def test_no_number_is_too_large_or_too_fine_to_compare(op: CompareOp, value: str) -> None:
    rules = [
        correlation_of(RULES, "event_count", [0], condition={op: value}, number=0),
        correlation_of(RULES, "value_sum", [0], condition={op: value}, fields=("N",), number=1),
        correlation_of(RULES, "value_avg", [0], condition={op: value}, fields=("N",), number=2),
    ]
    pack = with_correlations(RULES, *rules)
    marks = [mark(0, number, number, N=each) for number, each in enumerate((2, 2**63, -(2**64)))]
    assert list(found(pack, marks)) == correlate(pack, marks)


def test_the_largest_measure_of_an_episode_is_kept() -> None:
    rule = correlation_of(RULES, "value_avg", [0], span_s=1, condition={"gte": 1}, fields=("N",))
    marks = [mark(0, number, number, N=each) for number, each in enumerate((1, 4, 2))]
    (episode,) = found(with_correlations(RULES, rule), marks)
    assert (episode.value, episode.extreme, episode.last_us) == ("1", "3", 2 * SECOND)
