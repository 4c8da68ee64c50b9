"""The events around one are those that the source wrote before and after it, whatever batches they are in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hisn.app.pack_context import around

COUNTS = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@given(COUNTS, st.integers(0, 30), st.integers(0, 12))
def test_batches_are_walked_over_as_if_they_were_one_row(counts: list[int], which: int, size: int) -> None:
    chain = [10 * at for at in range(len(counts))]
    row = [(leaf, index) for leaf, count in zip(chain, counts, strict=True) for index in range(count)]
    if not row:
        return
    at = which % len(row)
    found = list(around(chain, row[at], size, lambda leaf: counts[leaf // 10]))
    assert sorted(found) == [*row[max(0, at - size) : at], *row[at + 1 : at + 1 + size]]
    assert len(found) == len(set(found))
