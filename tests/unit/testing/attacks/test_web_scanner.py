from __future__ import annotations

from hisn.testing.attacks import web_scanner
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


def test_the_scanner_says_its_name_and_finds_nothing() -> None:
    lines = texts(web_scanner.SCANNER)
    assert len(lines) == 80
    assert all("Nikto" in line and '" 404 ' in line for line in lines)
