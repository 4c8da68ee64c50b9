"""A watch that dies at any call to its disk or register, or whose call fails, loses and doubles nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.app.watch.world import World, web_log

from hisn.app.watch.run import Settings
from hisn.errors import StorageError
from hisn.testing.crash import Crash
from hisn.testing.dice import Dice

STREAMS = {"a.log": web_log(5, 60), "b.log": web_log(6, 40)}
SETTINGS = Settings(snapshot_cycles=3)
PARTS = 4


def make(folder: Path) -> World:
    folder.mkdir(parents=True, exist_ok=True)
    return World(folder, STREAMS, settings=SETTINGS)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, int]:
    """Return a run that nothing disturbed, and how many calls it made."""
    world = make(tmp_path_factory.mktemp("undisturbed"))
    before = world.faults.calls
    world.run()
    calls = world.faults.calls - before
    world.check_sealed_once()
    return world, calls


def survive(world: World, dice: Dice) -> None:
    """Run; if the process ends on the way, start it again, after loss of power perhaps."""
    try:
        world.run()
    except (Crash, StorageError):
        world.faults.is_dead = False
        world.faults.before.clear()
        world.faults.after.clear()
        world.disk.reboot(dice if dice.random() < 0.5 else None)
        world.run()
    world.faults.before.clear()
    world.faults.after.clear()


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("what", ["crash", "fail"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_no_call_of_a_cycle_may_be_the_last_one(
    undisturbed: tuple[World, int], tmp_path: Path, part: int, what: str, where: str
) -> None:
    expected, calls = undisturbed
    step = PARTS * 16 + 3
    tried = 0
    for number in range(1 + part * 17, calls, step):
        world = make(tmp_path / str(number))
        action = world.faults.crash if what == "crash" else world.faults.fail
        getattr(world.faults, where)[world.faults.calls + number] = action
        survive(world, Dice(number, f"{what} {where}"))
        world.check_sealed_once()
        assert world.final_findings() == expected.final_findings(), f"call {number} of {calls}"
        tried += 1
    assert tried > 5


def test_many_deaths_in_a_row_lose_and_double_nothing(undisturbed: tuple[World, int], tmp_path: Path) -> None:
    world = make(tmp_path / "many")
    dice = Dice(1, "deaths")
    deaths = 0
    while deaths < 12:
        world.faults.before[world.faults.calls + 20 + dice.below(150)] = world.faults.crash
        try:
            world.run()
            break
        except (Crash, StorageError):
            deaths += 1
            world.faults.is_dead = False
            world.faults.before.clear()
            world.disk.reboot(dice if dice.random() < 0.5 else None)
    world.faults.before.clear()
    world.run()
    world.check_sealed_once()
    assert world.final_findings() == undisturbed[0].final_findings()
    assert deaths > 3
