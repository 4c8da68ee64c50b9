from __future__ import annotations

from hisn.testing.attacks import ssh_guessing
from hisn.testing.calendar import EVENING, VESNA_2026
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.stream import Attack, Stage


def texts(attack: Attack, seed: int = 1) -> list[str]:
    stage = Stage(VESNA, VESNA_2026, EVENING, Dice(seed, attack.name))
    records = list(attack.planted(stage))
    assert [record.time for record in records] == sorted(record.time for record in records)
    assert all(EVENING.start <= record.time < EVENING.end for record in records)
    return [record.text for record in records]


def test_a_success_follows_the_failures_from_the_same_address() -> None:
    lines = texts(ssh_guessing.GUESSING)
    assert sum("Failed password" in line for line in lines) == 120
    assert "Accepted password for deploy from 198.51.100.251" in lines[-2]
