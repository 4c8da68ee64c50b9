"""Totals that are kept are those that are counted anew: by hypothesis, in one group and in several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from hisn.engine.correlate.block import block_of
from hisn.engine.correlate.log import Log
from hisn.engine.correlate.plan import Column
from hisn.engine.correlate.rows import Rows
from hisn.engine.correlate.totals import Distinct, Totals

SPAN = 4
Event = tuple[int, int, int]

events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), max_size=30)


def rows_of(members: list[tuple[int, Event]]) -> Rows:
    """Return rows of (time, (_, slot, value)); the second column has the values as numbers."""
    size = len(members)
    values = np.array([value for _, (_, _, value) in members], np.int64)
    return Rows(
        np.array([time for time, _ in members], np.int64),
        np.zeros(size, np.int32),
        np.arange(size),
        values.astype(np.int32),
        np.ones(size, np.int32),
        np.zeros(size, np.int64),
        (values, values, values.astype(object)),
    )


KINDS: dict[str, tuple[Callable[[], Any], Callable[[list[int]], int]]] = {
    "events": (lambda: Totals(None), len),
    "sums": (lambda: Totals(2), sum),
    "values": (lambda: Distinct(1), lambda inside: len(set(inside))),
    "feeds": (lambda: Distinct(None, (7, 7, 8)), lambda inside: len({value == 2 for value in inside})),
}


@pytest.mark.parametrize("kind", KINDS)
@given(events, st.lists(st.integers(1, 6), min_size=1, max_size=8), st.booleans())
def test_totals_are_those_of_the_windows(
    kind: str, given_events: list[Event], sizes: list[int], is_rebuilt: bool
) -> None:
    log = Log((Column(("g",)), Column(("v",)), Column(("n",), is_number=True)))
    make, expected = KINDS[kind]
    totals = make()
    time = 0
    timed = [(time := time + step + 1, (step, slot, value)) for step, slot, value in given_events]
    done = 0
    for size in sizes * (len(timed) + 1):
        part = timed[done : done + size]
        if not part:
            break
        done += len(part)
        held = len(log)
        log.append(rows_of(part), np.array([slot for _, (_, slot, _) in part], np.int32))
        block = block_of(log, held, SPAN, 1 << 40)
        found = totals.windows(block, 3).tolist()
        for index, place in enumerate(block.places.tolist()):
            at, slot = int(log.times[place]), int(block.slots[index])
            window = [each for when, each in timed[:done] if at - SPAN <= when <= at and each[1] == slot]
            assert found[index] == expected([value for _, _, value in window])
        out = int(block.begins[-1])
        start = int(np.searchsorted(log.times, part[-1][0] - SPAN, side="right"))
        totals.drop(log, out, start)
        log.drop(start)
        if is_rebuilt:
            log.renumber(log.slots.copy())
            totals.rebuild(log, 3)
