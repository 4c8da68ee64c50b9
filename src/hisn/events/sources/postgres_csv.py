"""Read PostgreSQL's csvlog of versions 9.0 to 18 (23, 24 or 26 columns), with pgaudit.

Fields have the names of the columns in PostgreSQL's documentation (section "Using CSV-Format Log
Output"), ``connection_from`` also as ``remote_host`` and ``remote_port``, and pgaudit's messages
also as ``audit_…`` (see `events/pgaudit`).  An empty column is null.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from hisn.events.batch import Block
from hisn.events.csv_records import RAGGED, Records, csv_records, rows_of
from hisn.events.pgaudit import KIND, MARK, NAMES, audit_fields, split_client
from hisn.events.schema import Cell, Declaration, Layout, Logsource, Unparsed
from hisn.events.source import Parsed
from hisn.events.times import parse_times

NAME = "postgres-csv"

_COLUMNS = (
    "log_time", "user_name", "database_name", "process_id", "connection_from", "session_id",
    "session_line_num", "command_tag", "session_start_time", "virtual_transaction_id",
    "transaction_id", "error_severity", "sql_state_code", "message", "detail", "hint",
    "internal_query", "internal_query_pos", "context", "query", "query_pos", "location",
    "application_name", "backend_type", "leader_pid", "query_id",
)  # fmt: skip
_WIDTHS = (23, 24, 26)
_SAMPLE = 20
_SEVERITIES = frozenset(
    ("LOG", "ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "INFO", *(f"DEBUG{n}" for n in range(1, 6)))
)
_SEVERITY = _COLUMNS.index("error_severity")
_MESSAGE = _COLUMNS.index("message")
_CLIENT = _COLUMNS.index("connection_from")
_START = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Za-z0-9+:-]{1,8},")


class PostgresCsvFormat:
    """Recognise and read csvlog."""

    name = NAME
    kind = KIND

    def sniff(self, head: bytes) -> float:
        """Return 1 if a first line has csvlog's time, number of columns and severity.

        A record may span lines, so the first lines that are whole records decide.
        """
        first = next(csv_records(io.BytesIO(head)), Records())
        rows = rows_of([raw for raw in first.raws[:_SAMPLE] if _START.match(raw)])
        if any(row and len(row) in _WIDTHS and row[_SEVERITY] in _SEVERITIES for row in rows):
            return 1.0
        return 0.0

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read the stream in stretches; see `DocumentFormat`."""
        for records in csv_records(stream):
            yield _parse(records, declaration)


def _parse(records: Records, declaration: Declaration) -> Parsed:
    rows = rows_of(records.raws)
    groups: dict[tuple[int, bool], list[int]] = {}
    holes = records.holes
    for at, row in enumerate(rows):
        if row is None or len(row) not in _WIDTHS:
            holes.append(Unparsed(RAGGED, number=records.numbers[at]))
        else:
            groups.setdefault((len(row), row[_MESSAGE].startswith(MARK)), []).append(at)
    blocks = tuple(
        _block([row for at in ats if (row := rows[at])], ats, records, declaration, is_audit=is_audit)
        for (_, is_audit), ats in groups.items()
    )
    return Parsed(blocks, tuple(holes), sum(map(len, groups.values())))


def _block(
    rows: list[list[str]], ats: list[int], records: Records, declaration: Declaration, *, is_audit: bool
) -> Block:
    columns = [[cell or None for cell in column] for column in zip(*rows, strict=True)]
    names = [*_COLUMNS[: len(columns)], "remote_host", "remote_port"]
    clients: dict[str | None, tuple[str | None, str | None]] = {
        client: split_client(client) for client in set(columns[_CLIENT])
    }
    cells: list[list[Cell] | tuple[Cell, ...] | list[str | None]] = [*columns]
    cells += zip(*(clients[client] for client in columns[_CLIENT]), strict=True)
    if is_audit:
        names += NAMES
        cells += zip(*audit_fields([row[_MESSAGE] for row in rows]), strict=True)
    declared = Logsource(declaration.products, declaration.categories, declaration.services)
    return Block(
        Layout(KIND, tuple(names), declared=declared, asset=declaration.asset),
        np.array([records.numbers[at] for at in ats], np.int64),
        parse_times(columns[0], declaration.zone_s),
        cells,
        [records.raws[at] for at in ats],
    )


FORMAT = PostgresCsvFormat()
