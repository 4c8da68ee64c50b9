"""Put the rows of one layout together, whichever chunks they came in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, compress
from typing import TypeVar

import numpy as np

from hisn.engine.domains import Domain, Domains
from hisn.engine.fieldtests import KEYWORDS
from hisn.engine.reference import raw_text_of
from hisn.engine.rows import FEW_ROWS, Bools, FewRows, FieldRows, JoinedRows, ManyRows
from hisn.events.batch import Block, Int64s
from hisn.events.mapping import FieldView, Shape
from hisn.events.schema import Cell

T = TypeVar("T")

_RAW = FieldView(None)


class Stretch:
    """Hold one block's judged rows: all of it, or those that `keep` marks."""

    __slots__ = ("_keep", "block", "count", "source")

    def __init__(self, source: int, block: Block, keep: Bools | None) -> None:
        self.source = source
        self.block = block
        self._keep = keep
        self.count = len(block.numbers) if keep is None else int(keep.sum())

    def judged(self, column: Sequence[T]) -> Sequence[T]:
        """Return the judged items of a column or of the raw records."""
        return column if self._keep is None else list(compress(column, self._keep))

    def array(self, values: Int64s) -> Int64s:
        """Return the judged rows of an array."""
        return values if self._keep is None else values[self._keep]

    def row(self, judged: int) -> int:
        """Return the row in the block of a judged row."""
        return judged if self._keep is None else int(np.flatnonzero(self._keep)[judged])

    def rows(self, judged: Int64s) -> Int64s:
        """Return the rows in the block of judged rows."""
        return judged if self._keep is None else np.flatnonzero(self._keep)[judged]


class Group:
    """Hold rows of one layout, and per field which rows have which values (made when asked for)."""

    def __init__(self, shape: Shape, names: Sequence[str], domains: Domains) -> None:
        """Take the shape, and the plan's field names and domains."""
        self.shape = shape
        self.count = 0
        self.full = 0
        self.first_row = 0
        """Position of the first row in the batch."""
        self._names = names
        self._domains = domains
        self._stretches: list[Stretch] = []
        self._ends: list[int] = []
        self._rows: dict[int, FieldRows | None] = {}

    def add(self, stretch: Stretch) -> None:
        """Add rows; only before any question is asked."""
        self._stretches.append(stretch)
        self.count += stretch.count
        self._ends.append(self.count)
        self.full = (1 << self.count) - 1

    def stretches(self) -> Iterator[Stretch]:
        """Yield the stretches in the order of rows."""
        yield from self._stretches

    def place(self, row: int) -> tuple[Block, int]:
        """Return the block, and the row in it, of a row of the group."""
        index = bisect_right(self._ends, row)
        stretch = self._stretches[index]
        return stretch.block, stretch.row(row - (self._ends[index] - stretch.count))

    def view(self, field: int) -> FieldView | None:
        """Return the view of the field at a position of the plan; None where it is missing."""
        return self.shape.fields.get(self._names[field])

    def cells(self, view: FieldView) -> Sequence[Cell]:
        """Return the cells behind a view that has a column, one per row, as they were read."""
        index = view.column
        if index is None:
            return [view.constant] * self.count
        return _joined([stretch.judged(stretch.block.columns[index]) for stretch in self._stretches])

    def picked(self, view: FieldView, rows: Int64s) -> list[Cell]:
        """Return what rules see of a field in some rows, given in ascending order."""
        index = view.column
        if index is None:
            return [view.see(view.constant)] * len(rows)
        cells: list[Cell] = []
        low = 0
        for stretch, end in zip(self._stretches, self._ends, strict=True):
            high = int(np.searchsorted(rows, end))
            if low < high:
                column = stretch.block.columns[index]
                inside = stretch.rows(rows[low:high] - (end - stretch.count))
                cells.extend([column[row] for row in inside.tolist()])
            low = high
        if view.table is None:
            return cells
        seen = {cell: view.see(cell) for cell in dict.fromkeys(cells)}
        return [seen[cell] for cell in cells]

    def touch(self, field: int) -> FieldRows | None:
        """Return the rows of a field whose values may not be judged yet; None where it is missing."""
        if field in self._rows:
            return self._rows[field]
        name = self._names[field]
        if name == KEYWORDS:
            rows: FieldRows | None = self._keyword_rows(field)
        else:
            view = self.view(field)
            rows = None if view is None else self._view_rows(self._domains.of(field, view), view)
        self._rows[field] = rows
        return rows

    def rows(self, field: int) -> FieldRows | None:
        """Return the rows of a field with all values judged; None where it is missing."""
        if field not in self._rows:
            self.touch(field)
            self._domains.settle_field(field)
        return self._rows[field]

    def _view_rows(self, domain: Domain, view: FieldView) -> FieldRows:
        if view.column is None:
            return FewRows(domain, {domain.codes[view.constant]: self.full})
        return self._coded(domain, self.cells(view))

    def _coded(self, domain: Domain, cells: Sequence[Cell]) -> FieldRows:
        codes = map(domain.codes.__getitem__, cells)
        if self.count <= FEW_ROWS:
            return FewRows.of(domain, codes)
        return ManyRows(domain, np.fromiter(codes, np.int32, self.count))

    def _keyword_rows(self, field: int) -> FieldRows:
        # One column under three names is searched once.
        views = {
            (view.column, view.constant, 0 if view.table is None else id(view.table)): view
            for view in self.shape.fields.values()
        }
        parts = [self._view_rows(self._domains.of(field, view), view) for view in views.values()]
        raws = _joined([stretch.judged(stretch.block.raws) for stretch in self._stretches])
        lines = [raw_text_of(raw) for raw in raws]
        if any(line is not None for line in lines):
            parts.append(self._coded(self._domains.of(field, _RAW), lines))
        return JoinedRows(parts)


def _joined(parts: Sequence[Sequence[T]]) -> Sequence[T]:
    return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))
