"""What correlations mean, by example: each is judged by the plain reference and by the fast engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.engine.correlate.plain import (
    SECOND,
    correlation_of,
    fired,
    found,
    mark,
    rules_of,
    with_correlations,
)

from hisn.engine.correlate.episode import Episode, Part
from hisn.engine.correlate.reference import Mark, correlate
from hisn.rules.correlation import AllSeen, AnySeen, Compare, CompareOp, Correlation, Kind, NotSeen, Seen

RULES = rules_of(4)


def episodes(marks: Sequence[Mark], *correlations: Correlation) -> list[Episode]:
    pack = with_correlations(RULES, *correlations)
    expected = correlate(pack, marks)
    assert list(found(pack, marks)) == expected
    return expected


def firings(marks: Sequence[Mark], *correlations: Correlation) -> list[tuple[float, float, str]]:
    """Return (first firing, last firing, value at the first) of all episodes."""
    return [each[2:] for each in fired(episodes(marks, *correlations))]


def test_a_window_is_never_longer_than_the_time_span() -> None:
    """Hayabusa #1811: a record outside of the window was added when the window moved."""
    rule = correlation_of(RULES, "event_count", [0], span_s=10, condition={"gte": 3})
    assert firings([mark(0, 0, 1), mark(0, 5, 2), mark(0, 10, 3)], rule) == [(10, 10, "3")]
    assert firings([mark(0, 0, 1), mark(0, 5, 2), mark(0, 10.000001, 3)], rule) == []
    values = correlation_of(RULES, "value_count", [0], span_s=10, condition={"gte": 3}, fields=("U",))
    marks = [mark(0, 0, 1, U="a"), mark(0, 8, 2, U="b"), mark(0, 11, 3, U="c"), mark(0, 15, 4, U="b")]
    assert firings(marks, values) == []


def test_a_window_has_no_fixed_bounds() -> None:
    """The specification warns of it: an hour is any hour, not the one that a clock shows."""
    rule = correlation_of(RULES, "event_count", [0], span_s=3600, condition={"gte": 2})
    assert firings([mark(0, 3599, 1), mark(0, 3601, 2)], rule) == [(3601, 3601, "2")]


def test_groups_never_mix() -> None:
    """Hayabusa PR 1839 (#1809): matches of other groups were taken for temporal correlations."""
    rule = correlation_of(RULES, "temporal", [0, 1], group_by=["H"])
    assert firings([mark(0, 0, 1, H="one"), mark(1, 1, 2, H="two")], rule) == []
    assert firings([mark(0, 0, 1, H="one"), mark(1, 1, 2, H="one")], rule) == [(1, 1, "2")]
    pair = correlation_of(RULES, "event_count", [0], group_by=["U", "H"], condition={"gte": 2})
    assert firings([mark(0, 0, 1, U="ab", H="c"), mark(0, 1, 2, U="a", H="bc")], pair) == []


def test_order_means_order_for_every_place() -> None:
    """Hayabusa #1810: only the first rule was held to come first."""
    rule = correlation_of(RULES, "temporal_ordered", [0, 1, 2])
    assert firings([mark(0, 0, 1), mark(2, 1, 2), mark(1, 2, 3)], rule) == []
    assert firings([mark(0, 0, 1), mark(2, 1, 2), mark(1, 2, 3), mark(2, 3, 4)], rule) == [(3, 3, "3")]
    assert firings([mark(0, 0, 1), mark(1, 6, 2), mark(0, 7, 3), mark(2, 10.5, 4)], rule) == []


def test_a_later_beginning_saves_a_sequence_whose_first_one_is_too_old() -> None:
    rule = correlation_of(RULES, "temporal_ordered", [0, 1])
    assert firings([mark(0, 0, 1), mark(0, 8, 2), mark(1, 12, 3)], rule) == [(12, 12, "2")]


def test_events_of_one_instant_are_in_order_by_record_or_come_from_different_sources() -> None:
    rule = correlation_of(RULES, "temporal_ordered", [0, 1])
    assert firings([mark(0, 5, 2, "s"), mark(1, 5, 1, "s")], rule) == []
    assert firings([mark(0, 5, 1, "s"), mark(1, 5, 2, "s")], rule) == [(5, 5, "2")]
    assert firings([mark(0, 5, 2, "t"), mark(1, 5, 1, "s")], rule) == [(5, 5, "2")]


