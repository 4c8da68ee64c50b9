from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.elections.calendars import vesna
from tests.unit.elections.mmdb import write_countries

from hisn.elections import baseline, checks, marks, surge
from hisn.elections.checks import WEB_SURGE, web_surge_digest
from hisn.elections.countries import Countries
from hisn.elections.phases import ElectionCalendar


def test_the_digest_covers_calendar_countries_and_thresholds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calendar = vesna()
    countries = Countries(write_countries(tmp_path / "c.mmdb", {"192.0.2.0/24": "HR"}))
    digests = [web_surge_digest(calendar, None), web_surge_digest(calendar, countries)]
    digests.append(web_surge_digest(ElectionCalendar("x", "UTC", calendar.phases), None))
    monkeypatch.setitem(marks.PARAMETERS, "factor", 4)
    digests.append(web_surge_digest(calendar, None))
    monkeypatch.setattr(surge, "QUIET_MINUTES", 61)
    digests.append(web_surge_digest(calendar, None))
    monkeypatch.setattr(baseline, "LEAST_MINUTES", 31)
    digests.append(web_surge_digest(calendar, None))
    assert len(set(digests)) == len(digests)


def test_it_stays_the_same_for_the_same() -> None:
    assert web_surge_digest(vesna(), None) == web_surge_digest(vesna(), None)


def test_the_check_has_a_stable_id() -> None:
    # It stands in findings and logs of others.
    assert WEB_SURGE.id == "hisn.web-surge"
    assert checks.WEB_SURGE.falsepositives
