"""JSON that is not one object a line."""

from __future__ import annotations

import io
import json

import pytest
from tests.unit.events.sources.records import holes, logsource, records

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.schema import Declaration
from hisn.events.sources.json_document import FORMAT

RECORDS = [{"a": 1}, {"a": 2, "b": {"c": True}}]
WANTED = [(1, {"a": 1}), (2, {"a": 2, "b.c": "true"})]


def read(data: bytes) -> list[tuple[int, dict[str, object]]]:
    return [(number, dict(record)) for number, _, record in records(FORMAT, data)]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(RECORDS).encode(),
        json.dumps(RECORDS, indent=2).encode(),
        "\n".join(json.dumps(record, indent=2) for record in RECORDS).encode(),
        "".join(json.dumps(record, indent=2) for record in RECORDS).encode(),
        ",\n".join(json.dumps(record) for record in RECORDS).encode(),
        json.dumps({"Records": RECORDS}).encode(),
        json.dumps({"Records": RECORDS[:1]}).encode() + b"\n" + json.dumps({"Records": RECORDS[1:]}).encode(),
    ],
    ids=[
        "array",
        "pretty array",
        "pretty documents",
        "joined documents",
        "commas",
        "wrapped",
        "wrapped lines",
    ],
)
def test_all_ways_to_write_two_records_give_two_records(data: bytes) -> None:
    assert read(data) == WANTED
    assert FORMAT.sniff(data) > 0.5


def test_damaged_document_is_a_hole_with_its_place_and_the_next_is_read() -> None:
    data = b'{\n "a": 1\n}\n{ broken \n{\n "a": 3\n}\n'
    assert read(data) == [(1, {"a": 1}), (3, {"a": 3})]
    assert [(hole.number, hole.offset) for hole in holes(FORMAT, data)] == [(2, 12)]


def test_array_cut_off_in_the_middle_is_a_hole() -> None:
    assert holes(FORMAT, b'[{"a":1},{"a":2}')


def test_cloudtrail_file_is_known() -> None:
    event = {"eventVersion": "1.08", "eventSource": "s3.amazonaws.com", "eventName": "PutBucketPolicy",
             "awsRegion": "eu-1", "eventTime": "2024-11-05T20:15:00Z", "requestParameters": {"bucket": "b"}}  # fmt: skip
    data = json.dumps({"Records": [event]}).encode()
    assert logsource(FORMAT, data).services == {"cloudtrail"}
    ((_, time, record),) = records(FORMAT, data)
    assert time == 1_730_837_700_000_000
    assert record["requestParameters.bucket"] == "b"
    assert record["requestParameters"] == '{"bucket":"b"}'


def test_document_too_large_to_hold_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DOCUMENT_BYTES", 100)
    with pytest.raises(InputError, match="JSON document") as caught:
        list(FORMAT.read(io.BytesIO(b"[" + b" " * 200 + b"]"), Declaration()))
    assert caught.value.code == "E2011"


def test_long_first_line_does_not_make_json_lines_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    # An attacker who sends one long line must not get a log of any size refused as too large.
    monkeypatch.setattr(limits, "MAX_DOCUMENT_BYTES", 100)
    data = json.dumps({"a": "x" * 100_000}).encode() + b"\n" + b'{"a":1}\n' * 100
    assert len(records(FORMAT, data)) == 101


def test_deep_document_is_a_hole() -> None:
    assert [hole.reason for hole in holes(FORMAT, b"[" * 100_000)] == ["nested too deeply"]
