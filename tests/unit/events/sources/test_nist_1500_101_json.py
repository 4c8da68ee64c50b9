"""Election event logs in JSON, whole and damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.mapping import load_mapping
from hisn.events.schema import Cell, Declaration
from hisn.events.source import Parsed
from hisn.events.sources.nist_1500_101_json import FORMAT


def event(number: int, **more: str) -> dict[str, Any]:
    return {
        "@type": "EventLogging.Event", "Id": "ballot-cast", "Type": "vote", "Disposition": "success",
        "Sequence": str(number), "TimeStamp": f"2026-11-03T20:15:{number % 60:02d}.250+01:00", **more,
    }  # fmt: skip


def document(*events: dict[str, Any], **device: str) -> dict[str, Any]:
    about = {"@type": "EventLogging.Device", "Id": "ems-1", "Type": "ems", "Manufacturer": "Lipa", **device}
    return {
        "@type": "EventLogging.ElectionEventLog", "GeneratedTime": "2026-11-03T23:00:00+01:00",
        "ElectionId": "e1", "Device": [{**about, "Event": list(events)}],
    }  # fmt: skip


def parse(data: bytes | dict[str, Any]) -> list[Parsed]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return list(FORMAT.read(io.BytesIO(raw), Declaration()))


def records(parsed: list[Parsed]) -> list[tuple[int, dict[str, Cell]]]:
    found = [
        (int(block.numbers[row]), block.fields(row))
        for part in parsed
        for block in part.blocks
        for row in range(len(block.numbers))
    ]
    return sorted(found, key=lambda item: item[0])


def test_event_carries_its_device_and_its_document() -> None:
    parsed = parse(document(event(7, UserId="poll-manager", Details='{"host": "u", "n": {"ballots": 4}}')))
    ((number, record),) = records(parsed)
    assert number == 1
    assert record["device_id"] == "ems-1"
    assert record["manufacturer"] == "Lipa"
    assert record["election_id"] == "e1"
    assert record["sequence"] == "7"
    assert (record["Details.host"], record["Details.n.ballots"]) == ("u", 4)
    assert "severity" not in record
    assert int(parsed[0].blocks[0].times[0]) == 1_793_733_307_250_000


def test_details_that_are_no_object_stay_text() -> None:
    for details in ("free text", "[1]", '{"open', "{" * 5000, '{"a":' * 500):
        ((_, record),) = records(parse(document(event(1, Details=details))))
        assert record["details"] == details
        assert not [name for name in record if name.startswith("Details.")]


def test_two_devices_number_their_events_through() -> None:
    log = document(event(1), event(2))
    log["Device"].append({"Id": "bmd-2", "Event": [event(1)]})
    found = records(parse(log))
    assert [(number, record["device_id"]) for number, record in found] == [
        (1, "ems-1"),
        (2, "ems-1"),
        (3, "bmd-2"),
    ]
    assert "manufacturer" not in found[2][1]


def test_event_that_is_no_object_is_a_hole() -> None:
    log = document(event(1), event(3))
    log["Device"][0]["Event"].insert(1, 17)
    parsed = parse(log)
    assert [number for number, _ in records(parsed)] == [1, 3]
    assert [hole.number for part in parsed for hole in part.unparsed] == [2]


@pytest.mark.parametrize("cut", [0.35, 0.5, 0.99])
def test_truncated_document_keeps_the_events_before_the_end(cut: float) -> None:
    data = json.dumps(document(*(event(n) for n in range(100)))).encode()
    kept = data[: int(len(data) * cut)]
    parsed = parse(kept)
    assert len(records(parsed)) == kept.count(b'.250+01:00"}')
    assert records(parsed)[0][1]["device_id"] == "ems-1"
    assert "damaged document" in parsed[-1].unparsed[0].reason


def test_damage_in_the_middle_costs_one_event() -> None:
    data = json.dumps(document(*(event(n) for n in range(50)))).encode()
    data = data.replace(b'"Sequence": "20"', b'"Sequence": \x00\xff"20')
    found = records(parse(data))
    assert [record["sequence"] for _, record in found] == [str(n) for n in range(50) if n != 20]


def test_many_damaged_places_end_in_bounded_time() -> None:
    data = b'{"Event":[' + b'{"a":"},{' * 200_000
    parsed = parse(data)
    assert records(parsed) == []
    assert parsed[-1].unparsed


def test_document_beyond_the_limit_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DOCUMENT_BYTES", 100)
    with pytest.raises(InputError) as caught:
        parse(document(event(1)))
    assert caught.value.code == "E2051"


def test_flood_of_detail_names_does_not_make_endless_layouts() -> None:
    parsed = parse(document(*(event(n, Details=json.dumps({f"k{n}": 1})) for n in range(2000))))
    assert sum(len(part.blocks) for part in parsed) < 300
    assert len(records(parsed)) == 2000


def test_sniff_knows_the_root_and_no_other_json() -> None:
    assert FORMAT.sniff(json.dumps(document(event(1))).encode()) == 1.0
    untyped = json.dumps(document(event(1))).replace('"@type"', '"type"').encode()
    assert FORMAT.sniff(untyped) == 0.9
    schema = b'{"definitions": {"EventLogging.ElectionEventLog": {}, "@type": {}}}'
    assert FORMAT.sniff(schema) == 0.0
    assert (
        FORMAT.sniff(b'{"EventID": 1}')
        == FORMAT.sniff(b"EventLogging.ElectionEventLog")
        == FORMAT.sniff(b"")
        == 0.0
    )


def test_layout_is_an_election_device_log() -> None:
    block = parse(document(event(1)))[0].blocks[0]
    shape = load_mapping().shape(block.layout)
    assert shape.logsource.satisfies("election", "election_device", "ems")
    assert shape.asset == "device_id"


@pytest.mark.corpus
def test_public_sample_is_read_whole(corpus: Path) -> None:
    found = records(parse((corpus / "election/vxlogs/eel_cdf_converted.json").read_bytes()))
    assert len(found) == 9
    assert found[0][1]["Details.newStatus"] == "absent"
