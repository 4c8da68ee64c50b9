from __future__ import annotations

import operator

from hisn.core.spans import MAX_GRADE, SpanSet


def test_a_silence_of_exactly_the_gap_does_not_part() -> None:
    spans: SpanSet[int] = SpanSet(10, operator.add)
    for time in (0, 10, 21):
        spans.add(time, time, 1)
    assert list(spans) == [(0, 10, 2), (21, 21, 1)]


def test_a_point_between_two_spans_joins_them() -> None:
    spans: SpanSet[int] = SpanSet(10, operator.add)
    spans.add(0, 5, 3)
    spans.add(25, 30, 3)
    spans.add(15, 15, 1)
    assert list(spans) == [(0, 30, 7)]
    assert len(spans) == 1


def test_times_over_millennia_stay_bounded() -> None:
    # The attacker chooses the times of his records.
    hour = 3_600_000_000
    spans: SpanSet[int] = SpanSet(hour, operator.add, 2_000)
    for hours in range(0, 70_000_000, 7_001):
        spans.add(hours * hour, hours * hour, 1)
    assert spans.cells <= 2_000
    assert spans.grade <= MAX_GRADE
    assert sum(count for *_span, count in spans) == len(range(0, 70_000_000, 7_001))


def test_spans_that_lie_wholly_inside_are_taken_out() -> None:
    spans: SpanSet[int] = SpanSet(10, operator.add)
    for time in (0, 20, 40, 45):
        spans.add(time, time, 1)
    assert spans.take(1, 45) == [(20, 20, 1)]
    assert list(spans) == [(0, 0, 1), (40, 45, 2)]
    assert spans.take(0, 100) == [(0, 0, 1), (40, 45, 2)]
    assert (len(spans), spans.cells) == (0, 0)
    assert spans.take(0, 100) == []


def test_a_point_finds_its_span() -> None:
    spans: SpanSet[int] = SpanSet(10, operator.add)
    spans.add(0, 5, 1)
    spans.add(20, 25, 2)
    assert (spans.at(5), spans.at(6), spans.at(20)) == ((0, 5, 1), None, (20, 25, 2))
    assert spans.at(-1) is None
