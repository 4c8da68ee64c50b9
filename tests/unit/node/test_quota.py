from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.unit.node.samples import NOW_S

from hisn.core.instant import Instant
from hisn.node.quota import Allowance, Overrun, Quota
from hisn.testing.fake_clock import FakeClock

HOUR_US = 3_600_000_000


def make(requests: int = 3, size_bytes: int = 100) -> tuple[Quota, FakeClock, list[Overrun]]:
    clock, reports = FakeClock(), list[Overrun]()
    return Quota(Allowance(requests, size_bytes), clock, reports.append), clock, reports


def test_a_member_has_its_share_and_no_more() -> None:
    quota, _, _ = make()
    assert [quota.admits("north", 10) for _ in range(5)] == [True, True, True, False, False]
    assert quota.admits("east", 10)


def test_bytes_count_too() -> None:
    quota, _, _ = make()
    assert [quota.admits("north", size) for size in (60, 50, 40, 1)] == [True, False, True, False]


def test_an_overrun_is_reported_once_for_its_window_with_its_count() -> None:
    quota, clock, reports = make()
    for _ in range(10):
        quota.admits("north")
        quota.admits("east") if not reports else None
    assert reports == []
    clock.advance(3_600)
    assert quota.admits("west")
    quota.close_window()
    start = Instant(NOW_S * 1_000_000 // HOUR_US * HOUR_US)
    assert reports == [Overrun("north", start, 7), Overrun("east", start, 7)]


def test_a_new_window_begins_with_a_whole_share() -> None:
    quota, clock, reports = make(requests=1)
    assert [quota.admits("north"), quota.admits("north")] == [True, False]
    clock.advance(3_600)
    assert quota.admits("north")
    assert len(reports) == 1


def test_a_clock_that_goes_back_gives_no_second_share() -> None:
    quota, clock, reports = make(requests=1)
    quota.admits("north")
    clock.advance(-7_200)
    assert not quota.admits("north")
    assert reports == []


def test_many_threads_get_one_share_together() -> None:
    quota, _, _ = make(requests=100)
    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(lambda _: quota.admits("north"), range(400)))
    assert sum(admitted) == 100
