"""Of another's log no more is taken over in an hour than the charter allows, and nothing is dropped."""

from __future__ import annotations

import pytest

from hisn.app.admission import HOUR_US, Admission, admit
from hisn.core.instant import Instant
from hisn.errors import StorageError
from hisn.node.known import origin_hash
from hisn.node.quota import Overrun
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict

NORTH, SOUTH = "north.example", "south.example"
NINE = 9 * HOUR_US
ROW = f"admitted/{origin_hash(NORTH)}"


class Scene:
    """Count the acts of NORTH by a quota of ten an hour, from an hour of the day."""

    def __init__(self) -> None:
        self.register = MemoryRegister()

    def at(self, hour: float, size: int, origin: str = NORTH) -> Admission:
        return admit(self.register, origin, size, 10, Instant(int(hour * HOUR_US)))


def test_what_a_log_holds_when_it_is_first_seen_is_taken_over_at_once() -> None:
    assert Scene().at(9, 500) == Admission(500)


def test_a_flood_waits_for_the_next_hours_and_nothing_of_it_is_dropped() -> None:
    scene = Scene()
    scene.at(9, 100)
    assert scene.at(9.1, 105) == Admission(105)
    assert scene.at(9.2, 135) == Admission(110, Overrun(NORTH, Instant(NINE), 25))
    assert scene.at(9.9, 135).limit == 110
    later = [scene.at(hour, 135) for hour in (10, 11, 12, 13)]
    assert later == [Admission(120), Admission(130), Admission(135), Admission(135)]


def test_a_flood_delays_nobody_elses_acts() -> None:
    scene = Scene()
    for origin in (NORTH, SOUTH):
        scene.at(9, 0, origin)
    scene.at(9.1, 1_000)
    assert scene.at(9.2, 10, SOUTH) == Admission(10)


def test_times_that_acts_claim_play_no_part_so_hours_of_silence_are_not_saved_up() -> None:
    scene = Scene()
    scene.at(1, 0)
    assert scene.at(9, 50) == Admission(10, Overrun(NORTH, Instant(NINE), 40))


def test_an_hour_is_counted_on_after_a_restart() -> None:
    scene = Scene()
    scene.at(9, 0)
    scene.at(9.1, 8)
    again = Scene()
    again.register = scene.register
    assert again.at(9.2, 15) == Admission(10, Overrun(NORTH, Instant(NINE), 5))


def test_a_clock_that_goes_back_a_little_opens_no_hour_twice() -> None:
    scene = Scene()
    scene.at(9, 0)
    scene.at(9.9, 10)
    scene.at(10, 15)
    assert scene.at(9.99, 30).limit == 20
    assert scene.at(10.1, 30).limit == 20


def test_a_clock_that_was_far_ahead_keeps_no_log_waiting() -> None:
    scene = Scene()
    scene.at(9, 0)
    scene.at(90_000, 10)
    assert scene.at(9.5, 20) == Admission(20)


def test_a_smaller_state_takes_nothing_back() -> None:
    scene = Scene()
    scene.at(9, 100)
    assert scene.at(9.1, 40) == Admission(100)


def test_another_process_that_counts_at_once_is_counted_with() -> None:
    class Rival(MemoryRegister):
        times = 0

        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            if self.times:
                self.times -= 1
                super().swap(name, old, b"[9,0,0,20,10]")
                raise Conflict(name)
            super().swap(name, old, new)

    scene = Scene()
    scene.register = Rival()
    scene.at(9, 0)
    scene.register.times = 1
    assert scene.at(9.2, 12) == Admission(10, Overrun(NORTH, Instant(NINE), 10))


@pytest.mark.parametrize("row", [b"[1,2]", b"{", b'[1,2,3,4,"5"]'])
def test_a_damaged_count_lets_nothing_in(row: bytes) -> None:
    scene = Scene()
    scene.register.values[ROW] = row
    with pytest.raises(StorageError) as caught:
        scene.at(9, 5)
    assert caught.value.code == "E5400"