def test_one_record_stands_for_one_place() -> None:
    both = [mark(0, 5, 1, "s"), mark(1, 5, 1, "s")]
    assert firings(both, correlation_of(RULES, "temporal_ordered", [0, 1])) == []
    assert firings(both, correlation_of(RULES, "temporal", [0, 1])) == [(5, 5, "2")]
    again = correlation_of(RULES, "temporal_ordered", [0, 1, 0])
    assert firings([mark(0, 5, 1, "s"), mark(1, 5, 1, "t")], again) == []
    assert firings([mark(0, 5, 1, "s"), mark(1, 5, 1, "t"), mark(0, 6, 2, "s")], again) == [(6, 6, "3")]


def test_many_sources_at_one_instant_are_tried_in_pairs() -> None:
    rule = correlation_of(RULES, "temporal_ordered", [0, 1])
    crowd = [mark(0, 5, 1, f"s{number}") for number in range(20)]
    assert firings(crowd, rule) == []
    assert firings([*crowd, mark(1, 5, 1, "t")], rule) == [(5, 5, "2")]


def test_two_correlations_that_share_a_rule_both_fire() -> None:
    """Velociraptor #4832: the second one was dropped without a word."""
    one = correlation_of(RULES, "event_count", [0], condition={"gte": 1}, number=0)
    two = correlation_of(RULES, "event_count", [0], condition={"gte": 1}, number=1)
    assert [each.correlation for each in episodes([mark(0, 0, 1)], one, two)] == [0, 1]


def test_several_fields_are_counted_as_tuples() -> None:
    """rsigma PR 166: only the first field was looked at. A missing part makes no tuple."""
    rule = correlation_of(RULES, "value_count", [0], condition={"gte": 3}, fields=("U", "H"))
    marks = [mark(0, 0, 1, U="a", H="1"), mark(0, 1, 2, U="a", H="2"), mark(0, 2, 3, U="a", H="1")]
    assert firings([*marks, mark(0, 3, 4, U="a")], rule) == []
    assert firings([*marks, mark(0, 3, 4, U="a", H=3)], rule) == [(3, 3, "3")]
    joined = correlation_of(RULES, "value_count", [0], condition={"gte": 2}, fields=("U", "H"))
    assert firings([mark(0, 0, 1, U="a", H="bc"), mark(0, 1, 2, U="ab", H="c")], joined) == [(1, 1, "2")]


def test_a_record_that_two_rules_hit_is_one_event() -> None:
    rule = correlation_of(RULES, "event_count", [0, 1], condition={"gte": 2})
    assert firings([mark(0, 0, 1), mark(1, 0, 1)], rule) == []
    (episode,) = episodes([mark(0, 0, 1), mark(1, 0, 1), mark(1, 1, 2)], rule)
    assert (episode.count, [part.numbers for part in episode.evidence]) == (2, [(1,), (1, 2)])


def test_what_has_no_group_takes_part_in_none() -> None:
    rule = correlation_of(RULES, "event_count", [0], group_by=["U"], condition={"gte": 2})
    nothing = [
        mark(0, 0, 1),
        mark(0, 1, 2),
        mark(0, 2, 3, U=None),
        mark(0, 3, 4, U=()),
        mark(0, 4, 5, U=None),
    ]
    assert firings(nothing, rule) == []
    assert firings([mark(0, 0, 1, U=""), mark(0, 1, 2, U="")], rule) == [(1, 1, "2")]


def test_values_are_compared_as_texts_case_and_all() -> None:
    rule = correlation_of(RULES, "event_count", [0], group_by=["U"], condition={"gte": 2})
    assert firings([mark(0, 0, 1, U=42), mark(0, 1, 2, U="42")], rule) == [(1, 1, "2")]
    assert firings([mark(0, 0, 1, U=("42",)), mark(0, 1, 2, U="42")], rule) == [(1, 1, "2")]
    assert firings([mark(0, 0, 1, U="root"), mark(0, 1, 2, U="Root")], rule) == []
    assert firings([mark(0, 0, 1, U=("a", "b")), mark(0, 1, 2, U=("b", "a"))], rule) == []


