from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from hisn.testing.calendar import EVENING, VESNA_2026, local
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.sources import portal
from hisn.testing.sources.portal import Request, Stamp
from hisn.testing.stream import Stage

COMBINED = re.compile(
    r'^[0-9a-f.:]+ - - \[\d\d/Nov/2026:\d\d:\d\d:\d\d \+0100\] "[A-Z]+ \S+ HTTP/1\.1" \d{3} \d+ "[^"]*" "[^"]+"$'
)


def stage() -> Stage:
    return Stage(VESNA, VESNA_2026, EVENING, Dice(3, "portal"))


def test_dates_are_written_without_the_locale() -> None:
    stamp = Stamp()
    assert stamp(local("2026-11-03 20:00")) == "03/Nov/2026:20:00:00 +0100"
    assert stamp(local("2024-02-29 23:59") + 59_999_999) == "29/Feb/2024:23:59:59 +0100"
    assert stamp(local("2026-01-01 00:00")) == "01/Jan/2026:00:00:00 +0100"


def test_every_line_is_of_the_combined_format() -> None:
    assert all(COMBINED.match(record.text) for record in portal.background(stage(), 3_000))


def test_the_crowd_comes_when_the_polls_have_closed() -> None:
    hours = Counter(
        (record.time - EVENING.start) // 3_600_000_000 for record in portal.background(stage(), 20_000)
    )
    assert hours[5] > 8 * hours[0]


def test_visitors_load_assets_and_robots_come_by() -> None:
    text = "\n".join(record.text for record in portal.background(stage(), 5_000))
    for part in ("/static/app", "Googlebot", "/api/v1/results.json", "HealthCheck", "/registration/status?"):
        assert part in text


def test_requests_are_played_in_their_order() -> None:
    requests = iter(
        [(EVENING.start, Request("192.0.2.250", "/a")), (EVENING.start + 9, Request("::1", "/b"))]
    )
    records = list(portal.played(requests))
    assert [record.text.split('"')[1] for record in records] == ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]
    assert all(earlier.time < later.time for earlier, later in pairwise(records))
