"""Floods in the shape of real ones are found within minutes; no crowd is ever taken for one."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.elections.calendars import vesna
from tests.unit.elections.mmdb import write_countries
from tests.unit.elections.web_lines import chunk_of

from hisn.elections.countries import Countries
from hisn.elections.minutes import MINUTE_US
from hisn.elections.surge import Surge
from hisn.elections.surge_watch import SurgeWatch
from hisn.elections.web_tap import WebTap
from hisn.events.mapping import load_mapping
from hisn.rules.pack import LEVELS
from hisn.testing.attacks.web_floods import networks
from hisn.testing.floods import CROWDS, FLOODS, flood_day
from hisn.testing.generator import records_of
from hisn.testing.stream import Record

MAPPING = load_mapping()
CALENDAR = vesna()
LONGEST_MINUTES = 5
"""A flood is found at the latest so long after its first request; two minutes where it rises at once."""


@pytest.fixture(scope="module")
def countries(tmp_path_factory: pytest.TempPathFactory) -> Countries:
    return Countries(write_countries(tmp_path_factory.mktemp("countries") / "c.mmdb", networks()))


def day(name: str, seed: int, size: int, factor: int) -> list[Record]:
    scenario = flood_day(name, seed, size, factor=factor)
    return list(records_of(scenario, scenario.sources[0]))


def surges(records: list[Record], countries: Countries | None) -> list[Surge]:
    tap = WebTap(MAPPING, CALENDAR.phases[0].begins, countries=countries)
    watch = SurgeWatch(CALENDAR)
    watch.add(tap([chunk_of([record.text.encode() for record in records])]))
    watch.finish()
    return list(watch.take())


def is_alarming(surge: Surge) -> bool:
    return LEVELS.index(surge.level) >= LEVELS.index("medium")


DAYS = st.tuples(st.integers(0, 10_000), st.integers(500, 6_000), st.integers(1, 6))
"""Seeds, ordinary requests of the day, and how many times as many the crowd has."""


@settings(max_examples=25, phases=[Phase.generate])
@given(st.sampled_from(CROWDS), DAYS, st.booleans())
def test_no_crowd_is_taken_for_an_attack(
    countries: Countries, name: str, how: tuple[int, int, int], located: bool
) -> None:
    found = surges(day(name, *how), countries if located else None)
    assert [surge for surge in found if is_alarming(surge)] == []


def only_flood(records: list[Record], found: list[Surge]) -> Surge:
    """Return the one surge that overlaps the attack, and hold it to the time and to what it counts."""
    times = [record.time for record in records if record.attack]
    (surge,) = [each for each in found if each.first <= times[-1] and each.last >= times[0]]
    assert surge.fired - times[0] <= LONGEST_MINUTES * MINUTE_US
    assert surge.requests > len(times) * 9 // 10
    assert [each for each in found if each is not surge and is_alarming(each)] == []
    return surge


@settings(max_examples=12, phases=[Phase.generate])
@given(st.sampled_from(FLOODS), st.integers(0, 10_000), st.integers(4_000, 7_000), st.integers(3, 6))
def test_a_flood_is_one_high_finding_within_minutes(
    countries: Countries, name: str, seed: int, size: int, factor: int
) -> None:
    records = day(name, seed, size, factor)
    surge = only_flood(records, surges(records, countries))
    assert surge.level == "high"
    assert "countries" in [mark.name for mark in surge.marks]


def marks_of(surge: Surge) -> set[str]:
    return {mark.name for mark in surge.marks}


@pytest.mark.parametrize("seed", [1, 2026])
def test_knox_county_is_told_by_its_countries_its_bare_pages_and_the_flaw_that_was_tried(
    countries: Countries, seed: int
) -> None:
    records = day("knox", seed, 5_000, 3)
    surge = only_flood(records, surges(records, countries))
    assert marks_of(surge) >= {"countries", "bare", "rare", "errors"}
    assert surge.closing is not None
    (rare,) = [mark for mark in surge.marks if mark.name == "rare"]
    assert "POST /cms/preview.php" in rare.value


@pytest.mark.parametrize("seed", [1, 2026])
@pytest.mark.parametrize("located", [True, False])
def test_georgia_is_told_by_one_endpoint_with_or_without_a_database(
    countries: Countries, seed: int, located: bool
) -> None:
    records = day("georgia", seed, 5_000, 3)
    surge = only_flood(records, surges(records, countries if located else None))
    assert surge.level == "high"
    assert marks_of(surge) >= {"bare", "endpoint", "refused"}
    (endpoint,) = [mark for mark in surge.marks if mark.name == "endpoint"]
    assert endpoint.about == "/absentee/status"


@pytest.mark.parametrize("seed", [1, 2026])
def test_moldova_comes_in_eleven_waves_and_only_its_countries_betray_it(
    countries: Countries, seed: int
) -> None:
    records = day("moldova", seed, 5_000, 3)
    surge = only_flood(records, surges(records, countries))
    assert (surge.waves, surge.level) == (11, "high")
    assert marks_of(surge) >= {"countries", "waves"}
    # It imitates people: without a database nothing tells it from a crowd that comes again and again.
    unlocated = only_flood(records, surges(records, None))
    assert unlocated.waves == 11
    assert not is_alarming(unlocated)
