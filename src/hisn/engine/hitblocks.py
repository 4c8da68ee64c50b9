"""Turn sets of rows into hits and marks, and rows into the presence of assets: in arrays, however many."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hisn.engine.groups import Group
from hisn.engine.hits import Decisive, HitBlock, runs_of
from hisn.engine.marks import MarkBlock
from hisn.engine.plan import Plan
from hisn.engine.reference import decisive, explain, holds, raw_text_of
from hisn.engine.rows import rows_of
from hisn.events.batch import Int64s
from hisn.events.mapping import Mapping as FieldMapping
from hisn.events.schema import Cell, texts_of
from hisn.rules.expr import Atom, Const, Expr

Places: TypeAlias = npt.NDArray[np.intp]

_MAX_KEPT_RECORDS = 1024


class Batch:
    """Hold the groups of a batch, one after the other, and the hits on their rows."""

    def __init__(self, groups: Sequence[Group], sources: Sequence[str]) -> None:
        """Take complete groups, and the names of the sources by their number."""
        self.groups = groups
        self._sources = sources
        self._first_rows: list[int] = []
        rows = 0
        for group in groups:
            group.first_row = rows
            self._first_rows.append(rows)
            rows += group.count
        stretches = [stretch for group in groups for stretch in group.stretches()]
        counts = [stretch.count for stretch in stretches]
        self._times = _concatenated([stretch.array(stretch.block.times) for stretch in stretches])
        self._numbers = _concatenated([stretch.array(stretch.block.numbers) for stretch in stretches])
        # Sources and assets are numbered in the order of their names: arrays then sort like names.
        ranks = {name: rank for rank, name in enumerate(sorted(sources))}
        self._source_names = sorted(sources)
        self._of_source = np.repeat(
            np.array([ranks[sources[stretch.source]] for stretch in stretches], np.int64), counts
        )
        self._asset_names, self._of_asset = _assets(groups)
        self._hit_rules: list[int] = []
        self._hit_rows: list[Places] = []
        self._marks: list[tuple[int, Group, Int64s]] = []

    def add_hits(self, rule: int, group: Group, mask: int) -> None:
        """Add hits of a rule on rows of a group."""
        self._hit_rules.append(rule)
        self._hit_rows.append(rows_of(mask, group.count) + group.first_row)

    def add_marks(self, rule: int, group: Group, mask: int) -> None:
        """Add marks of a rule on rows of a group."""
        self._marks.append((rule, group, rows_of(mask, group.count).astype(np.int64, copy=False)))

    def presence(self) -> tuple[tuple[str, Int64s], ...]:
        """Return the sorted times of each asset's records."""
        if not len(self._times):
            return ()
        order = np.lexsort((self._times, self._of_asset))
        assets, times = self._of_asset[order], self._times[order]
        starts = np.flatnonzero(np.diff(assets, prepend=-1))
        return tuple(
            (self._asset_names[assets[start]], part)
            for start, part in zip(starts.tolist(), np.split(times, starts[1:]), strict=True)
        )

    def hit_blocks(self, plan: Plan, mapping: FieldMapping) -> tuple[HitBlock, ...]:
        """Return the hits: one block per rule, source, asset and run, in this order."""
        if not self._hit_rules:
            return ()
        rules = np.repeat(np.array(self._hit_rules, np.int64), [len(rows) for rows in self._hit_rows])
        rows = np.concatenate(self._hit_rows)
        sources, assets = self._of_source[rows], self._of_asset[rows]
        times, numbers = self._times[rows], self._numbers[rows]
        order = np.lexsort((numbers, times, assets, sources, rules))
        rules, rows, sources, assets = rules[order], rows[order], sources[order], assets[order]
        times, numbers = times[order], numbers[order]
        cuts = (np.diff(rules) != 0) | (np.diff(sources) != 0) | (np.diff(assets) != 0)
        edges = [0, *(np.flatnonzero(cuts) + 1).tolist(), len(rows)]
        why = _Why(self, plan, mapping)
        blocks: list[HitBlock] = []
        for low, high in pairwise(edges):
            rule = int(rules[low])
            source, asset = self._source_names[sources[low]], self._asset_names[assets[low]]
            for start, end in runs_of(times[low:high]):
                part = slice(low + start, low + end)
                reasons = why.of(rule, int(rows[low + start]))
                # Copies: a view would keep the arrays of the whole batch alive.
                hit = HitBlock(rule, source, asset, numbers[part].copy(), times[part].copy(), reasons)
                blocks.append(hit)
        return tuple(blocks)

    def mark_blocks(self, wanted: Mapping[int, Sequence[str]]) -> tuple[MarkBlock, ...]:
        """Return the marks with the wanted fields of each rule, sorted by (rule, source, asset).

        Records of one rule, source and asset that have different fields are in different blocks.
        """
        blocks = [
            block
            for rule, group, rows in self._marks
            for block in self._blocks_of(rule, group, rows, wanted[rule])
        ]
        return tuple(sorted(blocks, key=lambda block: (block.rule, block.source, block.asset)))

    def _blocks_of(self, rule: int, group: Group, rows: Int64s, wanted: Sequence[str]) -> Iterator[MarkBlock]:
        views = {name: view for name in wanted if (view := group.shape.fields.get(name)) is not None}
        columns = {name: group.picked(view, rows) for name, view in views.items()}
        places = rows + group.first_row
        sources, assets = self._of_source[places], self._of_asset[places]
        times, numbers = self._times[places], self._numbers[places]
        order = np.lexsort((numbers, times, assets, sources))
        cuts = (np.diff(sources[order]) != 0) | (np.diff(assets[order]) != 0)
        for part in np.split(order, np.flatnonzero(cuts) + 1):
            taken = part.tolist()
            yield MarkBlock(
                rule,
                self._source_names[sources[part[0]]],
                self._asset_names[assets[part[0]]],
                numbers[part],
                times[part],
                {name: [cells[row] for row in taken] for name, cells in columns.items()},
            )

    def place(self, row: int) -> tuple[Group, int]:
        """Return the group of a row of the batch, and the row in it."""
        group = self.groups[bisect_right(self._first_rows, row) - 1]
        return group, row - group.first_row