def test_aliases_name_fields_by_reference() -> None:
    """The example of the specification: an address that is a source here and a destination there."""
    rule = correlation_of(
        RULES,
        "temporal",
        [0, 1],
        group_by=["internal", "remote"],
        aliases={
            "internal": {"r0": "destination", "r1": "source"},
            "remote": {"r0": "source", "r1": "destination"},
        },
    )
    first = mark(0, 0, 1, source="evil", destination="srv")
    assert firings([first, mark(1, 1, 2, source="srv", destination="evil")], rule) == [(1, 1, "2")]
    assert firings([first, mark(1, 1, 2, source="evil", destination="srv")], rule) == []


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("eq", 2, [(1, 1), (3.75, 3.75)]),
        ("neq", 2, [(0, 0), (2, 2), (3.5, 3.5)]),
        ("lt", 2, [(0, 0), (3.5, 3.5)]),
        ("lte", 2, [(0, 1), (3.5, 3.75)]),
        ("gt", 2, [(2, 2)]),
        ("gte", "2.5", [(2, 2)]),
    ],
)
def test_conditions(op: CompareOp, value: int | str, expected: list[tuple[float, float]]) -> None:
    """The windows of a second hold 1, 2, 3, 1 and 2 events."""
    rule = correlation_of(RULES, "event_count", [0], span_s=1, condition={op: value})
    marks = [mark(0, time, number) for number, time in enumerate((0, 1, 2, 2, 3.5, 3.75))]
    assert [each[:2] for each in firings(marks, rule)] == expected


def test_a_range_is_two_conditions() -> None:
    """The example of the specification: more than 100, at most 200."""
    rule = correlation_of(RULES, "event_count", [0], condition={"gt": 1, "lte": 2})
    marks = [mark(0, time, time + 1) for time in range(4)]
    assert firings(marks, rule) == [(1, 1, "2")]


def test_events_of_one_instant_are_seen_together() -> None:
    rule = correlation_of(RULES, "event_count", [0], condition={"eq": 1})
    assert firings([mark(0, 1, 1), mark(0, 1, 2)], rule) == []


def test_sums_are_exact() -> None:
    rule = correlation_of(RULES, "value_sum", [0], condition={"eq": "0.3"}, fields=("N",))
    assert firings([mark(0, 0, 1, N="0.1"), mark(0, 1, 2, N="0.2")], rule) == [(1, 1, "0.3")]
    large = correlation_of(RULES, "value_sum", [0], condition={"gt": 2**64}, fields=("N",))
    assert firings([mark(0, 0, 1, N=2**64), mark(0, 1, 2, N=1)], large) == [(1, 1, str(2**64 + 1))]
    negative = correlation_of(RULES, "value_sum", [0], condition={"lt": "-1"}, fields=("N",))
    assert firings([mark(0, 0, 1, N="-0.5"), mark(0, 1, 2, N="-0x1")], negative) == [(1, 1, "-1.5")]


def test_averages_are_exact() -> None:
    rule = correlation_of(RULES, "value_avg", [0], condition={"lt": "0.5"}, fields=("N",))
    marks = [mark(0, 0, 1, N=1), mark(0, 1, 2, N=0), mark(0, 2, 3, N=0), mark(0, 3, 4, N="none")]
    assert firings(marks, rule) == [(2, 2, "1/3")]


@pytest.mark.parametrize(
    ("kind", "percentile", "value"),
    [("value_percentile", 0, "10"), ("value_percentile", 25, "17.5"), ("value_percentile", 90, "37"),
     ("value_percentile", 100, "40"), ("value_median", None, "25")],
)  # fmt: skip
def test_percentiles_lie_between_two_numbers(kind: Kind, percentile: int | None, value: str) -> None:
    rule = correlation_of(RULES, kind, [0], condition={"gte": 0}, fields=("N",), percentile=percentile)
    numbers = [mark(0, 0, number, N=each) for number, each in enumerate((40, 10, 30, 20))]
    assert firings(numbers, rule) == [(0, 0, value)]


