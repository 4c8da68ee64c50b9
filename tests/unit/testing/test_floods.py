from __future__ import annotations

import pytest

from hisn.errors import UsageError
from hisn.testing.floods import CROWDS, FLOODS, flood_day
from hisn.testing.generator import records_of


@pytest.mark.parametrize("name", [*FLOODS, *CROWDS])
def test_a_day_is_in_the_order_of_time_and_the_same_for_the_same_seed(name: str) -> None:
    scenario = flood_day(name, 7, 1_000, factor=1)
    (source,) = scenario.sources
    records = list(records_of(scenario, source))
    assert records == list(records_of(flood_day(name, 7, 1_000, factor=1), source))
    times = [record.time for record in records]
    assert times == sorted(times)
    assert bool(scenario.attacks) is (name in FLOODS)
    assert any(record.attack for record in records) is (name in FLOODS)


def test_a_flood_leaves_the_ordinary_requests_as_they_were() -> None:
    flooded, calm = flood_day("knox", 7, 1_000), flood_day("night", 7, 1_000)
    ordinary = [record for record in records_of(flooded, flooded.sources[0]) if not record.attack]
    assert ordinary == list(records_of(calm, calm.sources[0]))


def test_an_unknown_flood_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        flood_day("noah", 1, 1_000)
    assert error.value.code == "E1092"
