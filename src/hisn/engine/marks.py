"""Carry what correlations need of the hits of a rule: marks, in columns.

A *mark* is one hit seen from a correlation: which record, when, and the cells of the few fields by
which it is grouped or measured.  Marks are taken beside the hits, for the rules alone that some
correlation refers to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hisn.events.batch import Int64s
from hisn.events.schema import Cell


@dataclass(frozen=True, slots=True)
class MarkBlock:
    """Hold the marks of one rule in one source on one asset, out of one batch.

    `rule` indexes `Pack.rules`.  `numbers`, `times` int64[n], sorted by (time, number); `NO_TIME`
    where the record has no time.  `columns` has one sequence of n cells for each wanted field
    that the records have, as rules see them (the mapping's tables applied); a field that is not
    in `columns` is missing in all the n records, and a null cell is null.
    """

    rule: int
    source: str
    asset: str
    numbers: Int64s
    times: Int64s
    columns: Mapping[str, Sequence[Cell]]