class _Why:
    """Explain hits as `reference.trace` does, by the answers that are there already."""

    def __init__(self, batch: Batch, plan: Plan, mapping: FieldMapping) -> None:
        self._batch = batch
        self._plan = plan
        self._mapping = mapping
        self._rule = -1
        self._condition: Expr = Const(holds=False)
        self._places: dict[Atom, tuple[int, int]] = {}
        self._records: dict[int, tuple[dict[str, Cell], str | None]] = {}

    def of(self, rule: int, row: int) -> tuple[Decisive, ...]:
        """Return why a rule holds for a row of the batch."""
        if rule != self._rule:  # hits come rule by rule
            self._rule = rule
            self._condition = self._plan.condition(rule)
            self._places = self._plan.places_of(rule, self._condition)
        group, inside = self._batch.place(row)
        record, raw_text = self._record(row, group, inside)

        def atom_holds(atom: Atom) -> bool:
            field, test_id = self._places[atom]
            if field < 0:
                return holds(atom, record, raw_text)
            rows = group.rows(field)
            return rows is not None and rows.holds(test_id, inside)

        return tuple(explain(atom, record, raw_text) for atom in decisive(self._condition, atom_holds))

    def _record(self, row: int, group: Group, inside: int) -> tuple[dict[str, Cell], str | None]:
        record = self._records.get(row)
        if record is None:
            if len(self._records) >= _MAX_KEPT_RECORDS:
                self._records.clear()
            block, place = group.place(inside)
            record = self._mapping.record(block, place), raw_text_of(block.raws[place])
            self._records[row] = record
        return record


def _concatenated(arrays: Sequence[Int64s]) -> Int64s:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _assets(groups: Sequence[Group]) -> tuple[list[str], Int64s]:
    """Return the names of all assets, sorted, and the position of each row's asset among them."""
    ids: dict[str, int] = {}
    parts: list[Int64s] = []
    for group in groups:
        shape = group.shape
        view = None if shape.asset is None else shape.fields[shape.asset]
        if shape.asset_constant is not None or view is None or view.column is None:
            name = shape.asset_constant
            if name is None:
                name = "" if view is None else _asset_of(view.see(view.constant))
            parts.append(np.full(group.count, ids.setdefault(name, len(ids)), np.int64))
            continue
        cells = group.cells(view)
        known = {cell: ids.setdefault(_asset_of(view.see(cell)), len(ids)) for cell in dict.fromkeys(cells)}
        parts.append(np.fromiter(map(known.__getitem__, cells), np.int64, group.count))
    names = sorted(ids)
    ranks = np.zeros(len(ids), np.int64)
    for rank, name in enumerate(names):
        ranks[ids[name]] = rank
    return names, ranks[_concatenated(parts)]


def _asset_of(cell: Cell) -> str:
    """Return the asset's name: the field's first text, empty where it has none."""
    texts = texts_of(cell)
    return texts[0] if texts else ""
