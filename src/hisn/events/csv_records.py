"""Cut a stream of CSV into records, and records into rows (RFC 4180).

A record may span lines inside quotes.  Where it ends follows from counting quotes: a line with an
odd number of them opens or closes a quoted text.  One damaged line would therefore swallow the
rest of the file; so a record that grows beyond the limit, or never closes, is a hole of one line,
and the lines behind it are records again.  An attacker who writes a line break and a forged line
into a quoted text stays inside it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hisn.core import limits
from hisn.events.lines import decode, split_lines
from hisn.events.schema import Unparsed
from hisn.events.stretches import Readable, stretches

OPEN_QUOTE = "a quoted text is never closed"
RAGGED = "not as many fields as the header names"


@dataclass(slots=True)
class Records:
    """Hold records of one stretch as read, the numbers of their first lines, and holes."""

    raws: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    holes: list[Unparsed] = field(default_factory=list)

    def add(self, raw: bytes, number: int) -> None:
        """Add one record; an empty line is none."""
        if raw:
            self.raws.append(raw)
            self.numbers.append(number)


class _Open:
    """Hold the lines of a record whose quote is still open."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.number = 0
        self.size = 0

    def give_up(self, records: Records) -> None:
        """Name the first line as a hole; the others have even numbers of quotes and stand alone."""
        if self.lines:
            records.holes.append(Unparsed(OPEN_QUOTE, number=self.number))
            for number, line in enumerate(self.lines[1:], self.number + 1):
                records.add(line, number)
        self.lines = []


def csv_records(stream: Readable) -> Iterator[Records]:
    """Yield the records of a stream, stretch by stretch."""
    pending = _Open()
    for stretch in stretches(stream):
        records = Records(holes=list(stretch.holes))
        data, lines = split_lines(stretch.lines)
        if b'"' not in data and not pending.lines:
            for number, line in enumerate(lines, stretch.first_number):
                records.add(line, number)
        else:
            _join(lines, stretch.first_number, pending, records)
        yield records
    last = Records()
    pending.give_up(last)
    if last.holes:
        yield last


def _join(lines: Sequence[bytes], first: int, pending: _Open, records: Records) -> None:
    """Join lines to records by counting quotes."""
    for number, line in enumerate(lines, first):
        is_odd = line.count(b'"') & 1
        if not pending.lines:
            if is_odd:
                pending.lines, pending.number, pending.size = [line], number, len(line)
            else:
                records.add(line, number)
            continue
        pending.lines.append(line)
        pending.size += len(line) + 1
        if is_odd:
            records.add(b"\n".join(pending.lines), pending.number)
            pending.lines = []
        elif pending.size > limits.MAX_LINE_BYTES:
            pending.give_up(records)


def rows_of(raws: Sequence[bytes], delimiter: str = ",") -> list[list[str] | None]:
    """Return the fields of each record; None for one that is no CSV."""
    # The csv module's own limit is a setting of the process; records here are bounded already.
    csv.field_size_limit(2 * limits.MAX_LINE_BYTES)
    texts = list(map(decode, raws))
    try:
        rows: list[list[str] | None] = list(csv.reader(texts, delimiter=delimiter))
    except csv.Error:
        rows = []
    if len(rows) == len(texts):
        return rows
    return [_row(text, delimiter) for text in texts]


def _row(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None
