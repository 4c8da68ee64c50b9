from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from tests.unit.engine.correlate.plain import ALL, correlation_of, rules_of, with_correlations

from hisn.engine.correlate import stream as stream_module
from hisn.engine.correlate.plan import compile_correlations
from hisn.engine.correlate.rows import Rows, ranks_of
from hisn.engine.correlate.stream import Bounds, Stream
from hisn.rules.correlation import Correlation

RULES = rules_of(2)
PLENTY = Bounds(lookback=ALL, waiting=ALL)
RANKS = ranks_of(["s"], 2)
COUNT = correlation_of(RULES, "event_count", [0], group_by=["U"], span_s=10, condition={"gte": 2})


def stream_of(*correlations: Correlation, index: int = 0) -> Stream:
    return Stream(compile_correlations(with_correlations(RULES, *correlations)).judged[index], PLENTY)


def rows_of(*members: tuple[int, int], extra: tuple[object, ...] = ()) -> Rows:
    """Return rows of (time in seconds, key)."""
    size = len(members)
    return Rows(
        np.array([time for time, _ in members], np.int64) * 1_000_000,
        np.zeros(size, np.int32),
        np.arange(size),
        np.zeros(size, np.int32),
        np.ones(size, np.int32),
        np.full(size, 77),
        (np.array([key for _, key in members], np.int64), *[np.full(size, each) for each in extra]),
    )


def test_episodes_are_closed_when_no_window_can_reach_them() -> None:
    stream = stream_of(COUNT)
    stream.put(rows_of((1, 7), (2, 7), (3, 8)))
    assert list(stream.advance(2_000_000, RANKS)) == []
    assert (list(stream.open), stream.named) == ([7], 2)
    list(stream.advance(11_999_999, RANKS))
    assert stream.open
    list(stream.advance(12_000_000, RANKS))
    assert (stream.open, stream.named) == ({}, 0)
    (closed,) = stream.take()
    assert (closed.is_closed, closed.last) == (True, 2_000_000)


def test_nothing_is_held_that_no_window_can_reach() -> None:
    stream = stream_of(COUNT)
    stream.put(rows_of((1, 7), (2, 7), (13, 8)))
    list(stream.advance(12_000_000, RANKS))
    assert (len(stream.log), len(stream.waiting)) == (0, 1)
    list(stream.advance(13_000_000, RANKS))
    list(stream.advance(23_000_000, RANKS))
    assert (len(stream.log), len(stream.waiting)) == (0, 0)


def test_slots_of_groups_are_given_anew_when_most_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "_MANY_SLOTS", 8)
    stream = stream_of(COUNT)
    for second in range(100):
        stream.put(rows_of((second, 1_000 + second), (second, 5)))
        list(stream.advance(second * 1_000_000, RANKS))
        assert len(stream._keys) < 40
    (growing,) = stream.take()
    assert (growing.key, growing.count, growing.extreme) == (5, 100, Fraction(11))


def test_an_episode_goes_up_as_one_event_and_once() -> None:
    above = correlation_of(RULES, "temporal", [COUNT, 1], group_by=["U"], number=1)
    stream = stream_of(COUNT, above)
    stream.put(rows_of((1, 7), (2, 7), (3, 7)))
    (emission,) = stream.advance(3_000_000, RANKS)
    assert (emission.correlation, emission.key) == (1, (2_000_000, -1, 7))
    assert emission.rows.columns[0].tolist() == [7]
    assert emission.rows.weights.tolist() == [3]
    assert emission.snapshot.records.numbers.tolist() == [0, 1]
    assert emission.snapshot.first == (1_000_000, 0, 0, 77)


def test_an_episode_without_the_group_above_is_counted_there() -> None:
    above = correlation_of(RULES, "event_count", [COUNT], group_by=["H"], condition={"gte": 1}, number=1)
    lower, upper = stream_of(COUNT, above), stream_of(COUNT, above, index=1)
    lower.put(rows_of((1, 7), (2, 7), extra=(0,)))
    for emission in lower.advance(2_000_000, RANKS):
        upper.put_episode(emission)
    assert (len(upper.waiting), upper.losses.without_group) == (0, 1)


def test_snapshots_go_with_their_events() -> None:
    above = correlation_of(
        RULES, "event_count", [COUNT], group_by=["U"], span_s=10, condition={"gte": 1}, number=1
    )
    lower, upper = stream_of(COUNT, above), stream_of(COUNT, above, index=1)
    for start in range(0, 10_000, 50):
        lower.put(rows_of((start, 7), (start + 1, 7)))
        for emission in lower.advance(start * 1_000_000 + 1_000_000, RANKS):
            upper.put_episode(emission)
        list(upper.advance(start * 1_000_000 + 1_000_000, RANKS))
    assert len(upper.snapshots) < 100
    assert len(upper.snapshot_keys()) == 1
