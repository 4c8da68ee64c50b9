"""Read W3C extended logs: IIS, CloudFront, proxies, the Windows firewall, Exchange.

``#Fields`` names the columns and may come again in the middle of a file (IIS writes it at each
restart), so that a file is read from its start.  Names are those of the directive in lower case,
``cs(User-Agent)`` as ``cs-user-agent``.  ``-`` is null.

IIS writes ``+`` for a space in headers, and rules are written both ways: such a value has two
texts, as written and with spaces.  ``cs-uri``, ``cs-uri-query`` (query and target) and
``cs-uri-decoded`` are as in `combined`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from hisn.core import limits
from hisn.events.batch import NO_TIME, Block, Int64s
from hisn.events.csv_records import RAGGED, rows_of
from hisn.events.lines import decode, head_lines, split_lines
from hisn.events.schema import Cell, Declaration, Layout, Logsource, Unparsed
from hisn.events.source import Parsed
from hisn.events.times import parse_times
from hisn.events.urls import decoded

NAME = "w3c"
KIND = "w3c"

_FIELDS = "#Fields:"
_HEADER = re.compile(r"(cs|sc|s|r|c)\(([^)\s]{1,64})\)")
_TOKEN = re.compile(r'"([^"]*(?:""[^"]*)*)"(?=\s|$)|(\S+)')
_SPACED = ("cs-user-agent", "cs-referer", "cs-cookie", "cs-host")
_RENAMED = {"cs-uri-path": "cs-uri-stem", "cs-referrer": "cs-referer", "cs-useragent": "cs-user-agent"}

NO_FIELDS = "no #Fields directive says what the columns are"


def _named(fields: str) -> tuple[str, ...]:
    """Return the names that a ``#Fields`` directive gives, each once."""
    names: dict[str, None] = {}
    for field in fields.replace(",", " ").split()[: limits.MAX_FIELDS]:
        name = _HEADER.sub(r"\1-\2", field).lower()
        name = _RENAMED.get(name, name)
        names[name if name not in names else f"{name}.{len(names)}"] = None
    return tuple(names)


class W3cReader:
    """Parse lines under the directives seen so far."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._names: tuple[str, ...] = ()
        self._is_csv = False
        self._date = ""

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        data, raws = split_lines(lines)
        texts = decode(data).split("\n")
        blocks: list[Block] = []
        holes: list[Unparsed] = []
        for is_directive, group in groupby(range(len(texts)), lambda at: texts[at].startswith("#")):
            ats = list(group)
            if is_directive:
                for at in ats:
                    self._direct(texts[at])
                continue
            rows, good = [], []
            for at in ats:
                row = self._row(texts[at])
                if row is not None and len(row) == len(self._names):
                    rows.append(row)
                    good.append(at)
                elif raws[at].strip():  # not the text: see auditd
                    holes.append(Unparsed(RAGGED if self._names else NO_FIELDS, number=first_number + at))
            if rows:
                numbers = np.array(good, np.int64) + first_number
                blocks.append(self._block(rows, numbers, [raws[at] for at in good]))
        return Parsed(tuple(blocks), tuple(holes), sum(len(block.numbers) for block in blocks))

    def _direct(self, line: str) -> None:
        if line.startswith(_FIELDS):
            fields = line[len(_FIELDS) :]
            self._names = _named(fields)
            self._is_csv = "," in fields and " " not in fields.strip()
        elif line.startswith("#Date:"):
            self._date = line[6:].strip().partition(" ")[0]

    def _row(self, text: str) -> list[str] | None:
        if self._is_csv:
            return rows_of([text.encode()])[0]
        row = text.split("\t") if "\t" in text else text.split(" ")
        if '"' in text and len(row) != len(self._names):
            row = [quoted.replace('""', '"') or plain for quoted, plain in _TOKEN.findall(text)]
        elif len(row) == len(self._names) + 1 and not row[-1]:
            row.pop()  # Some writers end each line with the separator.
        return row

    def _block(self, rows: list[list[str]], numbers: Int64s, raws: list[bytes]) -> Block:
        columns: dict[str, Sequence[Cell]] = {}
        for name, column in zip(self._names, zip(*rows, strict=True), strict=True):
            columns[name] = [None if cell == "-" else cell for cell in column]
        times = self._times(columns, len(rows))
        for name in _SPACED:
            if name in columns:
                columns[name] = [_both(cell) for cell in columns[name]]
        _add_targets(columns)
        declared = Logsource(
            self._declaration.products, self._declaration.categories, self._declaration.services
        )
        layout = Layout(KIND, tuple(columns), declared=declared, asset=self._declaration.asset)
        return Block(layout, numbers, times, tuple(columns.values()), raws)

    def _times(self, columns: dict[str, Sequence[Cell]], count: int) -> Int64s:
        """Return the times; W3C times are UTC unless the operator declared otherwise."""
        zone_s = self._declaration.zone_s
        if "time" in columns:
            dates = columns.get("date", [self._date] * count)
            both = zip(dates, columns["time"], strict=True)
            return parse_times([f"{date} {time}" for date, time in both], zone_s)
        if "date-time" in columns:
            return parse_times([str(cell) for cell in columns["date-time"]], zone_s)
        return np.full(count, NO_TIME, np.int64)


def _both(cell: Cell) -> Cell:
    """Return a header's text as written and with spaces for ``+``."""
    return (cell, cell.replace("+", " ")) if isinstance(cell, str) and "+" in cell else cell


def _add_targets(columns: dict[str, Sequence[Cell]]) -> None:
    """Add target, its two readings and the decoded view, where the columns say enough."""
    stems = columns.get("cs-uri-stem")
    queries = columns.get("cs-uri-query")
    targets = columns.get("cs-uri")
    if targets is None and stems is not None:
        queried = queries or [None] * len(stems)
        targets = [_target(stem, query) for stem, query in zip(stems, queried, strict=True)]
    if targets is None:
        return
    parts = [target.partition("?") if isinstance(target, str) else ("", "", "") for target in targets]
    if stems is None:
        columns["cs-uri-stem"] = [stem or None for stem, _, _ in parts]
    if queries is None:
        queries = [query or None for _, _, query in parts]
    columns["cs-uri"] = targets
    columns["cs-uri-query"] = [_readings(*pair) for pair in zip(queries, targets, strict=True)]
    columns["cs-uri-decoded"] = [decoded(target) if isinstance(target, str) else None for target in targets]


def _readings(query: Cell, target: Cell) -> Cell:
    """Return query and target: SigmaHQ's rules look for either in ``cs-uri-query``."""
    return (query, target) if isinstance(query, str) and isinstance(target, str) else target


def _target(stem: Cell, query: Cell) -> Cell:
    if not isinstance(stem, str) or not isinstance(query, str):
        return stem
    return stem + query if query.startswith("?") else f"{stem}?{query}"


class W3cFormat:
    """Recognise and open W3C extended logs."""

    name = NAME
    kind = KIND
    splittable = False

    def sniff(self, head: bytes) -> float:
        """Return 1 if directives stand at the start and name at least two fields."""
        for line in head_lines(head):
            if not line.startswith("#"):
                return 0.0
            if line.startswith(_FIELDS):
                return 1.0 if len(_named(line[len(_FIELDS) :])) > 1 else 0.0
        return 0.0

    def open(self, head: bytes, declaration: Declaration) -> W3cReader:
        """Make a reader; the directives come with the lines."""
        del head
        return W3cReader(declaration)


FORMAT = W3cFormat()
