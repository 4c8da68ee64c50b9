from __future__ import annotations

from hisn.testing.attacks import web_injection
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


def test_the_injection_is_slow_and_goes_through_one_page() -> None:
    lines = texts(web_injection.SLOW_INJECTION)
    assert 60 <= len(lines) <= 260  # ten hours, minutes apart
    assert all("/registration/status?reference=VR-1" in line for line in lines)
    assert not any(" UNION " in line for line in lines)  # always encoded
