from __future__ import annotations

import numpy as np
import pytest
from tests.unit.findings.samples import NIGHT_US
from tests.unit.rules.correlations import correlate, pack_of, rule

from hisn.app.correlated import RunCorrelations
from hisn.engine.marks import MarkBlock
from hisn.events.batch import NO_TIME

PACK = pack_of((rule(1), rule(2)), (correlate(1, rule(1), group_by=("User",)),))


def marks(source: str, *times: int, user: str = "anna") -> MarkBlock:
    numbers = np.arange(1, len(times) + 1, dtype=np.int64)
    return MarkBlock(0, source, "H", numbers, np.array(times, np.int64), {"User": [user] * len(times)})


def run_of() -> RunCorrelations:
    return RunCorrelations(PACK, "m", lambda _source: "")


def test_it_says_what_a_scanner_needs_to_know() -> None:
    run = run_of()
    assert dict(run.wanted) == {0: ("User",)}
    assert run.silenced == {0}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_parts_come_in_any_order(order: tuple[int, ...]) -> None:
    parts = [marks("a", NIGHT_US), marks("b", NIGHT_US + 1), marks("c", NIGHT_US + 2, user="bela")]
    run = run_of()
    for at in order:
        run.add([parts[at]])
    (finding,), tally = run.finish()
    assert [(part.source, part.records) for part in finding.evidence] == [("a", (1,)), ("b", (1,))]
    assert finding.group == (("User", "anna"),)
    assert tally.unplaced == ()


def test_marks_without_a_time_are_counted() -> None:
    run = run_of()
    run.add([marks("a", NO_TIME, NO_TIME)])
    findings, tally = run.finish()
    assert findings == ()
    assert [(each.rule, each.source, each.untimed, each.late) for each in tally.unplaced] == [(0, "a", 2, 0)]
