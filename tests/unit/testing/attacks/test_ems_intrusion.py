from __future__ import annotations

from hisn.testing.attacks import ems_intrusion
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


def test_the_intruder_comes_makes_an_account_and_leaves_no_log() -> None:
    numbers = ['"EventID":' + number for number in ("4624", "1,", "4720", "4732", "7045", "1102")]
    lines = [line for attack in ems_intrusion.ATTACKS for line in texts(attack)]
    assert len(lines) == len(numbers)
    for number, line in zip(numbers, lines, strict=True):
        assert number in line
