from __future__ import annotations

import pytest

from hisn.core.instant import format_instant
from hisn.testing.calendar import (
    EVENING,
    MINUTE_US,
    VESNA_2026,
    Span,
    arrivals,
    local,
    office_minutes,
    public_minutes,
)
from hisn.testing.dice import Dice


def test_local_time_is_one_hour_ahead_of_utc() -> None:
    assert format_instant(local("2026-11-03 20:00")) == "2026-11-03T19:00:00.000000Z"


@pytest.mark.parametrize(
    ("when", "phase"),
    [
        ("2026-06-01 12:00", "pre"),
        ("2026-10-19 12:00", "registration_close"),
        ("2026-10-30 12:00", "early_voting"),
        ("2026-11-03 19:59", "voting"),
        ("2026-11-03 20:00", "counting"),
        ("2026-11-03 23:00", "reporting"),
        ("2026-11-05 12:00", "canvass"),
        ("2026-12-01 12:00", "certified"),
    ],
)
def test_every_moment_has_its_phase(when: str, phase: str) -> None:
    assert VESNA_2026.phase_at(local(when)) == phase


def test_an_unknown_phase_is_no_phase() -> None:
    with pytest.raises(KeyError):
        VESNA_2026.start_of("recess")


def test_the_public_comes_about_twentyfold_after_the_polls_close() -> None:
    calm = VESNA_2026.public_interest(local("2026-11-03 15:00"))
    surge = VESNA_2026.public_interest(local("2026-11-03 20:40"))
    assert 10 <= surge / calm <= 25


def test_arrivals_are_exact_in_number_ascending_and_inside_the_span() -> None:
    times = list(arrivals(public_minutes(VESNA_2026, EVENING), EVENING, 5_000, Dice(1, "x")))
    assert len(times) == 5_000
    assert times == sorted(times)
    assert times[0] >= EVENING.start
    assert times[-1] < EVENING.end


def test_a_span_of_one_minute_takes_all_arrivals() -> None:
    start = local("2026-11-03 12:00")
    span = Span(start, local("2026-11-03 12:01"))
    times = list(arrivals(office_minutes(VESNA_2026, span), span, 10, Dice(1, "x")))
    assert all(start <= time < start + MINUTE_US for time in times)
