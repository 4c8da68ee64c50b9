from __future__ import annotations

from itertools import permutations

import hypothesis.strategies as st
import pytest
from hypothesis import given
from tests.unit.engine.correlate.plain import (
    SECOND,
    blocks_of,
    correlation_of,
    correlator_of,
    found,
    mark,
    rules_of,
    with_correlations,
)

from hisn.engine.correlate import order
from hisn.engine.correlate.reference import MAX_TIED_SOURCES, correlate

RULES = rules_of(4)


def count(*marks: tuple[int, float, int, str], references: tuple[int, ...] = (0, 1, 2, 3)) -> int:
    pack = with_correlations(RULES, correlation_of(RULES, "temporal_ordered", references))
    given = [mark(rule, time, number, source) for rule, time, number, source in marks]
    episodes = found(pack, given)
    assert list(episodes) == correlate(pack, given)
    return len(episodes)


def test_every_other_order_is_none() -> None:
    for rules in permutations(range(4)):
        marks = [(rule, time, time, "s") for time, rule in enumerate(rules)]
        assert count(*marks) == (rules == (0, 1, 2, 3))


def test_repeats_and_noise_between_do_not_matter() -> None:
    assert count(*[(rule, time, time, "s") for time, rule in enumerate((0, 0, 3, 1, 0, 2, 1, 3, 3))]) == 1


def test_one_instant_can_hold_the_whole_sequence() -> None:
    assert count(*[(rule, 1, rule, "s") for rule in range(4)]) == 1
    assert count(*[(rule, 1, 4 - rule, "s") for rule in range(4)]) == 0
    assert count(*[(rule, 1, 4 - rule, f"s{rule}") for rule in range(4)]) == 1


def test_a_source_is_used_for_one_stretch_of_an_instant() -> None:
    """0 and 2 are of one source, and 2 came first: no order of the sources makes a sequence of them."""
    assert count((0, 1, 2, "s"), (1, 1, 1, "t"), (2, 1, 1, "s"), references=(0, 1, 2)) == 0


@pytest.mark.parametrize("sources", [2, MAX_TIED_SOURCES, MAX_TIED_SOURCES + 1])
def test_a_crowd_of_sources_at_one_instant(sources: int) -> None:
    crowd = [(1, 1.0, 1, f"s{number}") for number in range(sources - 1)]
    assert count((0, 1, 1, "z"), *crowd, references=(0, 1)) == 1
    assert count((1, 1, 1, "z"), *crowd, references=(0, 1)) == 0


def test_what_begins_before_the_window_is_forgotten() -> None:
    assert count((0, 0, 1, "s"), (1, 5, 2, "s"), (2, 9, 3, "s"), (3, 11, 4, "s")) == 0
    assert count((0, 1, 1, "s"), (1, 5, 2, "s"), (2, 9, 3, "s"), (3, 11, 4, "s")) == 1


@pytest.mark.parametrize("kept", [0, 16])
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15), st.sampled_from("st")), max_size=40),
    st.integers(1, 9),
)
def test_what_is_kept_and_what_is_looked_through_anew_are_the_same(
    kept: int, events: list[tuple[int, int, str]], size: int
) -> None:
    rule = correlation_of(RULES, "temporal_ordered", [0, 1, 2], span_s=4, condition={"gte": 2})
    pack = with_correlations(RULES, rule)
    events.sort(key=lambda event: event[1])
    marks = [mark(kind % 3, time, number, source) for number, (kind, time, source) in enumerate(events)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_MAX_KEPT_PLACES", kept)
        correlator = correlator_of(pack)
        for low in range(0, len(marks), size):
            correlator.add(blocks_of(marks[low : low + size]))
            rest = marks[low + size :]
            correlator.advance((rest[0].time if rest else 99 * SECOND) - 1)
        correlator.finish()
    assert list(correlator.take()) == correlate(pack, marks)
