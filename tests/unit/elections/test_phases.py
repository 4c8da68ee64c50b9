from __future__ import annotations

import pytest
from tests.unit.elections.calendars import vesna

from hisn.core.instant import Instant
from hisn.elections.phases import OUTSIDE, PHASES, ElectionCalendar, Phase, Polling
from hisn.testing.calendar import VESNA_2026, local


def test_a_phase_lasts_until_the_next_one_begins() -> None:
    calendar = vesna()
    closing = calendar.begins("counting")
    assert closing == local("2026-11-03 20:00")
    assert calendar.phase_at(closing - 1) == "voting"
    assert calendar.phase_at(closing) == "counting"


def test_the_last_phase_never_ends_and_before_the_first_there_is_none() -> None:
    calendar = vesna()
    assert calendar.phase_at(local("2031-01-01 00:00")) == "certified"
    assert calendar.phase_at(calendar.phases[0].begins - 1) == OUTSIDE


def test_it_is_the_generators_calendar_but_for_summer_time() -> None:
    calendar = vesna()
    for phase in VESNA_2026.phases:
        hour = 3_600_000_000 if phase.start < local("2026-10-25 00:00") else 0
        assert calendar.begins(phase.name) == phase.start - hour


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-03 06:59", False),
        ("2026-11-03 07:00", True),
        ("2026-11-03 19:59", True),
        ("2026-11-03 20:00", False),
    ],
)
def test_polls_are_open_from_the_first_minute_to_the_last(moment: str, is_open: bool) -> None:
    assert vesna().polls_are_open(local(moment)) is is_open


def test_the_digest_covers_every_time_and_name() -> None:
    base = ElectionCalendar("one", "UTC", (Phase("voting", Instant(0)),), (Polling(Instant(1), Instant(2)),))
    others = [
        ElectionCalendar("two", base.zone, base.phases, base.polling),
        ElectionCalendar(base.election, "Europe/Zagreb", base.phases, base.polling),
        ElectionCalendar(base.election, base.zone, (Phase("voting", Instant(1)),), base.polling),
        ElectionCalendar(base.election, base.zone, (Phase("counting", Instant(0)),), base.polling),
        ElectionCalendar(base.election, base.zone, base.phases, ()),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 6


def test_an_election_without_a_phase_has_no_beginning_of_it() -> None:
    calendar = ElectionCalendar("one", "UTC", (Phase("voting", Instant(0)),))
    assert [calendar.begins(name) for name in PHASES if name != "voting"] == [None] * 7
