"""Find the line on which a TOML file says something, for messages about it.

The standard library's parser gives values without their places.  This looks for table headers and
keys at the beginning of lines; where a file is written in some other way, it finds no line, or
that of the surrounding table, and the message says no more than that.
"""

from __future__ import annotations

import re
from collections import Counter

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_-]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
_PARSER_PLACE = re.compile(r"(.*) \(at line (\d+), column (\d+)\)")


class TomlLines:
    """Hold the lines of the keys of a file with top-level keys and one level of tables."""

    def __init__(self, text: str) -> None:
        self._lines: dict[tuple[str, int, str], int] = {}
        table, at = "", 0
        tables = Counter[str]()
        for number, line in enumerate(text.split("\n"), 1):
            if header := _HEADER.fullmatch(line.rstrip("\r")):
                table, at = header[2], tables[header[2]]
                tables[table] += 1
                self._lines.setdefault((table, at, ""), number)
            elif key := _KEY.match(line):
                self._lines.setdefault((table, at, key[1]), number)

    def of(self, key: str, table: str = "", at: int = 0) -> int | None:
        """Return the line of a key (empty: of the header) in the table's occurrence `at` from 0."""
        wanted = ((table, at, key), (table, at, ""), ("", 0, table))
        return next((self._lines[each] for each in wanted if each in self._lines), None)


def parser_place(message: str) -> tuple[str, int | None, int | None]:
    """Split a message of the standard library's parser into what is wrong, line and column."""
    match = _PARSER_PLACE.fullmatch(message)
    return (match[1], int(match[2]), int(match[3])) if match else (message, None, None)
