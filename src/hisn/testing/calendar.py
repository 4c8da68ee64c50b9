"""Hold the election calendar of the invented county: phases, and how busy each minute is.

Weights are integers, so that the number of events in each minute is exact on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from hisn.core.instant import Instant, instant_of
from hisn.testing.dice import Dice

ZONE_S = 3_600
"""Offset from UTC, in seconds, of all local times: +01:00 all through the calendar."""
ZONE = timezone(timedelta(seconds=ZONE_S))

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US

_HOURS = (2, 1, 1, 1, 1, 3, 8, 14, 18, 20, 20, 19, 18, 17, 17, 18, 20, 22, 24, 24, 22, 16, 9, 4)
_PHASE_WEIGHT = {
    "pre": 10,
    "registration_close": 30,
    "early_voting": 15,
    "voting": 25,
    "counting": 240,
    "reporting": 150,
    "canvass": 12,
    "certified": 10,
}
# After the polls have closed everybody looks for results; minutes since then, weight in percent.
_SURGE = ((30, 100), (60, 160), (120, 130), (180, 70), (240, 35), (420, 12), (1440, 6))


def local(text: str) -> Instant:
    """Return the instant of a local time of the county, ``YYYY-MM-DD HH:MM``."""
    return instant_of(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE))


@dataclass(frozen=True, slots=True)
class Phase:
    """Name a stretch of the calendar; it ends where the next one begins."""

    name: str
    start: Instant


@dataclass(frozen=True, slots=True)
class Calendar:
    """Hold the phases of one election, in order."""

    phases: tuple[Phase, ...]

    def phase_at(self, instant: int) -> str:
        """Return the name of the phase; before the first one it is the first."""
        name = self.phases[0].name
        for phase in self.phases:
            if phase.start > instant:
                break
            name = phase.name
        return name

    def start_of(self, name: str) -> Instant:
        """Return when a phase begins. Raises KeyError for a name that is not there."""
        for phase in self.phases:
            if phase.name == name:
                return phase.start
        raise KeyError(name)

    def public_interest(self, instant: int) -> int:
        """Return how much the public asks of the web site in the minute at `instant`."""
        phase = self.phase_at(instant)
        hour = (instant + ZONE_S * 1_000_000) // HOUR_US % 24
        if phase not in ("counting", "reporting"):
            return _PHASE_WEIGHT[phase] * _HOURS[hour]
        minutes = (instant - self.start_of("counting")) // MINUTE_US
        share = next((weight for until, weight in _SURGE if minutes < until), 4)
        return _PHASE_WEIGHT[phase] * share // 3

    def office_work(self, instant: int) -> int:
        """Return how much the election office's own machines do in the minute at `instant`."""
        busy = 3 if self.phase_at(instant) in ("voting", "counting", "reporting") else 1
        hour = (instant + ZONE_S * 1_000_000) // HOUR_US % 24
        return busy * (4 + _HOURS[hour])


VESNA_2026 = Calendar(
    (
        Phase("pre", local("2026-09-01 00:00")),
        Phase("registration_close", local("2026-10-19 00:00")),
        Phase("early_voting", local("2026-10-20 00:00")),
        Phase("voting", local("2026-11-03 07:00")),
        Phase("counting", local("2026-11-03 20:00")),
        Phase("reporting", local("2026-11-03 20:30")),
        Phase("canvass", local("2026-11-04 06:00")),
        Phase("certified", local("2026-11-20 12:00")),
    )
)


@dataclass(frozen=True, slots=True)
class Span:
    """Hold the stretch of time that is generated: whole minutes, end excluded."""

    start: Instant
    end: Instant


EVENING = Span(local("2026-11-03 15:00"), local("2026-11-04 01:00"))


def arrivals(minutes: Iterator[int], span: Span, count: int, dice: Dice) -> Iterator[int]:
    """Yield `count` ascending times in the span, spread by the weights of its minutes.

    Each minute is cut into as many slots as it has events, with one event somewhere in each
    slot: nothing is sorted and nothing is kept, whatever the count.
    """
    weights = tuple(minutes)
    total = sum(weights)
    passed = 0
    placed = 0
    random = dice.random
    for index, weight in enumerate(weights):
        passed += weight
        here = count * passed // total - placed
        placed += here
        start = span.start + index * MINUTE_US
        for slot in range(here):
            yield start + int((slot + random()) * MINUTE_US / here)


def public_minutes(calendar: Calendar, span: Span) -> Iterator[int]:
    """Yield the public's interest for every minute of the span."""
    return (calendar.public_interest(minute) for minute in range(span.start, span.end, MINUTE_US))


def office_minutes(calendar: Calendar, span: Span) -> Iterator[int]:
    """Yield the office's work for every minute of the span."""
    return (calendar.office_work(minute) for minute in range(span.start, span.end, MINUTE_US))
