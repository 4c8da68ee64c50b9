from __future__ import annotations

import re

from hisn.testing.calendar import EVENING, VESNA_2026, local
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.sources import sshd
from hisn.testing.stream import Stage


def test_a_line_says_its_year_and_zone() -> None:
    text = sshd.line(local("2026-11-03 20:00") + 5, "portal-01", 77, "message")
    assert text == "<86>1 2026-11-03T20:00:00.000005+01:00 portal-01 sshd 77 - - message"


def test_ordinary_sessions_come_from_inside() -> None:
    stage = Stage(VESNA, VESNA_2026, EVENING, Dice(3, "ssh"))
    records = list(sshd.background(stage, 800))
    assert 780 <= len(records) <= 820
    for record in records:
        address = re.search(r" from (\S+) port", record.text)
        assert address is None or address[1].startswith("10.")
