from __future__ import annotations

from pathlib import Path

from tests.unit.app.watch.world import LINE, World, rules, web_log

from hisn.app.watch.analysis import Analysis, Policy
from hisn.events.declare import Declarations
from hisn.live.piece import FeedNote

STREAMS = {"a.log": web_log(1), "b.log": web_log(2)}


def test_what_closed_is_forgotten(tmp_path: Path) -> None:
    hours = b"".join(
        LINE.format(host=1, hour=hour, minute=0, second=second, target="/?marked").encode()
        for hour in range(0, 24, 2)
        for second in range(30)
    )
    world = World(tmp_path, {"a.log": hours * 3})
    open_findings, sizes = [], []
    with world.process() as (watch, feeds):
        while not feeds[0].is_drained:
            world.clock.advance(1)
            watch.step()
            open_findings.append(watch._analysis.open_findings)
            sizes.append(len(watch._analysis.dump()))
    assert max(open_findings) <= 2
    assert max(sizes) < 30_000


def test_other_rules_do_not_take_back_a_state(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    with world.process() as (watch, _feeds):
        watch.step()
        state = watch._analysis.dump()

    def analysis(mapping: str, policy: Policy) -> Analysis:
        return Analysis(rules()[0], mapping, Declarations().digest_of, policy)

    assert not analysis("another", world.policy).load(state)
    assert not analysis("another", Policy(lateness_us=1)).load(state)


def test_a_start_with_other_rules_goes_on_behind_what_was_judged(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    with world.process() as (watch, _feeds):
        for _ in range(6):
            watch.step()
    world.policy = Policy(lateness_us=20_000_000)  # as another rule would, it makes another state
    with world.process() as (watch, feeds):
        assert watch.figures.was_other_rules
        world.drain(watch, feeds)
    world.check_sealed_once()


def test_coverage_says_what_the_feeds_noticed_and_is_asked_for_at_any_time(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    world.notes = (FeedNote(source="a.log", kind="dropped", at_us=5, count=7, unit="records"),)
    with world.process() as (watch, _feeds):
        watch.step()
        first = watch._analysis.coverage()
        assert watch._analysis.coverage() == first
        by_name = {source.name: source for source in first.sources}
        assert by_name["a.log"].status == "partial"
        assert "14 records came while nothing could be taken" in by_name["a.log"].reason
        assert by_name["b.log"].status == "read"
        assert watch._analysis.noticed("dropped") == 7 * len(STREAMS)
