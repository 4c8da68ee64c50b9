from __future__ import annotations

from hisn.testing.attacks import web_enumeration
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


def test_references_count_upwards() -> None:
    lines = texts(web_enumeration.ENUMERATION)
    references = [line.partition("VR-")[2][:7] for line in lines]
    assert len(lines) == 400
    assert references == sorted(references)
    assert len({line.split()[0] for line in lines}) == 8
