from __future__ import annotations

import pytest
from tests.unit.present.samples import report

from hisn.findings.model import Activity
from hisn.present.charts import bars_of, levels_by, nice_ceiling, shares, timeline


def active(start: str, hits: int = 1, level: str = "high", seconds: int = 3600) -> Activity:
    return Activity(level=level, start=start, seconds=seconds, hits=hits)


def test_bars_hold_every_hit_once() -> None:
    bars = bars_of(
        [active("2026-11-03T18:00:00.000000Z", 3), active("2026-11-05T18:00:00.000000Z", 4, "low")]
    )
    assert bars is not None
    assert sum(bars.totals) == 7
    assert bars.hours == 1
    assert len(bars.starts) == 49


@pytest.mark.parametrize("first", ["0001-01-01T00:00:00.000000Z", "2020-01-01T00:00:00.000000Z"])
def test_absurd_times_do_not_draw_millions_of_bars(first: str) -> None:
    bars = bars_of([active(first), active("9999-12-31T23:00:00.000000Z")])
    assert bars is not None
    assert len(bars.starts) <= 72
    assert sum(bars.totals) == 2
    assert "<svg" in timeline(bars, "label")


def test_wide_cells_are_never_drawn_narrower() -> None:
    bars = bars_of([active("2026-11-03T00:00:00.000000Z", seconds=4 * 3600)])
    assert bars is not None
    assert bars.hours == 6


def test_no_time_no_chart() -> None:
    assert bars_of([]) is None


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (3, 4), (6, 10), (41, 50), (1_001, 2_000)])
def test_an_axis_ends_at_a_round_number(value: int, top: int) -> None:
    assert nice_ceiling(value) == top


def test_one_hit_beside_thousands_is_still_drawn() -> None:
    bars = bars_of(
        [active("2026-11-03T18:00:00.000000Z", 100_000), active("2026-11-03T19:00:00.000000Z", 1, "critical")]
    )
    assert bars is not None
    assert 'class="fill-critical"' in timeline(bars, "label")


def test_a_label_cannot_leave_its_attribute() -> None:
    bars = bars_of([active("2026-11-03T18:00:00.000000Z")])
    assert bars is not None
    assert '"&gt;' not in timeline(bars, "plain")
    assert "<script" not in timeline(bars, '"><script>')


def test_shares_are_drawn_to_one_scale() -> None:
    made = report()
    (share,) = shares(made.summary.assets, levels_by(made.findings, "asset"))
    assert (share.findings, share.hits) == (3, 4)
    assert 'width="500"' in share.bar
