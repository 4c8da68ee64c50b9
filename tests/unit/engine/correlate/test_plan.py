from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from tests.unit.engine.correlate.plain import correlation_of, rules_of, with_correlations

from hisn.core import limits
from hisn.engine.correlate.plan import Column, compile_correlations
from hisn.engine.correlate.terms import Term
from hisn.errors import InputError
from hisn.rules.correlation import CompareOp, Reference
from hisn.rules.correlation_shape import meets

RULES = rules_of(3)
MANY = correlation_of(
    RULES,
    "event_count",
    [0],
    group_by=["user"],
    condition={"gte": 3},
    aliases={"user": {"r0": "TargetUserName"}},
    name="many",
    number=0,
)


def test_marks_carry_what_some_correlation_looks_at() -> None:
    values = correlation_of(
        RULES, "value_count", [0, 1], group_by=["H"], condition={"gte": 3}, fields=("N",), number=1
    )
    plan = compile_correlations(with_correlations(RULES, MANY, values))
    assert plan.wanted == {0: ("H", "N", "TargetUserName"), 1: ("H", "N")}
    assert plan.feeds_of == {0: ((0, 0), (1, 0)), 1: ((1, 1),)}


def test_episodes_carry_what_those_above_look_at() -> None:
    above = correlation_of(
        RULES,
        "value_count",
        [MANY, 1],
        group_by=["who"],
        condition={"gte": 2},
        fields=("Host",),
        aliases={"who": {"many": "user", "r1": "SubjectUserName"}},
        number=1,
    )
    plan = compile_correlations(with_correlations(RULES, above, MANY))
    assert plan.order == (1, 0)
    many = plan.judged[1]
    assert many.columns == (Column(("user",), is_group=True), Column(("Host",)))
    assert many.feeds[0].fields == (("TargetUserName",), ("Host",))
    (up,) = many.ups
    assert (up.correlation, up.feed, up.columns, up.has_value, up.is_numeric) == (0, 0, (0, 1), True, False)
    assert plan.wanted == {0: ("Host", "TargetUserName"), 1: ("Host", "SubjectUserName")}
    assert plan.judged[0].is_chain
    assert not many.is_chain


def test_the_digest_is_of_rules_and_correlations() -> None:
    plans = [
        compile_correlations(with_correlations(RULES, MANY)),
        compile_correlations(with_correlations(RULES)),
        compile_correlations(with_correlations(rules_of(2), MANY)),
    ]
    assert len({plan.digest for plan in plans}) == 3
    assert compile_correlations(with_correlations(RULES, MANY)).digest == plans[0].digest


def test_a_reference_to_nothing_gives_nothing() -> None:
    gone = correlation_of(rules_of(9), "event_count", [8], condition={"gte": 1})
    assert compile_correlations(with_correlations(RULES, gone)).judged[0].feeds == ()


def test_without_a_condition_all_references_are_needed() -> None:
    ordered = correlation_of(RULES, "temporal_ordered", [0, 1, 0], number=1)
    plan = compile_correlations(with_correlations(RULES, correlation_of(RULES, "temporal", [0, 1]), ordered))
    assert plan.judged[0].tests == (("gte", Fraction(2)),)
    assert plan.judged[1].terms == (Term((0, 1, 2), frozenset()),)
    assert plan.judged[1].positions == {"r0": (0, 2), "r1": (1,)}


def test_an_episode_is_not_followed_by_what_it_may_rest_on() -> None:
    top = correlation_of(RULES, "temporal", [MANY, 1], name="top", number=1)
    ordered = correlation_of(RULES, "temporal_ordered", [0, top, MANY, 0, 2], number=2)
    plan = compile_correlations(with_correlations(RULES, MANY, top, ordered))
    assert plan.judged[2].strict == {(1, 2), (1, 3), (2, 3)}


def test_circles_are_refused() -> None:
    """Loading refuses them; a pack made by somebody else could have one."""
    one = correlation_of(RULES, "event_count", [0], condition={"gte": 1}, number=0)
    two = correlation_of(RULES, "event_count", [one], condition={"gte": 1}, number=1)
    two = msgspec.structs.replace(two, references=(Reference(name="self", digests=(two.digest,)),))
    with pytest.raises(InputError, match="circle"):
        compile_correlations(with_correlations(RULES, one, two))


def test_what_one_correlation_carries_for_others_has_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_CORRELATION_COLUMNS", 10)
    above = [
        correlation_of(
            RULES, "event_count", [MANY], group_by=[f"g{index}"], condition={"gte": 1}, number=index
        )
        for index in range(1, 12)
    ]
    with pytest.raises(InputError, match="too many correlations"):
        compile_correlations(with_correlations(RULES, MANY, *above))


def test_a_condition_with_too_many_ways_names_its_rule() -> None:
    refused = correlation_of(rules_of(12), "temporal_ordered", list(range(12)), condition={"gte": 2})
    with pytest.raises(InputError, match="too many ways") as error:
        compile_correlations(with_correlations(rules_of(12), refused))
    assert error.value.place == "c.yml:1"


@pytest.mark.parametrize(
    ("op", "held"),
    [("eq", "010"), ("neq", "101"), ("lt", "100"), ("lte", "110"), ("gt", "001"), ("gte", "011")],
)
def test_comparisons(op: CompareOp, held: str) -> None:
    test = (op, Fraction(1, 2))
    assert "".join(str(int(meets(test, Fraction(number, 4)))) for number in (1, 2, 3)) == held
