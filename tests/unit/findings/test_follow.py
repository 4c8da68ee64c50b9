from __future__ import annotations

from tests.unit.findings.samples import HOUR_US, NIGHT_US, block, rule

from hisn.core.packed import pack, unpack
from hisn.engine.hits import HitBlock
from hisn.events.batch import NO_TIME
from hisn.findings.build import FindingBuilder
from hisn.findings.follow import Change, Follower, dump_finding, load_finding

RULES = (rule(0, "high", "stable"), rule(1, "low"))
MINUTE_US = 60_000_000


class Night:
    """Follow what a builder makes, cycle by cycle."""

    def __init__(self) -> None:
        self.builder = FindingBuilder(RULES, "mapping", "1.0")
        self.follower = Follower(MINUTE_US)

    def cycle(self, now_us: int, *blocks: HitBlock, horizon: int | None = None) -> tuple[Change, ...]:
        for each in blocks:
            self.builder.add(each)
        for spanned in self.builder.changed():
            self.follower.see(spanned)
        for spanned in self.builder.take_closed(lambda _source: NIGHT_US if horizon is None else horizon):
            self.follower.see(spanned, is_closed=True)
        return self.follower.take(now_us)

    def reloaded(self) -> Night:
        other = Night()
        other.builder.load(unpack(pack(self.builder.dump())))
        other.follower.load(unpack(pack(self.follower.dump())))
        assert pack(other.follower.dump()) == pack(self.follower.dump())
        assert pack(other.builder.dump()) == pack(self.builder.dump())
        return other


def told(changes: tuple[Change, ...]) -> list[tuple[str, int, int]]:
    return [(each.state, each.revision, each.finding.count) for each in changes]


def test_a_finding_is_told_at_once_and_then_only_when_it_has_grown_much() -> None:
    night = Night()
    at = NIGHT_US
    assert told(night.cycle(at, block(0, [(at, 1), (at, 2), (at, 3)]))) == [("opened", 1, 3)]
    assert told(night.cycle(at + 1, block(0, [(at, 4)]))) == []
    night = night.reloaded()
    assert told(night.cycle(at + MINUTE_US - 1)) == []
    assert told(night.cycle(at + MINUTE_US)) == [("grown", 2, 4)]
    assert told(night.cycle(at + MINUTE_US + 1, block(0, [(at, number) for number in range(5, 9)]))) == [
        ("grown", 3, 8)
    ]
    assert told(night.cycle(at + MINUTE_US + 2, horizon=at + HOUR_US + 1)) == [("closed", 4, 8)]
    assert len(night.follower) == 0


def test_a_finding_that_grew_in_silence_is_told_when_it_closes() -> None:
    night = Night()
    night.cycle(0, block(0, [(NIGHT_US, 1), (NIGHT_US, 2)]))
    assert told(night.cycle(1, block(0, [(NIGHT_US, 3)]))) == []
    (change,) = night.cycle(2, horizon=NIGHT_US + HOUR_US + 1)
    assert (change.state, change.revision, change.finding.records) == ("closed", 2, (1, 2, 3))
    assert night.builder.findings() == ()


def test_an_earlier_hit_changes_the_id_and_keeps_the_thread() -> None:
    night = Night()
    (first,) = night.cycle(0, block(0, [(NIGHT_US + 9, 5)]))
    (second,) = night.cycle(1, block(0, [(NIGHT_US, 4), (NIGHT_US + 3, 6)]))
    assert first.thread == first.finding.id == second.thread
    assert second.finding.id != first.finding.id
    assert second.formerly == (first.finding.id,)


def test_a_hit_between_two_findings_makes_them_one_thread() -> None:
    night = Night()
    early, late = night.cycle(0, block(0, [(NIGHT_US, 1)]), block(0, [(NIGHT_US + 2 * HOUR_US, 2)]))
    (one,) = night.cycle(1, block(0, [(NIGHT_US + HOUR_US, 3)]))
    assert (one.thread, one.finding.count, one.formerly) == (early.thread, 3, (late.thread,))
    assert len(night.follower) == 1


def test_hits_without_a_time_are_followed_and_never_close() -> None:
    night = Night()
    assert told(night.cycle(0, block(0, [(NO_TIME, 1)]))) == [("opened", 1, 1)]
    assert told(night.cycle(1, block(0, [(NO_TIME, 2)]), horizon=NIGHT_US * 2)) == [("grown", 2, 2)]
    assert len(night.reloaded().builder.findings()) == 1


def test_any_finding_comes_back_as_it_was() -> None:
    builder = FindingBuilder(RULES, "mapping", "1.0")
    builder.add(block(0, [(NIGHT_US, 1)], source="logs/\udc80.log", asset="\ud800", value="\udfff"))
    (finding,) = builder.findings()
    assert load_finding(unpack(pack(dump_finding(finding)))) == finding
