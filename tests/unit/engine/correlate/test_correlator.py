from __future__ import annotations

import numpy as np
import pytest
from tests.unit.engine.correlate.plain import (
    ALL,
    PLENTY,
    SECOND,
    blocks_of,
    correlation_of,
    correlator_of,
    fired,
    found,
    latest,
    mark,
    rules_of,
    with_correlations,
)

from hisn.core import limits
from hisn.engine.correlate.correlator import AFTER_ALL, Correlator
from hisn.engine.correlate.episode import Part, Shortfall, Tally, Unplaced
from hisn.engine.correlate.plan import compile_correlations
from hisn.engine.correlate.reference import correlate
from hisn.engine.correlate.stream import Bounds, bounds_for
from hisn.engine.marks import MarkBlock
from hisn.events.batch import NO_TIME

RULES = rules_of(3)
THREE = correlation_of(RULES, "event_count", [0], group_by=["U"], condition={"gte": 3})


def flood_of(
    count: int, step_us: int, users: list[str], start: int = 0, start_us: int = 0
) -> list[MarkBlock]:
    """Return marks of one rule in blocks of ten thousand; users take turns."""
    blocks = []
    for low in range(start, start + count, 10_000):
        numbers = np.arange(low, min(low + 10_000, start + count))
        names = [users[number % len(users)] for number in numbers.tolist()]
        blocks.append(
            MarkBlock(0, "s", "", numbers + 1, start_us + (numbers - start) * step_us, {"U": names})
        )
    return blocks


def test_an_episode_is_taken_when_it_changed_and_not_again() -> None:
    correlator = correlator_of(with_correlations(RULES, THREE))
    assert correlator.take() == ()
    correlator.add(blocks_of([mark(0, time, time, U="a") for time in (1, 2, 3)]))
    assert correlator.take() == ()
    correlator.advance(3 * SECOND)
    (first,) = correlator.take()
    assert (first.count, first.is_closed) == (3, False)
    correlator.advance(12 * SECOND)
    assert correlator.take() == ()
    correlator.add(blocks_of([mark(0, 13, 4, U="b"), mark(0, 13, 5, U="a"), mark(0, 12.5, 6, U="a")]))
    correlator.advance(13 * SECOND - 1)
    assert correlator.take() == ()
    correlator.advance(13 * SECOND)
    (grown,) = correlator.take()
    assert (grown.count, grown.last_us, grown.is_closed) == (5, 13 * SECOND, False)
    correlator.advance(23 * SECOND - 1)
    assert correlator.take() == ()
    correlator.advance(23 * SECOND)
    (closed,) = correlator.take()
    assert (closed.count, closed.is_closed) == (5, True)
    assert closed.evidence[0].numbers == (1, 2, 3, 5, 6)
    correlator.finish()
    assert correlator.take() == ()


def test_late_and_untimed_marks_are_counted_and_named() -> None:
    correlator = correlator_of(with_correlations(RULES, THREE))
    correlator.add(blocks_of([mark(0, 5, 1, U="a"), mark(0, 6, 2, U="a"), mark(1, 6, 3)]))
    correlator.advance(6 * SECOND)
    late = [mark(0, 6, 4, U="a"), mark(0, 7, 5, "t", U="b"), mark(0, 2, 6, "t", U="a"), mark(1, 2, 7)]
    blocks = blocks_of(late)
    untimed = MarkBlock(0, "t", "", np.array([8, 9]), np.array([NO_TIME, NO_TIME]), {"U": ["a", "a"]})
    correlator.add([*blocks, untimed])
    correlator.finish()
    assert correlator.take() == ()
    assert correlator.tally().unplaced == (Unplaced(0, "s", 0, 1), Unplaced(0, "t", 2, 1))


def test_sources_without_end_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UNPLACED_SOURCES", 2)
    correlator = correlator_of(with_correlations(RULES, THREE))
    for name in ("a", "b", "c", "d", "a"):
        correlator.add([MarkBlock(0, name, "", np.array([1]), np.array([NO_TIME]), {"U": ["a"]})])
    unplaced = correlator.tally().unplaced
    assert unplaced == (Unplaced(0, "", 2, 0), Unplaced(0, "a", 2, 0), Unplaced(0, "b", 1, 0))


def test_what_takes_part_in_nothing_is_counted() -> None:
    count = correlation_of(
        RULES, "value_sum", [0], group_by=["U"], condition={"gte": 3}, fields=("N",), number=1
    )
    correlator = correlator_of(with_correlations(RULES, THREE, count))
    marks = [mark(0, 1, 1), mark(0, 1, 2, U="a"), mark(0, 1, 3, U="a", N="x"), mark(0, 1, 4, U="a", N=1)]
    correlator.add(blocks_of(marks))
    correlator.finish()
    assert correlator.tally().shortfalls == (
        Shortfall(0, 1, 0, 0, 0, None),
        Shortfall(1, 1, 2, 0, 0, None),
    )


