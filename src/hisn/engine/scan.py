"""Judge batches of chunks by a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hisn.engine import reference
from hisn.engine.hits import HitBlock
from hisn.events.batch import NO_TIME, Chunk, Int64s
from hisn.events.schema import Cell, Logsource, texts_of

if TYPE_CHECKING:
    from hisn.engine.plan import Plan
    from hisn.events.mapping import Mapping


@dataclass(frozen=True, slots=True)
class Window:
    """Bound the times that are judged, in microseconds since 1970 UTC; `end` is exclusive.

    A record without a time is always judged: it could be inside.
    """

    start: int | None = None
    end: int | None = None

    def contains(self, time: int) -> bool:
        """Tell whether a time (or `NO_TIME`) is judged."""
        if time == NO_TIME:
            return True
        return (self.start is None or time >= self.start) and (self.end is None or time < self.end)


@dataclass(frozen=True, slots=True)
class Scan:
    """Hold what one batch gave.

    `hits` sorted by (rule, source, asset).  `seen` counts judged records by log source.
    `presence` gives the times of the judged records of each asset, sorted, `outside_window` the
    records of each source that the window left out.
    """

    hits: tuple[HitBlock, ...]
    seen: dict[Logsource, int]
    presence: tuple[tuple[str, Int64s], ...]
    outside_window: dict[str, int]


class Scanner:
    """Judge batches; the answer for a record depends on that record alone."""

    def __init__(
        self, plan: Plan, mapping: Mapping, window: Window | None = None, *, use_hyperscan: bool = True
    ) -> None:
        self._plan = plan
        self._mapping = mapping
        self._window = window or Window()

    def scan(self, chunks: Sequence[Chunk]) -> Scan:
        """Judge all records of the chunks."""
        hits: dict[tuple[int, str, str], list[tuple[int, int]]] = {}
        why: dict[tuple[int, str, str], tuple[tuple[int, int], dict[str, Cell], str | None]] = {}
        seen: dict[Logsource, int] = {}
        presence: dict[str, list[int]] = {}
        outside: dict[str, int] = {}
        for chunk in chunks:
            for block, row in chunk.rows():
                time, number = int(block.times[row]), int(block.numbers[row])
                if not self._window.contains(time):
                    outside[chunk.source] = outside.get(chunk.source, 0) + 1
                    continue
                shape = self._mapping.shape(block.layout)
                record = self._mapping.record(block, row)
                raw = reference.raw_text_of(block.raws[row])
                asset = shape.asset_constant
                if asset is None:
                    names = texts_of(record.get(shape.asset)) if shape.asset else ()
                    asset = names[0] if names else ""
                seen[shape.logsource] = seen.get(shape.logsource, 0) + 1
                presence.setdefault(asset, []).append(time)
                for index, rule in enumerate(self._plan.rules):
                    source = rule.logsource
                    if not shape.logsource.satisfies(source.product, source.category, source.service):
                        continue
                    if reference.holds(rule.condition, record, raw):
                        key = (index, chunk.source, asset)
                        hits.setdefault(key, []).append((time, number))
                        if key not in why or why[key][0] > (time, number):
                            why[key] = ((time, number), record, raw)
        blocks = []
        for key in sorted(hits):
            pairs = np.array(sorted(hits[key]), dtype=np.int64)
            _, record, raw = why[key]
            reasons = reference.trace(self._plan.rules[key[0]].condition, record, raw)
            blocks.append(HitBlock(*key, numbers=pairs[:, 1], times=pairs[:, 0], why=reasons))
        times = tuple((asset, np.array(sorted(presence[asset]), np.int64)) for asset in sorted(presence))
        return Scan(tuple(blocks), seen, times, outside)
