"""Names of the specification become ours; what is no scalar is left out."""

from __future__ import annotations

from hisn.events.batch import NO_TIME
from hisn.events.election_devices import EVENT_FIELDS, named, parse_events
from hisn.events.schema import Declaration


def test_only_scalars_that_are_there_are_named() -> None:
    found = {"Id": "x", "Sequence": 7, "Hash": None, "Details": {"a": 1}, "Foreign": "y", "Severity": True}
    assert named(EVENT_FIELDS, found) == {"event_id": "x", "sequence": 7, "severity": "true"}


def test_event_without_a_time_text_has_no_time() -> None:
    parsed = parse_events(
        [{"timestamp": 1_730_837_700}, {"event_id": "x"}], {}, Declaration(), numbers=[1, 2], raws=[b"", b""]
    )
    assert [int(time) for block in parsed.blocks for time in block.times] == [NO_TIME, NO_TIME]
