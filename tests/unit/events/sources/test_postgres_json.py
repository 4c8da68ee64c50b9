"""PostgreSQL's jsonlog speaks with csvlog's names."""

from __future__ import annotations

import json

from tests.unit.events.sources.records import holes, logsource, records

from hisn.events.sources.postgres_json import FORMAT

RECORD = {
    "timestamp": "2026-11-03 20:15:00.123 UTC", "user": "clerk", "dbname": "rolls", "pid": 311,
    "remote_host": "10.20.4.21", "remote_port": 40311, "session_id": "6912c.137", "line_num": 7,
    "ps": "SELECT", "error_severity": "LOG",
    "message": "AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.voters,SELECT 1,<none>", "backend_type": "client backend",
}  # fmt: skip


def lines(*found: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in found)


def test_names_are_those_of_csvlog_and_audit_is_taken_apart() -> None:
    ((number, time, record),) = records(FORMAT, lines(RECORD))
    assert (number, time) == (1, 1_793_736_900_123_000)
    assert (record["user_name"], record["database_name"], record["command_tag"]) == (
        "clerk",
        "rolls",
        "SELECT",
    )
    assert (record["audit_class"], record["audit_object_name"]) == ("READ", "public.voters")
    assert "dbname" not in record


def test_ordinary_message_has_no_audit_fields() -> None:
    ((_, _, record),) = records(FORMAT, lines({**RECORD, "message": "checkpoint starting"}))
    assert "audit_class" not in record


def test_broken_lines_are_holes() -> None:
    data = lines(RECORD) + b'{"open\n[1]\n\n' + lines(RECORD)
    assert [hole.number for hole in holes(FORMAT, data)] == [2, 3]
    assert [number for number, _, _ in records(FORMAT, data)] == [1, 5]


def test_layout_is_a_database_log() -> None:
    assert logsource(FORMAT, lines(RECORD)).satisfies("postgresql", "database", None)


def test_sniff_wants_jsonlog_s_keys() -> None:
    assert FORMAT.sniff(lines(RECORD)) == 1.0
    assert FORMAT.sniff(lines({"timestamp": "x", "pid": 1})) == FORMAT.sniff(b"{") == FORMAT.sniff(b"") == 0.0
