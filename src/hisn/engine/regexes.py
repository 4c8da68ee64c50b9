r"""Find which expressions may match a value; RE2 confirms each, so that Hyperscan decides nothing.

Hyperscan reads the syntax of PCRE.  Where PCRE and RE2 could disagree such that Hyperscan misses
what RE2 finds, the expression or the value goes straight to RE2:

* values that are not plain: characters beyond ASCII (folding, classes) and ``\x0b`` (``\s``);
* expressions with characters beyond ASCII (``ſ`` folds to ``s`` in RE2), ``\v``, ``\p``, ``\C``,
  and those in multi-line mode (``^`` behind a final line break).

``$`` before a final line break matches in Hyperscan only: a candidate more, never one less.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from hisn.rules.expr import Regex

if TYPE_CHECKING:
    import hyperscan

_DIFFERENT = re.compile(r"\\[vVpPCQE]|\(\?[a-zA-Z]*m")


def is_plain(text: str) -> bool:
    """Tell whether PCRE and RE2 see the same characters in a text."""
    return text.isascii() and "\x0b" not in text


def is_same_in_hyperscan(regex: Regex) -> bool:
    """Tell whether Hyperscan finds, in plain values, all that RE2 finds."""
    if "\0" in regex.pattern:
        return False  # Hyperscan takes its patterns as C strings
    # Without escaped backslashes, what follows a backslash is what it escapes.
    escapes = regex.pattern.replace("\\\\", "")
    return regex.pattern.isascii() and "m" not in regex.flags and not _DIFFERENT.search(escapes)


def hyperscan_flags(flags: str) -> int:
    """Return Hyperscan's flags: one report for each value is enough."""
    import hyperscan

    return (
        int(hyperscan.HS_FLAG_SINGLEMATCH)
        | (int(hyperscan.HS_FLAG_CASELESS) if "i" in flags else 0)
        | (int(hyperscan.HS_FLAG_DOTALL) if "s" in flags else 0)
    )


class RegexFinder(Protocol):
    """Find expressions that may match, by their position in a list."""

    def candidates(self, text: str, encoded: bytes) -> Sequence[int] | None:
        """Return the positions of all expressions that could match, perhaps of more; None for all."""
        ...


class AllRegexes:
    """Ask RE2 for every expression: the way without Hyperscan.

    Measured, this beats `re2.Set` on cold runs, and a set that runs out of memory says nothing.
    """

    def candidates(self, text: str, encoded: bytes) -> Sequence[int] | None:  # noqa: ARG002
        """Return None: any expression may match."""
        return None


class HyperscanRegexes:
    """Find candidates with a Hyperscan database whose ids are their positions."""

    def __init__(self, database: hyperscan.Database | None, held: Sequence[int], count: int) -> None:
        """Take the database, the positions that it holds, and the number of all expressions."""
        self._database = database
        self._others = tuple(sorted(set(range(count)).difference(held)))

    def candidates(self, text: str, encoded: bytes) -> Sequence[int] | None:
        """Return the positions of all expressions that could match, perhaps of more; None for all."""
        if self._database is None or not is_plain(text):
            return None
        found: list[int] = []

        def on_match(position: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(position)

        self._database.scan(encoded, on_match)
        return (*found, *self._others)
