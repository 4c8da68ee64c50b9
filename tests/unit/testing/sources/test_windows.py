from __future__ import annotations

from itertools import pairwise

import msgspec

from hisn.testing.calendar import EVENING, VESNA_2026, local
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.sources import windows
from hisn.testing.stream import Stage


def test_times_are_utc() -> None:
    assert windows.iso(local("2026-11-03 20:00") + 7) == "2026-11-03T19:00:00.000007Z"


def test_events_have_the_shape_of_evtx_tools() -> None:
    stage = Stage(VESNA, VESNA_2026, EVENING, Dice(3, "ems"))
    records = [msgspec.json.decode(record.text) for record in windows.background(stage, 500)]
    assert len(records) == 500
    for record in records:
        system = record["Event"]["System"]
        assert system["Provider"]["#attributes"]["Name"]
        assert system["Computer"] == VESNA.ems_host
        assert isinstance(record["Event"]["EventData"], dict)
    numbers = [record["Event"]["System"]["EventRecordID"] for record in records]
    assert all(earlier <= later for earlier, later in pairwise(numbers))


def test_a_process_names_its_file_and_parent() -> None:
    fields = windows.process_created("U", "C:\\a\\b.exe", "b.exe -x", "C:\\p.exe")
    assert (fields["OriginalFileName"], fields["ParentImage"]) == ("b.exe", "C:\\p.exe")
