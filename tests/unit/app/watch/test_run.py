"""A watch seals every record once, judges what it sealed, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.watch.world import World, guarded, web_log

from hisn.app.watch.analysis import Policy
from hisn.app.watch.pieces import PieceJudge
from hisn.app.watch.run import Settings

STREAMS = {"a.log": web_log(1), "b.log": web_log(2, 120)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("undisturbed"), STREAMS)
    world.run()
    return world


def test_every_record_is_sealed_once(undisturbed: World) -> None:
    undisturbed.check_sealed_once()
    kinds = [act.kind for act, _body in undisturbed.acts()]
    assert kinds.count("batch") > 10


def test_findings_are_those_of_guard_on_the_same_bytes(undisturbed: World, tmp_path: Path) -> None:
    expected = {finding.id: finding for finding in guarded(tmp_path, STREAMS)}
    assert {each.finding.id: each.finding for each in undisturbed.told.values()} == expected
    assert undisturbed.final_findings().keys() == expected.keys()
    assert len(expected) > 3


def test_once_gives_the_findings_of_guard_whatever_the_order_of_lines(tmp_path: Path) -> None:
    streams = {"a.log": web_log(1) + web_log(3), "b.log": web_log(2)}
    world = World(tmp_path, streams, policy=Policy(is_once=True))
    world.run()
    expected = {finding.id: finding for finding in guarded(tmp_path, streams)}
    assert {each.finding.id: each.finding for each in world.told.values()} == expected
    assert {each.revision for each in world.told.values()} == {1}
    assert world.final_findings().keys() == expected.keys()


def test_nothing_is_judged_before_it_is_in_the_log(tmp_path: Path) -> None:
    class Careful(PieceJudge):
        """Look at the log when it is asked to judge."""

    world = World(tmp_path, STREAMS)
    with world.process() as (watch, _feeds):
        judge = watch._worker.judge
        sealed: list[int] = []

        def looking(skipped: tuple[int, ...] = ()) -> object:
            sealed.append(sum(1 for act, _body in world.acts() if act.kind == "batch"))
            return judge(skipped)

        watch._worker.judge = looking  # type: ignore[method-assign, assignment]
        for _ in range(3):
            watch.step()
    assert sealed == [2, 4, 6]


def test_a_stopped_watch_goes_on_from_its_snapshot(undisturbed: World, tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    for _start in range(4):
        with world.process() as (watch, _feeds):
            assert watch.figures.replayed == 0
            for _ in range(3):
                watch.step()
            watch.save()
    world.run()
    world.check_sealed_once()
    assert world.final_findings() == undisturbed.final_findings()


def test_a_killed_watch_plays_its_cycles_again(undisturbed: World, tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS, settings=Settings(snapshot_cycles=5))
    replayed = []
    for _start in range(4):
        with world.process() as (watch, _feeds):
            replayed.append(watch.figures.replayed)
            state = watch._analysis.dump()
            for _ in range(3):
                watch.step()
            state = watch._analysis.dump()
        with world.process() as (watch, _feeds):
            assert watch._analysis.dump() == state, "the same cycles lead to the same state, byte for byte"
            assert watch.figures.read_otherwise == 0
    assert max(replayed) > 0
    world.run()
    world.check_sealed_once()
    assert world.final_findings() == undisturbed.final_findings()


def test_a_feed_is_told_what_is_kept_only_when_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, {"a.log": STREAMS["a.log"]})
    with world.process() as (watch, (feed,)):
        watch.step()
        assert feed.commits == [feed.position()]


def test_nothing_to_do_is_no_cycle_until_it_is_time(tmp_path: Path) -> None:
    world = World(tmp_path, {"a.log": b""})
    with world.process() as (watch, _feeds):
        assert watch.step() is not None  # the first says when it began
        world.clock.advance(4)
        assert watch.step() is None
        world.clock.advance(2)
        cycle = watch.step()
        assert cycle is not None
        assert cycle.pieces == ()
    assert [act.kind for act, _body in world.acts()] == ["observation"]


def test_a_clock_that_goes_back_does_not_take_the_cycles_with_it(tmp_path: Path) -> None:
    world = World(tmp_path, {"a.log": STREAMS["a.log"]})
    with world.process() as (watch, _feeds):
        first = watch.step()
        world.clock.advance(-3_600)
        second = watch.step()
    assert first is not None
    assert second is not None
    assert second.now_us == first.now_us + 1
