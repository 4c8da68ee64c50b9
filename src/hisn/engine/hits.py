"""Carry what the engine found: hits, in columns."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from hisn.core import limits
from hisn.events.batch import NO_TIME, Int64s
from hisn.events.schema import Cell

_GAP_US = limits.FINDING_GAP_S * 1_000_000


@dataclass(frozen=True, slots=True)
class Decisive:
    """Name one test that held and the value that made it hold, for one record.

    `test` is the operator as rule authors write it (``CommandLine|contains``), `pattern` what it
    looked for, `value` the field's cell (None and missing both show as None).
    """

    field: str
    test: str
    pattern: str
    value: Cell


@dataclass(frozen=True, slots=True)
class HitBlock:
    """Hold the hits of one rule in one source on one asset, out of one batch.

    `rule` indexes `Pack.rules`.  `numbers`, `times` int64[n], sorted by (time, number), one run
    (see `runs_of`): every finding then begins with the first hit of some block, however records
    were divided into batches.  `why` explains that first hit, in the order of the condition;
    other hits of the same rule are explained on request by the reference engine.
    """

    rule: int
    source: str
    asset: str
    numbers: Int64s
    times: Int64s
    why: tuple[Decisive, ...]


def runs_of(times: Int64s) -> list[tuple[int, int]]:
    """Cut sorted times into runs [low, high) without a gap longer than `limits.FINDING_GAP_S`.

    Records without a time (`NO_TIME` sorts first) are one run of their own.
    """
    untimed = int(np.searchsorted(times, NO_TIME, side="right"))
    cuts = np.flatnonzero(np.diff(times[untimed:]) > _GAP_US) + untimed + 1
    edges = [0, *([untimed] if untimed else []), *cuts.tolist(), len(times)]
    return [(low, high) for low, high in itertools.pairwise(edges) if low < high]
