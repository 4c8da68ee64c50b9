from __future__ import annotations

from hisn.testing.attacks import web_traversal
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


def test_every_traversal_climbs_or_names_a_file_of_the_system() -> None:
    for line in texts(web_traversal.TRAVERSAL):
        assert any(part in line for part in ("..", "%252e", "/proc/self"))


def test_web_shells_are_asked_for_by_name() -> None:
    assert all(".php" in line or ".jsp" in line or ".aspx" in line for line in texts(web_traversal.WEBSHELL))
