"""Read PostgreSQL's jsonlog (version 15 and later), with pgaudit.

Fields get the names that the same things have in csvlog (see `postgres_csv`), so that one rule
serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hisn.events.lines import head_lines
from hisn.events.pgaudit import KIND, MARK, NAMES, audit_fields
from hisn.events.schema import Declaration, Unparsed
from hisn.events.shapes import Recognised
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import decode_line
from hisn.events.sources.json_rows import RowReader

NAME = "postgres-json"

_RENAMED = {
    "timestamp": "log_time", "user": "user_name", "dbname": "database_name", "pid": "process_id",
    "line_num": "session_line_num", "ps": "command_tag", "session_start": "session_start_time",
    "vxid": "virtual_transaction_id", "txid": "transaction_id", "state_code": "sql_state_code",
    "statement": "query", "cursor_position": "query_pos", "internal_position": "internal_query_pos",
}  # fmt: skip
_ALWAYS = frozenset({"timestamp", "pid", "session_id", "line_num", "error_severity"})
"""Keys that every record of jsonlog has."""


def _recognise(names: tuple[str, ...]) -> Recognised:
    return Recognised(KIND, names, (), ("log_time",) if "log_time" in names else ())


class PostgresJsonReader:
    """Parse lines of jsonlog."""

    def __init__(self, declaration: Declaration) -> None:
        self._rows = RowReader(declaration, _recognise)

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        records: list[dict[str, Any]] = []
        numbers: list[int] = []
        raws: list[bytes] = []
        holes: list[Unparsed] = []
        for number, raw in enumerate(lines.split(b"\n"), first_number):
            if not raw.strip():
                continue
            try:
                found = decode_line(raw)
            except ValueError as error:
                holes.append(Unparsed(str(error), number=number))
                continue
            if not isinstance(found, dict):
                holes.append(Unparsed("not a JSON object", number=number))
                continue
            records.append({_RENAMED.get(name) or name: value for name, value in found.items()})
            numbers.append(number)
            raws.append(raw)
        _add_audit(records)
        parsed = self._rows.read(records, numbers, raws)
        unparsed = sorted((*holes, *parsed.unparsed), key=lambda hole: hole.number or 0)
        return Parsed(parsed.blocks, tuple(unparsed), parsed.records)


def _add_audit(records: Sequence[dict[str, Any]]) -> None:
    """Add pgaudit's fields to the records whose message is pgaudit's."""
    audits = [
        record
        for record in records
        if isinstance(message := record.get("message"), str) and message.startswith(MARK)
    ]
    for record, cells in zip(audits, audit_fields([record["message"] for record in audits]), strict=True):
        record.update(zip(NAMES, cells, strict=True))


class PostgresJsonFormat:
    """Recognise and open jsonlog."""

    name = NAME
    kind = KIND
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Return 1 if the first line is a JSON object with jsonlog's keys."""
        for line in head_lines(head, 1):
            try:
                found = decode_line(line.encode())
            except ValueError:
                return 0.0
            return 1.0 if isinstance(found, dict) and found.keys() >= _ALWAYS else 0.0
        return 0.0

    def open(self, head: bytes, declaration: Declaration) -> PostgresJsonReader:
        """Make a reader; nothing in the head matters to it."""
        del head
        return PostgresJsonReader(declaration)


FORMAT = PostgresJsonFormat()