def test_without_a_number_there_is_no_median() -> None:
    """rsigma PR 166: the median of nothing was 0.0, and met `lte: 0`."""
    rule = correlation_of(RULES, "value_median", [0], condition={"lte": 0}, fields=("N",))
    assert firings([mark(0, 0, 1, N="none"), mark(0, 1, 2)], rule) == []


def test_a_condition_of_words() -> None:
    words = AllSeen((Seen("r0"), AnySeen((Seen("r1"), Seen("r2"))), NotSeen(Seen("r3"))))
    rule = correlation_of(RULES, "temporal", [0, 1, 2, 3], expression=words)
    assert firings([mark(0, 0, 1), mark(2, 1, 2)], rule) == [(1, 1, "2")]
    assert firings([mark(3, 0, 1), mark(0, 0, 2), mark(2, 1, 3)], rule) == []
    assert firings([mark(3, 0, 1), mark(0, 10.5, 2), mark(2, 11, 3)], rule) == [(11, 11, "2")]


def test_a_condition_of_words_with_order() -> None:
    words = AllSeen((Seen("r0"), AnySeen((Seen("r1"), Seen("r2"))), NotSeen(Seen("r3"))))
    rule = correlation_of(RULES, "temporal_ordered", [0, 1, 2, 3], expression=words)
    assert firings([mark(2, 0, 1), mark(0, 1, 2)], rule) == []
    # The one that came too early takes nothing from the other.
    assert firings([mark(2, 0, 1), mark(0, 1, 2), mark(1, 2, 3)], rule) == [(2, 2, "2")]
    assert firings([mark(0, 1, 2), mark(3, 1, 9), mark(1, 2, 3)], rule) == []


def test_some_of_the_references_in_order() -> None:
    rule = correlation_of(RULES, "temporal_ordered", [0, 1, 2], condition={"gte": 2})
    assert firings([mark(2, 0, 1), mark(1, 1, 2), mark(0, 2, 3)], rule) == []
    assert firings([mark(2, 0, 1), mark(0, 1, 2), mark(1, 2, 3)], rule) == [(2, 2, "2")]


def test_an_episode_goes_on_while_its_windows_share_an_event() -> None:
    rule = correlation_of(RULES, "event_count", [0], condition={"gte": 2})
    marks = [mark(0, time, number) for number, time in enumerate((0, 1, 9, 11, 21, 31.5, 32))]
    (first, second) = episodes(marks, rule)
    assert (first.fired_us, first.first_us, first.last_us) == (1 * SECOND, 0, 21 * SECOND)
    assert (first.count, first.value, first.extreme) == (5, "2", "3")
    assert (second.first_us, second.fired_us, second.count) == (31.5 * SECOND, 32 * SECOND, 2)


def test_evidence_names_every_record() -> None:
    rule = correlation_of(RULES, "temporal", [0, 1])
    marks = [mark(0, 0, 7, "b"), mark(0, 1, 3, "b"), mark(1, 2, 5, "a"), mark(0, 3, 9, "b")]
    marks[0] = replace(marks[0], asset="EMS-01")
    (episode,) = episodes(marks, rule)
    one, two = RULES.rules[0].digest, RULES.rules[1].digest
    assert episode.evidence == (
        Part("a", two, (5,), is_complete=True),
        Part("b", one, (3, 7, 9), is_complete=True),
    )
    assert (episode.first_source, episode.first_record, episode.first_asset) == ("b", 7, "EMS-01")


MANY = correlation_of(RULES, "event_count", [0], group_by=["U"], condition={"gte": 3}, name="many", number=0)
THEN = correlation_of(RULES, "temporal_ordered", [MANY, 1], group_by=["U"], number=1)


