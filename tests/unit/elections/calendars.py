"""Hold the calendar that the tests of this room use: Vesna's, as the generator has it."""

from __future__ import annotations

from hisn.elections.calendar import parse_calendar
from hisn.elections.phases import ElectionCalendar

VESNA = """\
format = "hisn-calendar/1"
election = "Council of the county of Vesna, 3 November 2026"
zone = "Europe/Zagreb"

[[phase]]
name = "pre"
begins = 2026-09-01T00:00:00+02:00

[[phase]]
name = "registration_close"
begins = 2026-10-19T00:00:00+02:00

[[phase]]
name = "early_voting"
begins = 2026-10-20T00:00:00+02:00

[[phase]]
name = "voting"
begins = 2026-11-03T07:00:00+01:00

[[phase]]
name = "counting"
begins = 2026-11-03T20:00:00+01:00

[[phase]]
name = "reporting"
begins = 2026-11-03T20:30:00+01:00

[[phase]]
name = "canvass"
begins = 2026-11-04T06:00:00+01:00

[[phase]]
name = "certified"
begins = 2026-11-20T12:00:00+01:00

[[polling]]
opens = 2026-11-03T07:00:00+01:00
closes = 2026-11-03T20:00:00+01:00
"""


def vesna() -> ElectionCalendar:
    return parse_calendar(VESNA.encode(), "calendar.toml")
