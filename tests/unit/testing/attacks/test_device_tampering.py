from __future__ import annotations

from hisn.testing.attacks import device_tampering
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


def test_only_the_gap_cannot_be_seen_by_a_rule() -> None:
    blind = [attack for attack in device_tampering.ATTACKS if not attack.expect]
    assert [attack.name for attack in blind] == ["device-log-gap"]
    assert all(attack.note for attack in blind)


def test_test_mode_goes_on_and_off() -> None:
    on, off = texts(device_tampering.ATTACKS[0])
    assert "set to test" in on
    assert "set to official" in off
    assert len(texts(device_tampering.ATTACKS[1])) == 7
    assert len(texts(device_tampering.ATTACKS[2])) == 1
    assert '"skip":11' in texts(device_tampering.ATTACKS[3])[0]
