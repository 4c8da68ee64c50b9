r"""Read Zeek's logs in tab-separated form.

The header names separator, columns and types; logs that were put together have several headers,
so that a file is read from its start.  Fields keep Zeek's names (``id.orig_h``).  The log's path
(``dns``, ``conn``) is the constant ``_path`` and the Sigma service.

Unset is null, a set or vector a tuple, ``(empty)`` an empty one.  Zeek writes control characters
as ``\x09`` and doubles backslashes, which not every version does: a text with a backslash has two
values, undone and as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from hisn.core import limits
from hisn.events.batch import NO_TIME, Block, Int64s
from hisn.events.csv_records import RAGGED
from hisn.events.lines import decode, head_lines, split_lines
from hisn.events.schema import Cell, Declaration, Layout, Logsource, Unparsed
from hisn.events.source import Parsed
from hisn.events.times import parse_times
from hisn.events.urls import decoded, unescape

NAME = "zeek-tsv"
KIND = "zeek"

_PATH = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ROTATED = re.compile(r"^#(?:separator|set_separator|empty_field|unset_field|path|open|close|fields|types)\b")


class _Header:
    """Hold what the directives said last."""

    def __init__(self) -> None:
        self.separator = "\t"
        self.inner = ","
        self.empty = "(empty)"
        self.unset = "-"
        self.path = ""
        self.names: tuple[str, ...] = ()
        self.types: tuple[str, ...] = ()

    def direct(self, line: str) -> None:
        """Take one directive."""
        if line.startswith("#separator "):
            self.separator = unescape(line[11:].strip()) or "\t"
            return
        name, _, value = line.partition(self.separator)
        match name:
            case "#set_separator":
                self.inner = value or ","
            case "#empty_field":
                self.empty = value
            case "#unset_field":
                self.unset = value
            case "#path":
                self.path = value if _PATH.fullmatch(value) else ""
            case "#fields":
                fields = value.split(self.separator)[: limits.MAX_FIELDS]
                self.names = tuple(fields) if len(set(fields)) == len(fields) else ()
                self.types = ()
            case "#types":
                self.types = tuple(value.split(self.separator))
            case _:
                pass  # #open and #close: times of the log, not of a record.


class ZeekTsvReader:
    """Parse lines under the header seen last."""

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._header = _Header()

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
                    self._header.direct(texts[at])
                continue
            separator, width = self._header.separator, len(self._header.names)
            rows = [texts[at].split(separator) for at in ats]
            good = [at for at, row in zip(ats, rows, strict=True) if len(row) == width]
            if len(good) < len(ats):
                rows = [row for row in rows if len(row) == width]
                bad = set(ats).difference(good)
                holes += [Unparsed(RAGGED, number=first_number + at) for at in sorted(bad) if texts[at]]
            if rows:
                numbers = np.array(good, np.int64) + first_number
                blocks.append(self._block(rows, numbers, [raws[at] for at in good]))
        return Parsed(tuple(blocks), tuple(holes), sum(len(block.numbers) for block in blocks))

    def _block(self, rows: list[list[str]], numbers: Int64s, raws: list[bytes]) -> Block:
        header = self._header
        types = header.types if len(header.types) == len(header.names) else ("string",) * len(header.names)
        columns: dict[str, Sequence[Cell]] = {}
        for name, kind, column in zip(header.names, types, zip(*rows, strict=True), strict=True):
            columns[name] = _cells(column, kind, header)
        times = np.full(len(rows), NO_TIME, np.int64)
        if "ts" in columns:
            times = parse_times([cell if isinstance(cell, str) else None for cell in columns["ts"]])
        if header.path == "http" and "uri" in columns:
            columns["cs-uri-decoded"] = [decoded(c) if isinstance(c, str) else None for c in columns["uri"]]
        services = {header.path} if header.path else set()
        declared = Logsource(
            self._declaration.products, self._declaration.categories, self._declaration.services | services
        )
        constants = (("_path", header.path),) if header.path and "_path" not in columns else ()
        layout = Layout(KIND, tuple(columns), constants, declared, self._declaration.asset)
        return Block(layout, numbers, times, tuple(columns.values()), raws)


def _cells(column: Sequence[str], kind: str, header: _Header) -> list[Cell]:
    """Return the cells of a column by its type."""
    unset, empty = header.unset, header.empty
    if kind.startswith(("set[", "vector[")):
        inner = header.inner
        return [
            None if text == unset else () if text == empty else tuple(_items(text.split(inner), unset))
            for text in column
        ]
    text_of: Callable[[str], Cell] = _text if any("\\" in text for text in column) else str
    return [None if text == unset else "" if text == empty else text_of(text) for text in column]


def _items(texts: list[str], unset: str) -> list[str | None]:
    return [None if text == unset else unescape(text) for text in texts]


def _text(text: str) -> Cell:
    """Return a text with its escapes undone and as it was written, once where both are equal."""
    plain = unescape(text)
    return text if plain == text else (plain, text)


class ZeekTsvFormat:
    """Recognise and open Zeek's tab-separated logs."""

    name = NAME
    kind = KIND
    splittable = False

    def sniff(self, head: bytes) -> float:
        """Return 1 if Zeek's directives stand at the start."""
        for line in head_lines(head):
            if not _ROTATED.match(line):
                return 0.0
            if line.startswith("#fields"):
                return 1.0
        return 0.0

    def open(self, head: bytes, declaration: Declaration) -> ZeekTsvReader:
        """Make a reader; the header comes with the lines."""
        del head
        return ZeekTsvReader(declaration)


FORMAT = ZeekTsvFormat()
