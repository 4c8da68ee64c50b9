from __future__ import annotations

from hisn.testing.attacks import database_tampering
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


def test_the_roll_is_read_whole_and_changed_by_hand() -> None:
    read, off, changed = (texts(attack) for attack in database_tampering.ATTACKS)
    assert all("LIMIT 50000" in line and '"portal_web"' in line for line in read)
    assert "pgaudit.log = 'none'" in off[0]
    assert all('"psql"' in line and "UPDATE voters" in line for line in changed)