def test_time_never_goes_back() -> None:
    correlator = correlator_of(with_correlations(RULES, THREE))
    correlator.advance(10 * SECOND)
    correlator.advance(5 * SECOND)
    assert correlator.watermark == 10 * SECOND
    correlator.finish()
    assert correlator.watermark == AFTER_ALL


def test_a_record_from_the_year_9999_waits_and_holds_nothing_up() -> None:
    correlator = correlator_of(with_correlations(RULES, THREE))
    correlator.add(blocks_of([mark(0, 253_402_300_799, 9, U="a")]))
    correlator.add(blocks_of([mark(0, time, time, U="a") for time in (1, 2, 3)]))
    correlator.advance(20 * SECOND)
    (episode,) = correlator.take()
    assert (episode.count, episode.is_closed) == (3, True)
    assert correlator.waiting() == 1


def test_a_million_invented_groups_are_held_within_the_lookback() -> None:
    """Of what an attacker invents, the newest is held; whoever goes on within the lookback is found."""
    bounds = Bounds(lookback=50_000, waiting=ALL)
    correlator = correlator_of(with_correlations(RULES, THREE), bounds)
    invented = [f"user {number}" for number in range(1_000_000)]
    for block in flood_of(1_000_000, 5, invented):
        correlator.add([block])
        correlator.add(
            blocks_of([mark(0, int(block.times[-1]) / SECOND, int(block.numbers[-1]), "t", U="real")])
        )
        correlator.advance(int(block.times[-1]))
    # Fifty thousand rows of some tens of bytes each, and the texts of their groups.
    assert sum(len(stream.log) for stream in correlator.streams) <= 50_000
    assert len(correlator.intake.texts) < 400_000
    (shortfall,) = correlator.tally().shortfalls
    assert shortfall.let_go > 900_000
    (episode,) = latest(correlator.take())
    assert (episode.group, episode.count) == ((("U", "real"),), 100)


def test_a_million_marks_of_one_key_are_counted_and_named_to_a_cap() -> None:
    bounds = Bounds(lookback=100_000, waiting=ALL, named=1_000)
    correlator = correlator_of(with_correlations(RULES, THREE), bounds)
    for block in flood_of(1_000_000, 5, ["a"]):
        correlator.add([block])
        correlator.advance(int(block.times[-1]))
    correlator.finish()
    (episode,) = correlator.take()
    assert (episode.count, episode.extreme) == (1_000_000, "100000")
    (part,) = episode.evidence
    assert (part.numbers, part.is_complete) == (tuple(range(1, 1_001)), False)


def test_an_instant_with_more_than_the_lookback_is_judged_whole() -> None:
    pack = with_correlations(RULES, correlation_of(RULES, "event_count", [0], condition={"gte": 5}))
    crowd = [mark(0, 5, number) for number in range(5)]
    bounds = Bounds(lookback=2, waiting=ALL)
    assert fired(found(pack, crowd, bounds)) == [(0, (), 5, 5, "5")]
    assert list(found(pack, [*crowd, mark(0, 6, 9)], bounds)) == correlate(pack, [*crowd, mark(0, 6, 9)], 2)


def test_beyond_the_cap_the_first_marks_wait_whatever_the_order() -> None:
    pack = with_correlations(RULES, correlation_of(RULES, "event_count", [0], condition={"gte": 1}))
    marks = [mark(0, 100 - number, number, "st"[number % 2]) for number in range(100)]
    bounds = Bounds(lookback=ALL, waiting=20)
    results = []
    for step in (1, 7, 100):
        correlator = correlator_of(pack, bounds)
        for low in range(0, 100, step):
            correlator.add(blocks_of(marks[low : low + step][::-1]))
            assert correlator.waiting() <= 25 + step
        correlator.finish()
        (shortfall,) = correlator.tally().shortfalls
        assert (shortfall.dropped, shortfall.dropped_from_us) == (80, 21 * SECOND)
        results.append(correlator.take())
    assert results[0] == results[1] == results[2]
    assert sum(episode.count for episode in results[0]) == 20


