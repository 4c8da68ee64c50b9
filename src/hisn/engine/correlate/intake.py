"""Turn the cells of marks into columns of digests and numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from hisn.engine.correlate.cells import NOTHING, digest_of, number_of, texts_of_cells
from hisn.engine.correlate.plan import Column
from hisn.engine.correlate.rows import Array
from hisn.engine.marks import MarkBlock
from hisn.events.schema import Cell

_MAX_KNOWN = 1 << 17
_MAX_KNOWN_VALUES = 1 << 15
"""Texts that are only counted are kept here alone, and an attacker makes each of them a new one."""


class Intake:
    """Remember the digests of values, and the texts of those that something is grouped by."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.texts: dict[int, tuple[str, ...]] = {}
        self._known: dict[tuple[int, bool], _Digests] = {}
        self._numbers = _Numbers()
        self._kept_texts = 0

    def asset(self, name: str) -> int:
        """Return the digest of the name of an asset."""
        digests = self._digests(1, is_group=True)
        digest = digests[name]
        digests.trim()
        return digest

    def column(self, column: Column, fields: Sequence[str], block: MarkBlock, rows: slice) -> Array:
        """Return one column for some rows of a block, whose records call its names so."""
        length = len(block.times[rows])
        if column.is_number:
            cells = block.columns.get(fields[0])
            if cells is None:
                return np.full(length, None, object)
            numbers = np.fromiter(map(self._numbers.__getitem__, cells[rows]), object, length)
            if len(self._numbers) > _MAX_KNOWN_VALUES:
                self._numbers.clear()
            return numbers
        digests = self._digests(len(fields), is_group=column.is_group)
        if not fields:
            return np.full(length, digests[()], np.int64)
        columns = [block.columns[field][rows] for field in fields if field in block.columns]
        if len(columns) < len(fields):
            return np.full(length, NOTHING, np.int64)
        several = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        found = np.fromiter(map(digests.__getitem__, several), np.int64, length)
        digests.trim()
        return found

    def _digests(self, names: int, *, is_group: bool) -> _Digests:
        # A list in one field is not the values of several fields: each has a memory of its own.
        digests = self._known.get((names, is_group))
        if digests is None:
            digests = self._known[names, is_group] = _Digests(names, self.texts if is_group else None)
        return digests

    def is_large(self) -> bool:
        """Tell whether many texts came since some were forgotten."""
        return 2 * len(self.texts) > 3 * self._kept_texts + _MAX_KNOWN

    def forget(self, wanted: Collection[int]) -> None:
        """Forget the texts of all digests but these."""
        self.texts = {digest: self.texts[digest] for digest in wanted if digest in self.texts}
        self._kept_texts = len(self.texts)
        self._known.clear()


class _Digests(dict[Any, int]):
    """Give the digest of a cell, or of a tuple of cells; `NOTHING` where one has no value."""

    def __init__(self, names: int, texts: dict[int, tuple[str, ...]] | None) -> None:
        super().__init__()
        self._is_single = names == 1
        self._texts = texts
        self._most = _MAX_KNOWN_VALUES if texts is None else _MAX_KNOWN

    def trim(self) -> None:
        """Forget all where there are too many: they keep the texts of their block while others are read."""
        if len(self) > self._most:
            self.clear()

    def __missing__(self, cell: Any) -> int:
        texts = texts_of_cells((cell,) if self._is_single else cell)
        digest = NOTHING
        if texts is not None:
            digest = digest_of(texts)
            if self._texts is not None:
                self._texts[digest] = texts
        self[cell] = digest
        return digest


class _Numbers(dict[Cell, int | None]):
    """Give the number of a cell."""

    def __missing__(self, cell: Cell) -> int | None:
        number = self[cell] = number_of(cell)
        return number
