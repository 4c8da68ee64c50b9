"""Read CSV with a header line: exports of Windows events, and tables of any other kind.

The header's names are the fields; what they mean is told by the same tables as for JSON records
(`events/shapes`), so that an export by Get-WinEvent or EvtxECmd is a Windows log.  EvtxECmd keeps
the event's own data as JSON in ``Payload``; it becomes fields, too.

An empty cell is null.  A row with another number of cells than the header is a hole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.csv_records import RAGGED, Records, csv_records, rows_of
from hisn.events.lines import decode, head_lines
from hisn.events.schema import Declaration, Unparsed
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import decode_line
from hisn.events.sources.json_rows import RowReader

NAME = "csv"
KIND = "csv"

_DELIMITERS = (",", ";", "\t", "|")
_WORDS = re.compile(r'"?[\w@#.()/-]+(?: [\w@#.()/-]+)*"?')
_MAX_NAME = 128
_MAX_PAYLOAD = 262_144

_WINEVENT = frozenset({"Id", "LogName", "ProviderName"})
_WINEVENT_NAMES = {"Id": "EventID", "LogName": "Channel", "MachineName": "Computer"}
"""What Get-WinEvent calls the parts of an event, where Windows itself calls them otherwise."""


def _dialect(lines: list[str]) -> tuple[str, int] | None:
    """Return delimiter and width that most of the first lines agree on; None if none does.

    A record may span lines, so that not all of them need to fit.
    """
    if not lines or lines[0].count('"') % 2:
        return None
    for delimiter in _DELIMITERS:
        rows = rows_of([line.encode() for line in lines], delimiter)
        header = rows[0]
        if header is None or len(header) < 2 or not _is_header(header):
            continue
        fitting = sum(1 for row in rows[1:] if row is not None and len(row) == len(header))
        if len(rows) == 1 or fitting * 2 >= len(rows) - 1:
            return delimiter, len(header)
    return None


def _is_header(cells: list[str]) -> bool:
    """Tell whether cells can be names: short, different, not empty, beginning with a letter."""
    return (
        len(cells) <= limits.MAX_FIELDS
        and len(set(cells)) == len(cells)
        and all(cell and len(cell) <= _MAX_NAME and (cell[0].isalpha() or cell[0] in "@_#") for cell in cells)
    )


class CsvTableFormat:
    """Recognise and read CSV with a header."""

    name = NAME
    kind = KIND

    def sniff(self, head: bytes) -> float:
        """Return at most 0.5: any format that knows its lines comes first."""
        lines = _after_type_line(head_lines(head))
        dialect = _dialect(lines)
        if dialect is None:
            return 0.0
        if len(lines) == 1 and not all(map(_WORDS.fullmatch, lines[0].split(dialect[0]))):
            return 0.0  # One line of prose with commas is no table without rows.
        return 0.5 if dialect[1] > 2 else 0.3

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read the stream in stretches; see `DocumentFormat`."""
        table: _Table | None = None
        for records in csv_records(stream):
            if table is None:
                if records.raws and records.raws[0].startswith(b"#TYPE"):
                    del records.raws[0], records.numbers[0]
                if not records.raws:
                    yield Parsed((), tuple(records.holes))
                    continue
                table = _Table(records, declaration)
            yield table.parse(records)


def _after_type_line(lines: list[str]) -> list[str]:
    """Leave out what Export-Csv writes before the header."""
    return lines[1:] if lines and lines[0].startswith("#TYPE") else lines


class _Table:
    """Hold the header of a table and parse rows under it."""

    def __init__(self, records: Records, declaration: Declaration) -> None:
        dialect = _dialect([decode(raw) for raw in records.raws[:50]])
        if dialect is None:
            raise InputError("E2053", "the first line of the table does not name its columns")
        self._delimiter = dialect[0]
        names = rows_of(records.raws[:1], self._delimiter)[0] or []
        is_winevent = set(names) >= _WINEVENT and "EventID" not in names
        self._names = [_WINEVENT_NAMES.get(name, name) for name in names] if is_winevent else names
        self._rows = RowReader(declaration)
        del records.raws[0], records.numbers[0]

    def parse(self, records: Records) -> Parsed:
        """Return the rows of a stretch as blocks."""
        found: list[dict[str, Any]] = []
        numbers, raws, holes = [], [], records.holes
        width, names = len(self._names), self._names
        for at, row in enumerate(rows_of(records.raws, self._delimiter)):
            if row is None or len(row) != width:
                holes.append(Unparsed(RAGGED, number=records.numbers[at]))
                continue
            found.append(dict(zip(names, [cell or None for cell in row], strict=True)))
            numbers.append(records.numbers[at])
            raws.append(records.raws[at])
        if "Payload" in names and "MapDescription" in names:
            for record in found:
                _add_payload(record)
        parsed = self._rows.read(found, numbers, raws)
        unparsed = sorted((*holes, *parsed.unparsed), key=lambda hole: hole.number or 0)
        return Parsed(parsed.blocks, tuple(unparsed), parsed.records)


def _add_payload(record: dict[str, Any]) -> None:
    """Add the event's own data that EvtxECmd writes as JSON (``EventData.Data``: name and text)."""
    payload = record.get("Payload")
    if not isinstance(payload, str) or len(payload) > _MAX_PAYLOAD:
        return
    try:
        data = decode_line(payload.encode())["EventData"]["Data"]
    except (ValueError, TypeError, KeyError):
        return
    for item in data if isinstance(data, list) else [data]:
        if isinstance(item, dict) and isinstance(name := item.get("@Name"), str):
            text = item.get("#text")
            record.setdefault(name, text if isinstance(text, str) else None)


FORMAT = CsvTableFormat()
