"""PostgreSQL's csvlog in the widths of its versions, with pgaudit inside."""

from __future__ import annotations

import csv
import io

import pytest

from hisn.events.mapping import load_mapping
from hisn.events.schema import Cell, Declaration
from hisn.events.sources.postgres_csv import FORMAT

AUDIT = 'AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.voters,"SELECT *\nFROM voters",<not logged>'


def line(message: str, *, width: int = 26, severity: str = "LOG", zone: str = "UTC") -> str:
    cells = [
        f"2026-11-03 20:15:00.123 {zone}", "clerk", "rolls", "311", "10.20.4.21:40311", "6912c.137", "7",
        "SELECT", f"2026-11-03 19:00:00 {zone}", "7/12", "0", severity, "00000", message, "", "", "", "", "",
        "SELECT 1", "", "", "RollDesk", "client backend", "", "0",
    ]  # fmt: skip
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells[:width])
    return out.getvalue()


def records(
    data: str | bytes, declaration: Declaration | None = None
) -> list[tuple[int, int, dict[str, Cell]]]:
    stream = io.BytesIO(data if isinstance(data, bytes) else data.encode())
    found = [
        (int(block.numbers[row]), int(block.times[row]), block.fields(row))
        for parsed in FORMAT.read(stream, declaration or Declaration())
        for block in parsed.blocks
        for row in range(len(block.numbers))
    ]
    return sorted(found, key=lambda item: item[0])


def holes(data: bytes) -> list[int | None]:
    return [
        hole.number for parsed in FORMAT.read(io.BytesIO(data), Declaration()) for hole in parsed.unparsed
    ]


def test_audit_message_over_two_lines_is_one_record() -> None:
    (first, second) = records(line(AUDIT) + line("connection authorized"))
    assert first[0] == 1
    assert first[1] == 1_793_736_900_123_000
    assert first[2]["audit_object_name"] == "public.voters"
    assert first[2]["audit_statement"] == "SELECT *\nFROM voters"
    assert (first[2]["remote_host"], first[2]["remote_port"]) == ("10.20.4.21", "40311")
    assert first[2]["detail"] is None
    assert second[0] == 3
    assert "audit_class" not in second[2]


@pytest.mark.parametrize("width", [23, 24, 26])
def test_each_version_s_width_is_known(width: int) -> None:
    data = line("x", width=width)
    assert FORMAT.sniff(data.encode()) == 1.0
    ((_, _, record),) = records(data)
    assert ("backend_type" in record, "query_id" in record) == (width > 23, width > 24)


def test_other_widths_are_holes_with_their_line() -> None:
    data = (line("x") + line("y", width=20) + "\x00\n" + line("z")).encode()
    assert holes(data) == [2, 3]
    assert [number for number, _, _ in records(data)] == [1, 4]


def test_zone_name_is_honoured_and_unknown_ones_need_the_declaration() -> None:
    utc = records(line("x"))[0][1]
    assert records(line("x", zone="CET"))[0][1] == utc - 3_600_000_000
    declared = Declaration(zone_s=7200)
    assert records(line("x", zone="XYZT"), declared)[0][1] == utc - 7_200_000_000


def test_plain_csv_is_not_csvlog() -> None:
    assert FORMAT.sniff(b"a,b,c\n1,2,3\n") == 0.0
    assert FORMAT.sniff(line("x", severity="HELLO").encode()) == 0.0
    assert FORMAT.sniff(b"") == 0.0


def test_layout_is_a_database_log() -> None:
    (parsed,) = FORMAT.read(io.BytesIO(line(AUDIT).encode()), Declaration())
    shape = load_mapping().shape(parsed.blocks[0].layout)
    assert shape.logsource.satisfies("postgresql", "database", None)
    assert shape.asset == "database_name"
