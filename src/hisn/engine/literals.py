"""Find many literals at once in a long text of bytes.

Two ways with the same answers: a Hyperscan database, and without it a table of grams in numpy.
The table takes from every literal its rarest stretch of 8, 4 or 3 bytes; all places of the text
whose bytes fall into a slot of the table are candidates, and each candidate is compared whole.
No automaton is built that could run out of memory and fall silent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import hyperscan

Int = TypeVar("Int", bound=np.integer)

Ints: TypeAlias = npt.NDArray[np.int64]

FEW_LITERALS = 8
"""So many are looked for one by one: a plain search is faster than any table."""
_WIDTHS = (8, 4, 3)
_PAD = bytes(8)
_SLOT_BITS = 16
_MULTIPLIER = 0x9E3779B97F4A7C15
_CANDIDATES_AT_ONCE = 1 << 18


def distinct(values: npt.NDArray[Int]) -> npt.NDArray[Int]:
    """Return the distinct values, sorted: `np.unique` first imports what a short run has no time for."""
    values = np.sort(values)
    return values[np.flatnonzero(np.diff(values, prepend=values[:1] - 1))] if len(values) else values


class LiteralFinder(Protocol):
    """Find literals by their position in a list."""

    def find(self, text: bytes) -> tuple[Ints, Ints]:
        """Return (literal, end offset) of every place where a literal stands, in no promised order."""
        ...


class HyperscanLiterals:
    """Find literals with a Hyperscan database whose ids are their positions."""

    def __init__(self, database: hyperscan.Database) -> None:
        self._database = database

    def find(self, text: bytes) -> tuple[Ints, Ints]:
        """Return (literal, end offset) of every place where a literal stands."""
        found: list[int] = []
        ends: list[int] = []

        def on_match(literal: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append(literal)
            ends.append(end)

        self._database.scan(text, on_match)
        return np.array(found, np.int64), np.array(ends, np.int64)


class FewLiterals:
    """Find a handful of literals one after the other."""

    def __init__(self, literals: Sequence[bytes]) -> None:
        self._literals = literals

    def find(self, text: bytes) -> tuple[Ints, Ints]:
        """Return (literal, end offset) of every place where a literal stands."""
        found: list[int] = []
        ends: list[int] = []
        for position, literal in enumerate(self._literals):
            at = text.find(literal)
            while at >= 0:
                found.append(position)
                ends.append(at + len(literal))
                at = text.find(literal, at + 1)
        return np.array(found, np.int64), np.array(ends, np.int64)


def gram_offsets(literals: Sequence[bytes]) -> tuple[int, ...]:
    """Return for each literal where its rarest gram begins, judged by the other literals."""
    counts = Counter(
        gram for literal in literals for gram in {literal[at : at + w] for at, w in _grams(literal)}
    )
    return tuple(
        min(_grams(literal), key=lambda gram: counts[literal[gram[0] : gram[0] + gram[1]]])[0]
        for literal in literals
    )


def _width(literal: bytes) -> int:
    return next(width for width in _WIDTHS if len(literal) >= width)


def _grams(literal: bytes) -> list[tuple[int, int]]:
    width = _width(literal)
    return [(at, width) for at in range(len(literal) - width + 1)]


class GramLiterals:
    """Find literals of at least three bytes with tables of their grams."""

    def __init__(self, literals: Sequence[bytes], offsets: Sequence[int]) -> None:
        self._literals = literals
        by_width: dict[int, list[int]] = {}
        for position, literal in enumerate(literals):
            by_width.setdefault(_width(literal), []).append(position)
        self._tables = [
            _GramTable(width, [(p, literals[p], offsets[p]) for p in positions])
            for width, positions in by_width.items()
        ]

    def find(self, text: bytes) -> tuple[Ints, Ints]:
        """Return (literal, end offset) of every place where a literal stands."""
        padded = text + _PAD
        found: list[int] = []
        ends: list[int] = []
        literals = self._literals
        for table in self._tables:
            for positions, starts in table.candidates(padded, len(text)):
                for position, start in zip(positions.tolist(), starts.tolist(), strict=True):
                    literal = literals[position]
                    if start >= 0 and text.startswith(literal, start):
                        found.append(position)
                        ends.append(start + len(literal))
        return np.array(found, np.int64), np.array(ends, np.int64)


class _GramTable:
    """Hold the grams of one width, sorted, with the literals that each stands for."""

    def __init__(self, width: int, members: Sequence[tuple[int, bytes, int]]) -> None:
        self._width = width
        self._dtype = np.dtype("<u8" if width == 8 else "<u4")
        keys = np.array([int.from_bytes(m[1][m[2] : m[2] + width], "little") for m in members], self._dtype)
        order = np.argsort(keys, kind="stable")
        self._positions = np.array([m[0] for m in members], np.int64)[order]
        self._offsets = np.array([m[2] for m in members], np.int64)[order]
        keys = keys[order]
        self._keys = distinct(keys)
        self._first = np.searchsorted(keys, self._keys)
        self._count = np.diff(self._first, append=len(keys))
        self._slots = np.zeros(1 << _SLOT_BITS, np.bool_)
        self._slots[self._slot(self._keys)] = True

    def _slot(self, keys: npt.NDArray[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
        bits = self._dtype.itemsize * 8
        multiplier = self._dtype.type(_MULTIPLIER & ((1 << bits) - 1))
        slots: npt.NDArray[np.unsignedinteger] = (keys * multiplier) >> self._dtype.type(bits - _SLOT_BITS)
        return slots

    def candidates(self, padded: bytes, size: int) -> list[tuple[Ints, Ints]]:
        """Return (literal, start) of every place that has a literal's gram, in bounded pieces."""
        if size < self._width:
            return []
        # Overlapping windows: item i is made of the bytes from i on.
        grams: npt.NDArray[np.unsignedinteger] = np.ndarray(
            (size - self._width + 1,), self._dtype, padded, 0, (1,)
        )
        if self._width == 3:
            grams = grams & np.uint32(0xFFFFFF)
        places = np.flatnonzero(self._slots[self._slot(grams)])
        keys = grams[places]
        ranks = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        real = self._keys[ranks] == keys
        places, ranks = places[real], ranks[real]
        return [
            self._expand(places[at : at + _CANDIDATES_AT_ONCE], ranks[at : at + _CANDIDATES_AT_ONCE])
            for at in range(0, len(places), _CANDIDATES_AT_ONCE)
        ]

    def _expand(self, places: Ints, ranks: Ints) -> tuple[Ints, Ints]:
        """Repeat each place for every literal that shares its gram."""
        counts = self._count[ranks]
        before = np.cumsum(counts) - counts
        members = np.repeat(self._first[ranks] - before, counts) + np.arange(int(counts.sum()))
        return self._positions[members], np.repeat(places, counts) - self._offsets[members]