def test_many_failures_and_then_a_success() -> None:
    """The example of the specification."""
    failed = [mark(0, time, time, U="root") for time in range(1, 5)]
    success = mark(1, 6, 9, U="root")
    many, then = episodes([*failed, success], MANY, THEN)
    assert (many.correlation, many.fired_us, many.count) == (0, 3 * SECOND, 4)
    assert (then.correlation, then.fired_us, then.count, then.group) == (1, 6 * SECOND, 2, (("U", "root"),))
    # What the first episode rested on when it fired, and the success.
    assert sorted(part.numbers for part in then.evidence) == [(1, 2, 3), (9,)]
    assert (then.first_us, then.first_record) == (1 * SECOND, 1)
    before = [mark(1, 2, 9, U="root"), *failed]
    assert [each.correlation for each in episodes(before, MANY, THEN)] == [0]
    other = [*failed, mark(1, 6, 9, U="guest")]
    assert [each.correlation for each in episodes(other, MANY, THEN)] == [0]


def test_a_chain_has_one_event_for_an_episode_however_long() -> None:
    often = correlation_of(
        RULES, "event_count", [MANY], group_by=["U"], span_s=100, condition={"gte": 2}, number=1
    )
    long = [mark(0, time, time, U="root") for time in range(1, 30)]
    assert [each.correlation for each in episodes(long, MANY, often)] == [0]
    twice = [*long, *[mark(0, time, time, U="root") for time in range(60, 63)]]
    assert [each.correlation for each in episodes(twice, MANY, often)] == [0, 0, 1]


def test_a_chain_groups_by_the_fields_of_the_records() -> None:
    """The note of the specification: the group-by of what is referred to does not matter."""
    by_host = correlation_of(
        RULES, "event_count", [0], group_by=["H"], condition={"gte": 3}, name="by_host", number=0
    )
    then = correlation_of(RULES, "temporal_ordered", [by_host, 1], group_by=["U"], number=1)
    failed = [mark(0, time, time, U=user, H="h") for time, user in ((1, "a"), (2, "b"), (3, "a"))]
    for user, expected in (("a", [0, 1]), ("b", [0, 1]), ("c", [0])):
        marks = [*failed, mark(1, 5, 9, U=user, H="elsewhere")]
        assert [each.correlation for each in episodes(marks, by_host, then)] == expected


def test_a_record_that_an_episode_may_rest_on_does_not_follow_it_at_once() -> None:
    again = correlation_of(RULES, "temporal_ordered", [MANY, 0], group_by=["U"], number=1)
    failed = [mark(0, time, time, U="root") for time in range(1, 4)]
    assert [each.correlation for each in episodes(failed, MANY, again)] == [0]
    assert [each.correlation for each in episodes([*failed, mark(0, 4, 4, U="root")], MANY, again)] == [0, 1]


def test_a_number_of_an_episode_is_the_one_that_all_its_records_have() -> None:
    total = correlation_of(
        RULES, "value_sum", [MANY], group_by=["U"], span_s=100, condition={"gte": 5}, fields=("N",), number=1
    )
    same = [mark(0, time, time, U="root", N=5) for time in range(1, 4)]
    assert [each.correlation for each in episodes(same, MANY, total)] == [0, 1]
    mixed = [mark(0, time, time, U="root", N=4 + time) for time in range(1, 4)]
    assert [each.correlation for each in episodes(mixed, MANY, total)] == [0]


def test_times_at_both_ends_of_what_a_log_can_say() -> None:
    rule = correlation_of(RULES, "event_count", [0], condition={"gte": 2})
    for year in (-62_135_596_800, 253_402_300_799):
        marks = [mark(0, year, 1), mark(0, year, 2)]
        assert [each.fired_us for each in episodes(marks, rule)] == [year * SECOND]


def test_the_comparison_of_a_condition_is_exact() -> None:
    rule = correlation_of(RULES, "value_sum", [0], fields=("N",))
    exact = Correlation(**{name: getattr(rule, name) for name in rule.__struct_fields__} | {"condition": (Compare("gt", "0." + "3" * 30),)})  # fmt: skip
    assert firings([mark(0, 0, 1, N="0.333333333333333333")], exact) == []
    assert firings([mark(0, 0, 1, N="0.333333333333333334")], exact) == [(0, 0, "0.333333333333333334")]
