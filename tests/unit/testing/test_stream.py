from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from hisn.testing.calendar import EVENING, VESNA_2026
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.stream import Attack, Record, Stage, in_order, merged


def test_at_equal_times_the_background_goes_first() -> None:
    ordinary = [Record(1, "a"), Record(2, "b")]
    attack = [Record(2, "x", "attack")]
    assert [record.text for record in merged(iter(ordinary), iter(attack))] == ["a", "b", "x"]


def test_an_attack_marks_its_records() -> None:
    def play(stage: Stage) -> Iterator[Record]:
        yield Record(stage.span.start, "x")

    attack = Attack("name", "title", "source", (), play)
    stage = Stage(VESNA, VESNA_2026, EVENING, Dice(1, "attack"))
    assert [record.attack for record in attack.planted(stage)] == ["name"]


@given(st.lists(st.tuples(st.integers(0, 50), st.lists(st.integers(0, 30), max_size=4)), max_size=30))
def test_overlapping_bursts_come_out_in_time_order_and_whole(bursts: list[tuple[int, list[int]]]) -> None:
    starts = sorted(bursts)
    given_bursts = [
        [Record(start, "first"), *(Record(start + later, "later") for later in laters)]
        for start, laters in starts
    ]
    out = list(in_order(given_bursts))
    assert [record.time for record in out] == sorted(
        record.time for burst in given_bursts for record in burst
    )
