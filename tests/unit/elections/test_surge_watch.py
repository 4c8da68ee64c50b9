"""Batch and live agree: whatever the order, the cuts and the restarts, the surges are the same."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.elections.shaped import minute

from hisn.core import limits
from hisn.core.instant import Instant
from hisn.elections.minutes import MINUTE_US, MinuteNote, pack
from hisn.elections.phases import ElectionCalendar, Phase, Polling
from hisn.elections.surge import QUIET_MINUTES, Surge
from hisn.elections.surge_watch import SurgeWatch

BASE = 29_000_000
CALENDAR = ElectionCalendar(
    "one",
    "UTC",
    (Phase("voting", Instant(BASE * MINUTE_US)), Phase("counting", Instant((BASE + 90) * MINUTE_US))),
    (Polling(Instant(BASE * MINUTE_US), Instant((BASE + 90) * MINUTE_US)),),
)
FLOOD = (("/status", 95), ("(assets)", 5))


def note(at: int, requests: int = 20, source: str = "a.log", asset: str = "", **more: object) -> MinuteNote:
    number = BASE + at
    made = minute(number, requests, record=at + 1, **more)  # type: ignore[arg-type]
    return MinuteNote(source, asset, number, pack(made))


def flood(at: int, requests: int = 900, source: str = "a.log") -> MinuteNote:
    return note(at, requests, source, pages=FLOOD, referred=0, agents=("flood/1",))


def day(source: str = "a.log", seed: int = 0) -> list[MinuteNote]:
    dice = Random(seed)
    notes = [note(at, dice.randint(15, 25), source) for at in range(60)]
    notes += [flood(at, dice.randint(500, 900), source) for at in range(60, 70)]
    notes += [note(at, dice.randint(15, 400), source) for at in range(70, 100)]
    notes += [note(at, dice.randint(15, 25), source) for at in range(70 + QUIET_MINUTES + 40, 240)]
    return notes


def batch(notes: Sequence[MinuteNote]) -> tuple[Surge, ...]:
    watch = SurgeWatch(CALENDAR)
    watch.add(notes)
    watch.finish()
    return watch.take()


def last_of_each(taken: Sequence[Surge]) -> list[Surge]:
    latest = {(surge.source, surge.asset, surge.first): surge for surge in taken}
    return sorted(latest.values(), key=lambda surge: (surge.first, surge.source))


def test_a_flood_is_found_two_minutes_after_it_began() -> None:
    (surge, *_) = batch(day())
    assert surge.first // MINUTE_US == BASE + 60
    assert surge.fired == (BASE + 62) * MINUTE_US
    assert (surge.level, surge.phase, surge.closed) == ("high", "voting", True)
    assert [mark.name for mark in surge.marks][:2] == ["bare", "agents"]


@settings(max_examples=30)
@given(st.integers(0, 5), st.randoms(use_true_random=False), st.integers(1, 40), st.integers(0, 3))
def test_live_with_restarts_gives_what_one_batch_gives(
    seed: int, random: Random, every: int, lateness: int
) -> None:
    notes = day(seed=seed) + day("b.log", seed + 100)
    whole = batch(notes)
    # Arrival within the lateness: each note comes up to so many minutes after its time.
    arrivals = sorted(notes, key=lambda each: each.minute + random.uniform(0, lateness))
    watch = SurgeWatch(CALENDAR)
    taken: list[Surge] = []
    for at in range(0, len(arrivals), every):
        part = arrivals[at : at + every]
        watch.add(part)
        newest = max(each.minute for each in arrivals[: at + every])
        watch.advance((newest - lateness) * MINUTE_US)
        taken += watch.take()
        saved = watch.dump()
        watch = SurgeWatch(CALENDAR)
        watch.load(saved)
        assert watch.dump() == saved
    watch.finish()
    taken += watch.take()
    assert last_of_each(taken) == list(whole)
    assert [each.late for each in watch.followed()] == [0, 0]


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_any_cut_of_minutes_gives_the_same_state(random: Random, narrow: bool) -> None:
    notes = day() + [note(at, 7, asset="x") for at in range(0, 60, 3)] + day()[40:80]
    with pytest.MonkeyPatch.context() as patch:
        if narrow:
            patch.setattr(limits, "MAX_MINUTE_CELLS", 300)
        patch.setattr(limits, "MAX_SITES", 1)
        first = SurgeWatch(CALENDAR)
        first.add(notes)
        other = SurgeWatch(CALENDAR)
        random.shuffle(notes)
        for each in notes:
            other.add([each])
        assert other.dump() == first.dump()
        assert other.followed() == first.followed()


def test_a_surge_grows_and_is_told_again_when_it_ends() -> None:
    watch = SurgeWatch(CALENDAR)
    watch.add(day())
    watch.advance((BASE + 61) * MINUTE_US)
    assert watch.take() == ()
    watch.advance((BASE + 62) * MINUTE_US)
    (young,) = watch.take()
    assert watch.take() == ()
    watch.advance((BASE + 65) * MINUTE_US)
    (grown,) = watch.take()
    assert (young.closed, grown.closed) == (False, False)
    assert young.requests < grown.requests
    assert (young.first, young.first_record, young.source) == (grown.first, grown.first_record, grown.source)
    watch.advance((BASE + 1_000) * MINUTE_US)
    assert watch.take()[0].closed


def test_a_silent_site_ends_its_surge_when_time_passes() -> None:
    watch = SurgeWatch(CALENDAR)
    watch.add(day()[:65])
    watch.advance((BASE + 65) * MINUTE_US)
    watch.take()
    watch.advance((BASE + 66 + QUIET_MINUTES) * MINUTE_US)
    assert [surge.closed for surge in watch.take()] == [True]


def test_late_requests_are_counted_and_not_judged() -> None:
    watch = SurgeWatch(CALENDAR)
    watch.add([note(at) for at in range(5)])
    watch.advance((BASE + 5) * MINUTE_US)
    watch.add([note(2, 33), note(5, 7)])
    watch.advance((BASE + 3) * MINUTE_US)
    watch.finish()
    (row,) = watch.followed()
    assert (row.source, row.requests, row.late) == ("a.log", 5 * 20 + 7, 33)


def test_a_flood_of_host_names_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SITES", 2)
    watch = SurgeWatch(CALENDAR)
    watch.add([note(at % 7, 10, asset=f"host{at}") for at in range(50)])
    watch.finish()
    (row,) = watch.followed()
    assert (row.requests, row.unfollowed) == (20, 480)


def test_an_asset_that_is_given_up_takes_its_baseline_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SITES", 1)
    watch = SurgeWatch(CALENDAR)
    watch.add([note(0, asset="host1")])
    watch.advance((BASE + 1) * MINUTE_US)
    watch.add([note(2, asset=f"host{n}") for n in range(2, 20)])
    watch.finish()
    assert watch.followed()[0].requests + watch.followed()[0].unfollowed == 19 * 20


def test_a_source_whose_name_is_no_text_is_saved_too() -> None:
    watch = SurgeWatch(CALENDAR)
    name = "access\udcff.log"
    watch.add(day(name))
    watch.advance((BASE + 66) * MINUTE_US)
    again = SurgeWatch(CALENDAR)
    again.load(watch.dump())
    again.finish()
    assert again.take()[0].source == name


def test_a_state_of_another_calendar_or_format_is_refused() -> None:
    other = SurgeWatch(ElectionCalendar("two", "UTC", CALENDAR.phases))
    with pytest.raises(ValueError, match="calendar"):
        other.load(SurgeWatch(CALENDAR).dump())
    for data in (b"", b"\xc1", b"\x90", b"\x01"):
        with pytest.raises((ValueError, msgspec.MsgspecError)):
            other.load(data)


@pytest.mark.parametrize(("at", "near"), [(70, True), (85, True), (55, False)])
def test_the_closing_of_the_polls_is_named_where_it_is_near(at: int, near: bool) -> None:
    notes = [note(each) for each in range(at)] + [flood(at), flood(at + 1)]
    (surge,) = batch(notes)
    assert surge.closing == (CALENDAR.polling[0].closes if near else None)


def test_the_busiest_minute_is_the_peak() -> None:
    notes = [note(at) for at in range(60)] + [flood(60, 500), flood(61, 800), flood(62, 700)]
    (surge,) = batch(notes)
    assert (surge.peak, surge.usual, surge.requests, surge.minutes) == (800, 20, 2_000, 3)
    assert surge.records == (61, 62, 63)


def test_parts_of_one_minute_are_one_minute() -> None:
    halves = [flood(at, 450) for at in (60, 61) for _ in range(2)]
    (surge,) = batch([note(at) for at in range(60)] + halves)
    assert (surge.peak, surge.minutes) == (900, 2)


def test_the_endpoint_that_leaves_its_band_is_named() -> None:
    pages = (("/", 50), ("/status", 2), ("(assets)", 48))
    notes = [note(at, 1_000, pages=pages) for at in range(60)]
    more = (("/", 30), ("/status", 45), ("(assets)", 25))
    notes += [note(at, 1_800, pages=more, addresses=900, referred=10) for at in (60, 61)]
    (surge,) = batch(notes)
    assert surge.endpoint == "/status"


def test_an_empty_run_has_no_surge() -> None:
    assert batch([]) == ()
