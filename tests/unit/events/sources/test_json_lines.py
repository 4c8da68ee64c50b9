"""JSON lines, as programs and attackers write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.events.sources.records import holes, logsource, parse, records

from hisn.core import limits
from hisn.events.sources.json_lines import FORMAT, decode_line


def fields(data: bytes) -> list[dict[str, object]]:
    return [dict(record) for _, _, record in records(FORMAT, data)]


def test_values_keep_what_was_written() -> None:
    line = b'{"a":true,"b":false,"c":null,"d":1.50,"e":"","f":12345678901234567890123,"g":1e400,"h":-0.0}\n'
    assert fields(line) == [
        {"a": "true", "b": "false", "c": None, "d": "1.50", "e": "", "f": 12345678901234567890123, "g": "1e400",
         "h": "-0.0"}
    ]  # fmt: skip


def test_line_numbers_count_blank_lines_and_holes() -> None:
    data = b'{"a":1}\n\n{"a":2}\r\nrubbish\n{"a":3}'
    assert [number for number, _, _ in records(FORMAT, data)] == [1, 3, 5]
    assert [(hole.number, hole.reason) for hole in holes(FORMAT, data)] == [(4, "not JSON")]


def test_two_values_on_a_line_and_one_over_two_lines_shift_no_number() -> None:
    data = b'{"a":1} {"a":2}\n{"a":\n3}\n{"a":4}\n{"a":5}\n'
    assert [number for number, _, _ in records(FORMAT, data)] == [4, 5]
    assert [hole.number for hole in holes(FORMAT, data)] == [1, 2, 3]


def test_duplicate_key_hides_nothing() -> None:
    # Decoders keep the last: "Image":"evil.exe" would be gone.
    data = b'{"Image":"evil.exe","a":{"b":1,"b":2},"Image":"good.exe"}\n{"Image":"x"}\n'
    assert fields(data) == [{"Image": ("evil.exe", "good.exe"), "a.b": (1, 2)}, {"Image": "x"}]


def test_text_that_looks_like_keys_is_no_duplicate() -> None:
    record = {"a": 'x":1,"b":2', "b": '{"b": 3, "b" : 4}', "c": "\\"}
    assert fields(json.dumps(record).encode() + b"\n") == [record]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"a":"\xff\xfe"}', "\ufffd\ufffd"),
        (b'{"a":"\\ud800x"}', "\ufffdx"),
        (b'{"a":"x\x00y"}', "x\x00y"),
        (b'{"a":"x\ty"}', "x\ty"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":' + b"9" * 5000 + b"}", "9" * 5000),
    ],
    ids=["invalid UTF-8", "lone surrogate", "NUL", "tab", "NaN", "5000 digits"],
)
def test_one_bad_byte_does_not_hide_a_record(line: bytes, value: str) -> None:
    ((record),) = fields(line + b"\n")
    assert record == {"a": value}
    assert str(record["a"]).encode()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested too deeply"),
        (b"[1,2]", "not a JSON object"),
        (b"7", "not a JSON object"),
        (b"{}", "not a JSON object"),
        (b'{"a":1', "not JSON"),
        (b"\0" * 50, "not JSON"),
        (json.dumps({str(n): n for n in range(2100)}).encode(), "too many fields"),
    ],
    ids=["deep list", "deep object", "list", "number", "empty", "cut off", "zeros", "many fields"],
)
def test_what_is_no_record_is_a_hole_with_its_line(line: bytes, reason: str) -> None:
    data = b'{"a":1}\n' + line + b'\n{"a":2}\n'
    assert [(hole.number, hole.reason) for hole in holes(FORMAT, data)] == [(2, reason)]
    assert [number for number, _, _ in records(FORMAT, data)] == [1, 3]


def test_raw_lines_go_with_their_records() -> None:
    for parsed in parse(FORMAT, b'{"a":1}\n{"b":2}\n{"a":3}\n'):
        for block in parsed.blocks:
            for row, raw in enumerate(block.raws):
                assert json.loads(raw) == block.fields(row)


def test_flat_windows_export_is_known() -> None:
    data = (
        b'{"EventID":"4688","Channel":"Security","Hostname":"ems","NewProcessName":"a.exe",'
        b'"@timestamp":"2024-11-05T20:15:00Z"}\n'
    )
    assert logsource(FORMAT, data).categories == {"process_creation"}
    ((_, time, record),) = records(FORMAT, data)
    assert time == 1_730_837_700_000_000
    assert (record["EventID"], record["Computer"]) == (4688, "ems")


def test_winlogbeat_is_known() -> None:
    record = {
        "@timestamp": "2024-11-05T20:15:00Z",
        "winlog": {"channel": "Security", "event_id": 4688, "event_data": {"NewProcessName": "a.exe"}},
        "host": {"name": "ems"},
    }
    data = json.dumps(record).encode()
    assert logsource(FORMAT, data).categories == {"process_creation"}
    assert fields(data)[0]["NewProcessName"] == "a.exe"


def test_wrapped_records_are_left_to_the_document_reader() -> None:
    assert FORMAT.sniff(b'{"Records":[{"a":1}]}\n') == 0.0
    assert FORMAT.sniff(b'{"a":[{"a":1}]}\n') > 0.5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), JSON, max_size=4) | st.binary(max_size=20), max_size=12))
def test_every_line_is_a_record_or_a_hole_or_blank(values: list[dict[str, object] | bytes]) -> None:
    lines = [
        value.replace(b"\n", b"")
        if isinstance(value, bytes)
        else json.dumps(value, ensure_ascii=False).encode()
        for value in values
    ]
    data = b"\n".join(lines)
    wanted = [number for number, line in enumerate(lines, 1) if line.strip()]
    found = [number for number, _, _ in records(FORMAT, data)] + [hole.number for hole in holes(FORMAT, data)]
    assert sorted(number or 0 for number in found) == wanted


@given(st.binary(max_size=60))
def test_hostile_bytes_raise_only_value_errors(data: bytes) -> None:
    try:
        decode_line(data)
    except ValueError:
        return


def test_overlong_line_is_a_hole_also_when_it_is_decoded_alone() -> None:
    line = b'{"a":"' + b"x" * limits.MAX_LINE_BYTES + b'"}'
    assert [hole.reason for hole in holes(FORMAT, b"rubbish\n" + line)] == ["not JSON", "line too long"]
