"""Windows event logs in their own format."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tests.unit.events.sources import evtx_files
from tests.unit.events.sources.records import holes, logsource, mapped, parse, records

from hisn.events.schema import Declaration
from hisn.events.sources.evtx import FORMAT

DATA = evtx_files.file(
    evtx_files.chunk(1, evtx_files.images(1, 3)),
    evtx_files.chunk(
        4, [{"TargetObject": "HKLM\\a", "EventType": kind} for kind in ("CreateKey", "DeleteKey")], 12
    ),
)


def test_record_has_the_names_that_rules_use() -> None:
    number, time, record = records(FORMAT, DATA)[0]
    assert number == 1
    assert time == 1_730_836_860_000_000
    assert record["Channel"] == "Microsoft-Windows-Sysmon/Operational"
    assert record["Provider_Name"] == "Microsoft-Windows-Sysmon"
    assert record["EventID"] == 1
    assert record["EventRecordID"] == 1001
    assert record["Computer"] == "ems-01"
    assert record["Image"] == "C:\\program-1.exe"
    assert "Security_UserID" not in record


def test_channel_comes_from_the_record() -> None:
    assert logsource(FORMAT, DATA).services == {"sysmon"}
    assert logsource(FORMAT, DATA).categories == {"process_creation"}
    assert mapped(FORMAT, DATA)["ComputerName"] == "ems-01"


def test_creation_and_deletion_of_keys_are_different_layouts() -> None:
    blocks = [
        block
        for parsed in parse(FORMAT, DATA)
        for block in parsed.blocks
        if "TargetObject" in block.layout.names
    ]
    assert [dict(block.layout.constants)["EventType"] for block in blocks] == ["CreateKey", "DeleteKey"]


def test_damage_shifts_no_number_of_later_records() -> None:
    data = bytearray(DATA)
    at = data.index(b"\x2a\x2a\0\0", evtx_files.HEADER + evtx_files.FIRST + 1)
    data[at : at + 40] = b"\xff" * 40
    assert [number for number, _, _ in records(FORMAT, bytes(data))] == [1, 2, 4, 5]
    (hole,) = holes(FORMAT, bytes(data))
    assert (hole.count, hole.offset) == (1, at)


def test_file_without_its_header_is_recognised_and_read() -> None:
    data = b"\xcc" * evtx_files.HEADER + DATA[evtx_files.HEADER :]
    assert FORMAT.sniff(data[:65536]) == 1.0
    assert len(records(FORMAT, data)) == 5


def test_damaged_file_header_is_named() -> None:
    """Whoever lowers the number of chunks in the header hides that the last ones were cut off."""
    data = bytearray(DATA)
    data[42] -= 1
    assert [hole.reason for hole in holes(FORMAT, bytes(data))] == ["damaged file header"]
    assert len(records(FORMAT, bytes(data))) == 5


@pytest.mark.parametrize("size", [8, 108, evtx_files.HEADER - 1])
def test_file_that_ends_in_its_header_is_not_an_empty_log(size: int) -> None:
    (hole,) = holes(FORMAT, DATA[:size])
    assert (hole.reason, hole.offset) == ("truncated file header", size)


@pytest.mark.parametrize("chunks", [0, 1])
def test_file_cut_between_chunks_is_not_whole(chunks: int) -> None:
    size = evtx_files.HEADER + chunks * evtx_files.CHUNK
    (hole,) = holes(FORMAT, DATA[:size])
    assert (hole.reason, hole.offset) == ("truncated file: chunks are missing at its end", size)


def test_chunk_wiped_with_zeros_is_not_unused_space() -> None:
    """An attacker overwrites the chunk that shows him; the chunks around it stay."""
    start = evtx_files.HEADER
    wiped = DATA[:start] + bytes(evtx_files.CHUNK) + DATA[start + evtx_files.CHUNK :]
    (hole,) = holes(FORMAT, wiped)
    assert "chunk of zeros" in hole.reason
    assert hole.offset == start
    assert holes(FORMAT, DATA + bytes(evtx_files.CHUNK)) == []


def test_log_copied_while_it_grew_is_whole() -> None:
    """Its header is older than its last chunk."""
    one = evtx_files.chunk(1, evtx_files.images(1, 3))
    more = DATA[evtx_files.HEADER + evtx_files.CHUNK :]
    assert holes(FORMAT, evtx_files.file(one) + more) == []
    assert len(records(FORMAT, evtx_files.file(one) + more)) == 5


def test_file_and_stream_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.evtx"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        from_file = list(FORMAT.read(file, Declaration()))
    from_stream = list(FORMAT.read(io.BytesIO(DATA), Declaration()))
    assert [block.raws for parsed in from_file for block in parsed.blocks] == [
        block.raws for parsed in from_stream for block in parsed.blocks
    ]


def test_declared_asset_stands_in_the_layout() -> None:
    (parsed,) = FORMAT.read(io.BytesIO(DATA), Declaration(asset="ems"))
    assert {block.layout.asset for block in parsed.blocks} == {"ems"}
