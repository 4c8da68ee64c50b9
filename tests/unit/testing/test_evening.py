from __future__ import annotations

import pytest

from hisn.errors import UsageError
from hisn.testing.evening import election_evening, single_source


def test_every_attack_writes_into_a_source_of_the_evening() -> None:
    scenario = election_evening()
    assert {attack.source for attack in scenario.attacks} <= {source.path for source in scenario.sources}


def test_attack_names_are_unique() -> None:
    names = [attack.name for attack in election_evening().attacks]
    assert len(names) == len(set(names))


def test_an_evening_without_attacks_is_the_calm_one() -> None:
    assert election_evening(with_attacks=False).attacks == ()


def test_an_evening_of_ten_records_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        election_evening(1, 10)
    assert error.value.code == "E1090"


def test_one_source_takes_the_whole_size() -> None:
    scenario = single_source("portal", 1, 5_000)
    assert [(source.path, source.share) for source in scenario.sources] == [("portal/access.log", 1_000)]


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        single_source("abacus", 1, 5_000)
    assert error.value.code == "E1091"
