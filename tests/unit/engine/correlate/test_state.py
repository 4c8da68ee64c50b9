from __future__ import annotations

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given
from tests.unit.engine.correlate.plain import (
    PLENTY,
    SECOND,
    blocks_of,
    correlation_of,
    correlator_of,
    mark,
    rules_of,
    with_correlations,
)

from hisn.engine.correlate.correlator import Correlator
from hisn.engine.correlate.plan import compile_correlations
from hisn.errors import StorageError

RULES = rules_of(3)
MANY = correlation_of(RULES, "event_count", [0], group_by=["U"], condition={"gte": 2}, name="many", number=0)
THEN = correlation_of(RULES, "temporal", [MANY, 1], group_by=["U"], span_s=60, number=1)
TOTAL = correlation_of(
    RULES, "value_sum", [0], group_by=["U"], condition={"gte": 2**70}, fields=("N",), number=2
)
PACK = with_correlations(RULES, MANY, THEN, TOTAL)
PLAN = compile_correlations(PACK)
SURROGATE = "\ud800"


def filled() -> Correlator:
    correlator = correlator_of(PACK)
    correlator.add(blocks_of([mark(0, 1, 1, "z", U="a", N=2**69), mark(0, 2, 2, "b", U="a", N="0.5")]))
    correlator.advance(2 * SECOND)
    correlator.take()
    correlator.add(blocks_of([mark(0, 3, 3, SURROGATE, U=SURROGATE, N=1), mark(0, 1, 4, "z", U="a")]))
    correlator.add(blocks_of([mark(0, 3, 5, U="a"), mark(1, 99, 6, "w", U="a")]))
    correlator.advance(3 * SECOND)
    return correlator


def test_a_state_goes_on_where_it_was() -> None:
    one = filled()
    two = Correlator.load(PLAN, one.dump(), PLENTY)
    assert two.dump() == one.dump()
    assert two.tally() == one.tally()
    for correlator in (one, two):
        correlator.add(blocks_of([mark(1, 5, 7, U="a"), mark(0, 4, 8, U="a", N=2**71)]))
        correlator.finish()
    taken = one.take()
    assert len(taken) == 3
    assert two.take() == taken


def test_the_order_in_which_sources_came_does_not_show() -> None:
    marks = [mark(0, 1, 1, "z", U="a"), mark(0, 1, 2, "b", U="a"), mark(0, 1, 3, "c", U="b")]
    dumps = set()
    for order in (marks, marks[::-1]):
        correlator = correlator_of(PACK)
        for each in order:
            correlator.add(blocks_of([each]))
        correlator.advance(SECOND)
        dumps.add(correlator.dump())
    assert len(dumps) == 1


def test_what_is_gone_is_not_in_the_state() -> None:
    correlator = filled()
    empty = correlator_of(PACK)
    for each in (correlator, empty):
        each.finish()
        each.take()
    state, nothing = msgspec.msgpack.decode(correlator.dump()), msgspec.msgpack.decode(empty.dump())
    assert (state[3], state[4]) == ([], []) == (nothing[3], nothing[4])
    assert len(correlator.dump()) < len(empty.dump()) + 100


def test_a_state_of_other_rules_is_refused() -> None:
    data = filled().dump()
    for other in (with_correlations(RULES, MANY, THEN), with_correlations(rules_of(2), MANY, THEN, TOTAL)):
        with pytest.raises(StorageError) as error:
            Correlator.load(compile_correlations(other), data)
        assert error.value.code == "E5600"


DATA = filled().dump()


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_damaged_state_is_refused_or_another_state(place: int, change: int) -> None:
    damaged = bytearray(DATA)
    damaged[place] ^= change
    try:
        correlator = Correlator.load(PLAN, bytes(damaged), PLENTY)
    except StorageError:
        return
    correlator.finish()
    correlator.take()
    correlator.dump()


@given(st.integers(0, len(DATA) - 1))
def test_a_cut_state_is_refused(end: int) -> None:
    with pytest.raises(StorageError):
        Correlator.load(PLAN, DATA[:end])


@given(st.recursive(st.one_of(st.none(), st.integers(-5, 5), st.binary(max_size=9)), st.lists, max_leaves=9))
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(StorageError):
        Correlator.load(PLAN, msgspec.msgpack.encode(value))
