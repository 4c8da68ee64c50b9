from __future__ import annotations

import numpy as np

from hisn.core.histogram import Histogram


def test_points_are_counted_by_cell() -> None:
    histogram = Histogram(10, 100)
    histogram.add(np.array([0, 9, 10, -1]))
    assert histogram.starts() == [(-10, 1), (0, 2), (10, 1)]


def test_too_many_cells_become_wider_ones() -> None:
    histogram = Histogram(10, 3)
    histogram.add(np.arange(0, 100, 10))
    assert histogram.width == 40
    assert histogram.starts() == [(0, 4), (40, 4), (80, 2)]


def test_no_points_are_no_cells() -> None:
    histogram = Histogram(10, 3)
    histogram.add(np.array([], dtype=np.int64))
    assert histogram.starts() == []


def test_what_was_dumped_goes_on_as_it_was() -> None:
    histogram, other = Histogram(10, 3), Histogram(10, 3)
    histogram.add(np.arange(0, 100, 10))
    other.load(histogram.dump())
    for each in (histogram, other):
        each.add(np.array([200]))
    assert other.starts() == histogram.starts()
    assert other.dump() == histogram.dump()