def test_the_longest_episodes_name_fewer_records_when_there_are_too_many() -> None:
    bounds = Bounds(lookback=ALL, waiting=ALL, named=1_000, held=400)
    correlator = correlator_of(with_correlations(RULES, THREE), bounds)
    long = [mark(0, number / 100, number, U="long") for number in range(300)]
    short = [mark(0, number, number + 1_000, U="short") for number in range(4)]
    more = [mark(0, 3 + number / 100, 2_000 + number, U="third") for number in range(150)]
    correlator.add(blocks_of([*long, *short, *more]))
    correlator.finish()
    assert correlator.take()[0].evidence[0].is_complete
    correlator = correlator_of(with_correlations(RULES, THREE), bounds)
    correlator.add(blocks_of([*long, *short, *more]))
    correlator.advance(5 * SECOND)
    named = {episode.group[0][1]: episode.evidence[0] for episode in correlator.take()}
    assert (len(named["long"].numbers), named["long"].is_complete) == (62, False)
    assert named["long"].numbers == tuple(range(62))
    assert (len(named["short"].numbers), named["short"].is_complete) == (4, True)
    correlator.add(blocks_of([mark(0, 6, 5_000, U="long")]))
    correlator.finish()
    last = {episode.group[0][1]: episode for episode in correlator.take()}
    assert (last["long"].count, len(last["long"].evidence[0].numbers)) == (301, 62)


def test_shared_records_of_a_chain_are_named_once() -> None:
    many = correlation_of(
        RULES, "event_count", [0], group_by=["U"], condition={"gte": 2}, name="many", number=0
    )
    values = correlation_of(
        RULES,
        "value_count",
        [0],
        group_by=["U"],
        condition={"gte": 2},
        fields=("H",),
        name="values",
        number=1,
    )
    both = correlation_of(RULES, "temporal", [many, values], group_by=["U"], number=2)
    pack = with_correlations(RULES, many, values, both)
    marks = [mark(0, 1, 1, U="a", H="x"), mark(0, 2, 2, U="a", H="y")]
    episodes = found(pack, marks)
    assert list(episodes) == correlate(pack, marks)
    assert episodes[2].evidence == (Part("s", RULES.rules[0].digest, (1, 2), is_complete=True),)
    assert episodes[2].count == 2


def test_a_chain_says_which_evidence_is_not_complete() -> None:
    many = correlation_of(RULES, "event_count", [0], condition={"gte": 5}, name="many", number=0)
    then = correlation_of(RULES, "temporal", [many, 1], number=1)
    marks = [*[mark(0, 1, number) for number in range(5)], mark(1, 2, 9)]
    bounds = Bounds(lookback=ALL, waiting=ALL, named=3)
    _, episode = found(with_correlations(RULES, many, then), marks, bounds)
    parts = {part.rule_digest: part for part in episode.evidence}
    assert parts[RULES.rules[0].digest].numbers == (0, 1, 2)
    assert not parts[RULES.rules[0].digest].is_complete


def test_old_groups_are_forgotten() -> None:
    correlator = correlator_of(with_correlations(RULES, THREE), bounds_for(1))
    users = [f"user {number}" for number in range(900_000)]
    for block in flood_of(900_000, 1_000, users):
        correlator.add([block])
        correlator.advance(int(block.times[-1]))
    # Ten seconds are ten thousand marks.
    assert len(correlator.intake.texts) < 300_000
    stream = correlator.streams[0]
    assert len(stream.log) <= 10_001
    assert correlator.take() == ()


def test_the_caps_are_shared_out() -> None:
    assert bounds_for(0) == bounds_for(1)
    assert bounds_for(1).lookback == limits.MAX_LOOKBACK
    assert bounds_for(10).lookback == limits.CORRELATION_LOOKBACK // 10
    assert bounds_for(10_000).lookback == limits.MIN_LOOKBACK
    assert bounds_for(10_000).waiting == limits.MIN_WAITING


def test_without_correlations_nothing_is_looked_at() -> None:
    correlator = Correlator(compile_correlations(RULES), PLENTY)
    correlator.add(blocks_of([mark(0, 1, 1, U="a")]))
    correlator.finish()
    assert (correlator.take(), correlator.tally()) == ((), Tally((), ()))


def test_ten_thousand_values_in_a_window_are_counted_exactly() -> None:
    values = correlation_of(RULES, "value_count", [0], condition={"gte": 10_000}, fields=("U",))
    users = [f"user {number}" for number in range(9_999)]
    pack = with_correlations(RULES, values)
    for extra, expected in ((0, []), (1, [(0, (), 9.998, 10.0, "10000")])):
        correlator = correlator_of(pack, bounds_for(1))
        blocks = flood_of(9_999, 1_000, users)
        blocks += flood_of(1_000, 1_000, users, start=20_000, start_us=9_999_000)
        others = [mark(0, 5 + number, 90_000 + number, U="one more") for number in range(extra)]
        correlator.add([*blocks[::-1], *blocks_of(others)])
        for second in range(1, 12):
            correlator.advance(second * SECOND)
        correlator.finish()
        assert fired(correlator.take()) == expected
