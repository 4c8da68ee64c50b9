from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hisn.testing.calendar import EVENING, VESNA_2026
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.evening import election_evening
from hisn.testing.generator import generate
from hisn.testing.sources import devices
from hisn.testing.sources.devices import BALLOT, Event, document, text_of
from hisn.testing.stream import Record, Stage

TABULATOR = ("TAB-001", "scan-single")


def read(records: list[Record]) -> list[dict[str, str]]:
    whole = json.loads("".join(document(TABULATOR, EVENING, records)))
    events: list[dict[str, str]] = whole["Device"][0]["Event"]
    return events


def test_a_device_counts_its_events() -> None:
    records = [Record(EVENING.start + n, text_of(BALLOT)) for n in range(3)]
    assert [event["Sequence"] for event in read(records)] == ["1", "2", "3"]


def test_missing_entries_leave_a_gap_in_the_sequence() -> None:
    gap = Event(id="x", type="vote", skip=11)
    records = [Record(EVENING.start, text_of(BALLOT)), Record(EVENING.start + 1, text_of(gap))]
    assert [event["Sequence"] for event in read(records)] == ["1", "13"]


@pytest.mark.parametrize("device", VESNA.devices, ids=lambda device: device[0])
def test_a_device_votes_until_the_polls_close_and_says_so(device: tuple[str, str]) -> None:
    stage = Stage(VESNA, VESNA_2026, EVENING, Dice(3, device[0]))
    closing = VESNA_2026.start_of("counting")
    records = list(devices.background(stage, 300, device))
    assert sum('"polls-closed"' in record.text for record in records) == 1
    assert not any('"type":"vote"' in record.text for record in records if record.time > closing)


def resolved(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return schema["definitions"][name] if name else part


def check(schema: dict[str, Any], part: dict[str, Any], value: object) -> None:
    """Check what this schema uses of JSON Schema: required, properties, enum, items, type."""
    part = resolved(schema, part)
    if "enum" in part:
        assert value in part["enum"]
    if part.get("type") == "string":
        assert isinstance(value, str)
    elif part.get("type") == "array":
        assert isinstance(value, list)
        for item in value:
            check(schema, part["items"], item)
    elif "properties" in part:
        assert isinstance(value, dict)
        assert set(part["required"]) <= set(value) <= set(part["properties"])
        for name, item in value.items():
            check(schema, part["properties"][name], item)


@pytest.mark.corpus
def test_documents_are_valid_against_the_schema_of_nist_sp_1500_101(corpus: Path, tmp_path: Path) -> None:
    folder = corpus / "election" / "nist-1500-101"
    schema = json.loads((folder / "NIST_V1_election_event_logging.json").read_bytes())
    generate(election_evening(4, 2_000), tmp_path)
    paths = sorted((tmp_path / "devices").glob("*.json"))
    assert len(paths) == len(VESNA.devices)
    for path in paths:
        log = schema["definitions"]["EventLogging.ElectionEventLog"]
        check(schema, log, json.loads(path.read_bytes()))
