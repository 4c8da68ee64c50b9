from __future__ import annotations

from hisn.app.watch.watermark import MIN_US, Watermark
from hisn.core.packed import pack, unpack


def test_the_watermark_is_the_least_of_all_sources_less_the_lateness() -> None:
    mark = Watermark(10, 1_000)
    assert mark.advance(0) == MIN_US
    mark.see("a", 100, 200)
    mark.see("b", 150, 200)
    assert mark.advance(200) == 90
    assert (mark.of("a"), mark.of("b"), mark.of("c")) == (90, 140, MIN_US)


def test_a_silent_source_stops_holding_it_back() -> None:
    mark = Watermark(0, 1_000)
    mark.see("slow", 100, 200)
    mark.see("fast", 150, 200)
    mark.see("fast", 900, 1_199)
    assert mark.advance(1_199) == 100
    assert mark.silent(1_199) == ()
    assert mark.advance(1_200) == 900
    assert mark.silent(1_200) == ("slow",)


def test_what_came_last_is_judged_when_nothing_more_came_for_as_long_as_it_may_be_late() -> None:
    # A server that an attack has silenced must not keep the attack to itself.
    mark = Watermark(10, 1_000)
    mark.see("a", 100, 200)
    assert mark.advance(209) == 90
    assert mark.advance(210) == 100


def test_it_never_goes_back() -> None:
    mark = Watermark(0, 1_000)
    mark.see("a", 500, 500)
    mark.advance(500)
    mark.see("new, with old records", 10, 510)
    assert mark.advance(510) == 500


def test_an_event_of_the_future_moves_it_no_further_than_the_clock() -> None:
    # One forged time would make everything that is still to come late.
    mark = Watermark(0, 1_000)
    mark.see("a", 1 << 60, 700)
    assert mark.advance(700) == 700


def test_sources_without_times_hold_nothing_back() -> None:
    mark = Watermark(0, 1_000)
    mark.see("untimed", None, 100)
    assert mark.advance(100) == MIN_US
    mark.see("a", 90, 100)
    assert mark.advance(100) == 90


def test_when_all_are_silent_it_stands_at_the_last_of_them() -> None:
    mark = Watermark(5, 100)
    mark.see("a", 10, 10)
    mark.see("b", 20, 20)
    assert mark.advance(10_000) == 20


def test_it_comes_back_as_it_was() -> None:
    mark, other = Watermark(5, 100), Watermark(5, 100)
    mark.see("a\udc80", 10, 10)
    mark.advance(10)
    other.load(unpack(pack(mark.dump())))
    assert pack(other.dump()) == pack(mark.dump())
    assert other.advance(11) == mark.advance(11)
