"""Turn decoded JSON records into blocks: group rows by their keys, then work by columns.

Records of one program share few sets of keys, so that almost everything is settled once per set
of keys: renaming, log source, time field.  What is left per record is `tuple(record)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from hisn.core import limits
from hisn.events import windows
from hisn.events.batch import NO_TIME, Block, Int64s
from hisn.events.flatten import HoleError, flatten, scalar
from hisn.events.schema import Cell, Declaration, Layout, Logsource, Unparsed
from hisn.events.shapes import Recognised, object_texts, recognise
from hisn.events.source import Parsed
from hisn.events.times import parse_times

_PLAIN = frozenset({str, int, type(None)})
_MAX_KNOWN = 4_096

Columns = list[Sequence[Any]]
_Common: TypeAlias = tuple[Int64s, Int64s, Sequence[bytes | str]]
"""Numbers, times and raw bytes of all records that are read together."""


class RowReader:
    """Make blocks of JSON records of one source.

    `recognised` caches what is known of a set of names; it is bounded, because an attacker may
    send new names with every record.
    """

    def __init__(
        self,
        declaration: Declaration,
        recogniser: Callable[[tuple[str, ...]], Recognised] = recognise,
    ) -> None:
        self._declaration = declaration
        self._declared = Logsource(declaration.products, declaration.categories, declaration.services)
        self._recogniser = recogniser
        self._known: dict[tuple[str, ...], Recognised] = {}

    def read(self, records: Sequence[Any], numbers: Sequence[int], raws: Sequence[bytes | str]) -> Parsed:
        """Return blocks for records of any JSON type; `numbers` and `raws` go with them."""
        holes: list[Unparsed] = []
        groups = _by_keys(records, numbers, holes)
        drafts = []
        parsed = 0
        for names, rows in groups.items():
            columns: Columns = list(zip(*map(dict.values, (records[row] for row in rows)), strict=True))
            nested = settle(columns)
            if nested:
                for flat_names, flat_rows, flat_columns in _flattened(records, rows, numbers, holes):
                    drafts.append(_Draft(self._recognised(flat_names), flat_rows, flat_columns))
                    parsed += len(flat_rows)
            else:
                drafts.append(_Draft(self._recognised(names), rows, columns))
                parsed += len(rows)
        times = self._times(drafts, len(records))
        at = np.asarray(numbers, np.int64)
        blocks = [block for draft in drafts for block in self._blocks(draft, at, raws, times)]
        return Parsed(tuple(blocks), tuple(holes), parsed)

    def _recognised(self, names: tuple[str, ...]) -> Recognised:
        known = self._known.get(names)
        if known is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            known = self._recogniser(names)
            if self._declaration.zone_s is not None and "EventTime" in known.times:
                known = replace(known, times=("EventTime", *known.times))
            self._known[names] = known
        return known

    def _times(self, drafts: Sequence[_Draft], count: int) -> Int64s:
        """Return the times of all records; all texts of the stretch are read in one go."""
        times = np.full(count, NO_TIME, np.int64)
        zone_s = self._declaration.zone_s
        rank = 0
        while True:
            rows: list[int] = []
            texts: list[Cell] = []
            for draft in drafts:
                if rank < len(draft.recognised.times):
                    column = draft.columns[draft.recognised.names.index(draft.recognised.times[rank])]
                    rows.extend(draft.rows)
                    texts.extend(column)
            if not rows:
                return times
            where = np.array(rows, np.int64)
            missing = times[where] == NO_TIME
            if rank and not missing.all():
                where = where[missing]
                texts = [texts[int(at)] for at in np.flatnonzero(missing)]
            if len(where):
                single = [None if isinstance(text, tuple) else text for text in texts]
                times[where] = parse_times(single, zone_s)
            if not (times == NO_TIME).any():
                return times
            rank += 1

    def _blocks(
        self, draft: _Draft, numbers: Int64s, raws: Sequence[bytes | str], times: Int64s
    ) -> list[Block]:
        found, common = draft.recognised, (numbers, times, raws)
        if not found.constants:
            return [_block(self._layout(found, (), ()), draft.rows, draft.columns, common)]
        event = found.names.index("EventID") if "EventID" in found.names else None
        if event is None:
            return self._by_constants(draft, found.constants, common)
        draft.columns[event] = [_number(cell) for cell in draft.columns[event]]
        if found.kind != "windows":
            return self._by_constants(draft, found.constants, common)
        blocks = []
        for part in _by_event(draft, event):
            event_id = part.columns[event][0]
            promoted = windows.promoted(found.names, event_id)
            names = windows.add_registry_target(found.names, part.columns, event_id)
            if names is not found.names:
                part.recognised = replace(found, names=names)
            constants = found.constants + tuple(name for name in promoted if name not in found.constants)
            blocks += self._by_constants(part, constants, common)
        return blocks

    def _by_constants(self, draft: _Draft, constants: tuple[str, ...], common: _Common) -> list[Block]:
        found, rows = draft.recognised, draft.rows
        at = [found.names.index(name) for name in constants]
        split: dict[tuple[Cell, ...], list[int]] = {}
        for index, key in enumerate(zip(*(draft.columns[column] for column in at), strict=True)):
            split.setdefault(key, []).append(index)
        kept = [column for column in range(len(found.names)) if column not in at]
        blocks = []
        for key, indices in split.items():
            layout = self._layout(found, tuple(zip(constants, key, strict=True)), kept)
            columns: Columns = [draft.columns[column] for column in kept]
            if len(split) > 1:
                columns = [[column[index] for index in indices] for column in columns]
            blocks.append(_block(layout, [rows[index] for index in indices], columns, common))
        return blocks

    def _layout(
        self, found: Recognised, constants: tuple[tuple[str, Cell], ...], kept: Sequence[int]
    ) -> Layout:
        names = tuple(found.names[column] for column in kept) if constants else found.names
        kind = found.kind if self._declaration.kind is None else self._declaration.kind
        return Layout(kind, names, constants, self._declared, self._declaration.asset)


class _Draft:
    """Hold rows with the same names before they are split by constants."""

    __slots__ = ("columns", "recognised", "rows")

    def __init__(self, recognised: Recognised, rows: list[int], columns: Columns) -> None:
        self.recognised = recognised
        self.rows = rows
        self.columns = columns


def _by_keys(
    records: Sequence[Any], numbers: Sequence[int], holes: list[Unparsed]
) -> dict[tuple[str, ...], list[int]]:
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, record in enumerate(records):
        if type(record) is dict and record:
            keys = tuple(record)
            group = groups.get(keys)
            if group is None:
                groups[keys] = [row]
            else:
                group.append(row)
        else:
            holes.append(Unparsed("not a JSON object", number=numbers[row]))
    return groups


def settle(columns: Columns) -> bool:
    """Write booleans, fractions and lists of scalars as cells; tell whether objects are left."""
    if len(columns) > limits.MAX_FIELDS:
        return True
    for at, column in enumerate(columns):
        types = set(map(type, column))
        if types <= _PLAIN:
            continue
        if dict in types:
            return True
        if list in types:
            if any(type(item) in (dict, list) for cell in column if type(cell) is list for item in cell):
                return True
            columns[at] = [
                tuple(map(scalar, cell)) if type(cell) is list else scalar(cell) for cell in column
            ]
        else:
            columns[at] = [scalar(cell) for cell in column]
    return False


def _flattened(
    records: Sequence[Any], rows: Sequence[int], numbers: Sequence[int], holes: list[Unparsed]
) -> list[tuple[tuple[str, ...], list[int], Columns]]:
    """Flatten nested records and group them again by their dotted names."""
    groups: dict[tuple[str, ...], tuple[list[int], list[dict[str, Cell]]]] = {}
    for row in rows:
        try:
            flat = windows.without_noise(flatten(windows.named_data(records[row])))
        except HoleError as hole:
            holes.append(Unparsed(hole.reason, number=numbers[row]))
            continue
        flat.update(object_texts(records[row]))
        group = groups.setdefault(tuple(flat), ([], []))
        group[0].append(row)
        group[1].append(flat)
    return [
        (names, members, list(zip(*map(dict.values, flats), strict=True)))
        for names, (members, flats) in groups.items()
    ]


def _number(cell: Cell) -> Cell:
    """Return an event id as an integer, for some exports write it as text."""
    if isinstance(cell, str) and cell.isascii() and cell.isdigit() and len(cell) < 10:
        return int(cell)
    return cell


def _by_event(draft: _Draft, event: int) -> list[_Draft]:
    """Split the rows of events that have columns of their own from all others.

    What becomes of one record must not hang on the record that happens to stand before it.
    """
    ids = draft.columns[event]
    kinds = set(ids)
    special = {each for each in kinds if windows.is_special(each)}
    if not special or len(kinds) == 1:
        return [draft]
    parts: dict[Cell, list[int]] = {}
    for index, event_id in enumerate(ids):
        parts.setdefault(event_id if event_id in special else None, []).append(index)
    return [
        _Draft(
            draft.recognised,
            [draft.rows[index] for index in indices],
            [[column[index] for index in indices] for column in draft.columns],
        )
        for indices in parts.values()
    ]


def _block(layout: Layout, rows: list[int], columns: Columns, common: _Common) -> Block:
    numbers, times, raws = common
    at = np.array(rows, np.int64)
    return Block(layout, numbers[at], times[at], columns, [raws[row] for row in rows])
