from __future__ import annotations

from tests.unit.app.watch.test_outbox import change

from hisn.app.watch.cycle import Cycle, PieceRecord
from hisn.app.watch.outbox import Told
from hisn.app.watch.status import Moments
from hisn.findings.follow import Change


def cycle(arrived_us: int) -> Cycle:
    piece = PieceRecord("s", 0, 1, 0, 0, 9, arrived_us, "", "")
    return Cycle(number=1, now_us=arrived_us, previous="", first=-1, positions={}, pieces=(piece,))


def test_the_most_severe_and_newest_stand_first_and_what_is_over_is_gone() -> None:
    moments = Moments()
    changes = [change("a", level="low"), change("b", level="critical"), change("c", level="low")]
    moments.listen(cycle(5), [Told(at, each) for at, each in enumerate(changes)])
    assert [finding.level for finding in moments.attacked(10)] == ["critical", "low", "low"]
    over = changes[1]
    moments.listen(cycle(6), [Told(9, Change(over.finding, "b", 2, "closed"))])
    joined = Change(changes[0].finding, "a", 2, "grown", ("c",))
    moments.listen(cycle(6), [Told(9, joined)])
    assert len(moments.attacked(10)) == 1


def test_rate_and_lag_are_of_the_last_seconds() -> None:
    moments = Moments()
    assert moments.rate() == 0.0
    for second in range(30):
        moments.judged(second * 1_000_000, second * 500)
    assert moments.rate() == 500.0
    moments.listen(cycle(1_000_000), [])
    assert moments.lag_us(1_400_000) == 400_000
