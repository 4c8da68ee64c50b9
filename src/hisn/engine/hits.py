"""Carry what the engine found: hits, in columns."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.events.batch import Int64s
from hisn.events.schema import Cell


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

    `rule` indexes `Pack.rules`.  `numbers`, `times` int64[n], sorted by (time, number).
    `why` explains the first of them, in the order of the condition; other hits of the same rule
    are explained on request by the reference engine.
    """

    rule: int
    source: str
    asset: str
    numbers: Int64s
    times: Int64s
    why: tuple[Decisive, ...]
