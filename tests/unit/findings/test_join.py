from __future__ import annotations

import numpy as np
from tests.unit.findings.samples import HOUR_US, NIGHT_US, why

from hisn.findings.join import MANY_ASSETS, Hits, Opening, Strand, join_hits


def hits(time: int, *numbers: int) -> Hits:
    return Hits(len(numbers), len(numbers), (np.array(numbers),), Opening(time, min(numbers), why()))


def test_the_earlier_hit_opens_the_span_whatever_comes_first() -> None:
    late, early = hits(9, 1), hits(3, 7)
    assert join_hits(late, early).opening == join_hits(early, late).opening == early.opening


def test_at_one_moment_the_smaller_number_opens() -> None:
    assert join_hits(hits(3, 7), hits(3, 2)).opening.number == 2


def test_many_small_runs_become_one_array() -> None:
    joined = hits(0, 1)
    for number in range(2, 200):
        joined = join_hits(joined, hits(number, number))
    assert len(joined.numbers) <= 65
    assert (joined.count, joined.held) == (199, 199)


def test_the_first_records_of_every_span_are_kept() -> None:
    strand = Strand()
    for at in range(4):
        time = NIGHT_US + 9 * at * HOUR_US
        strand.add("EMS", time, time + 1, hits(time, *range(at * 100 + 1, at * 100 + 51)))
    strand.trim(60, now=True)
    kept = [int(part.held) for _asset, _first, _last, part in strand]
    assert kept == [50, 16, 16, 16]
    assert strand.count == 200


def test_a_strand_gives_up_time_before_assets() -> None:
    strand = Strand()
    for at in range(64):
        strand.add("EMS", NIGHT_US + 2 * at * HOUR_US, NIGHT_US + 2 * at * HOUR_US, hits(at, at + 1))
    strand.coarsen(8)
    assert strand.cells <= 8
    assert {asset for asset, *_rest in strand} == {"EMS"}
    for at in range(9):
        strand.add(f"host-{at}", NIGHT_US, NIGHT_US, hits(at, 1_000 + at))
    strand.coarsen(8)
    assert {asset for asset, *_rest in strand} == {MANY_ASSETS}
    assert sum(part.count for *_rest, part in strand) == 73
