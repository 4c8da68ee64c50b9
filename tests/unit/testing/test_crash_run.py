"""The simulator finds what it is there to find: each step of durability left out breaks a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from hisn.errors import HisnError
from hisn.storage.blobs import FileBlobs
from hisn.testing.crash import Faults, SimulatedDisk, SimulatedRegister, _File, _Folder
from hisn.testing.crash_run import Broken, _World, run
from hisn.testing.dice import Dice
from hisn.tlog import recover
from hisn.tlog.append import LogWriter
from hisn.tlog.recover import Home
from hisn.tlog.staging import parse_staging

SEEDS = 800


def world_with_log() -> tuple[_World, LogWriter]:
    faults = Faults()
    world = _World(0, Dice(0, "test"), faults, SimulatedDisk("/node", faults), SimulatedRegister(faults))
    writer = world.open()
    world.append(writer)
    world.publish(writer)
    world.check()
    return world, writer


def test_a_lost_entry_is_seen() -> None:
    world, writer = world_with_log()
    world.entries[writer.head().checkpoint.size] = b"promised"
    with pytest.raises(Broken, match="acknowledged and is lost"):
        world.check()


def test_an_entry_that_nobody_appended_is_seen() -> None:
    world, writer = world_with_log()
    writer.append([b"another's"])
    with pytest.raises(Broken, match="a part of an append, or of none"):
        world.check()


def test_a_part_of_an_append_is_seen() -> None:
    world, writer = world_with_log()
    writer.append([b"begun"])
    world.unanswered.append([b"begun", b"finished"])
    with pytest.raises(Broken, match="a part of an append, or of none"):
        world.check()


def test_an_index_promised_twice_is_seen() -> None:
    world, writer = world_with_log()
    world.entries[writer.head().checkpoint.size] = b"promised to another"
    with pytest.raises(Broken, match="promised twice"):
        world.append(writer)


def test_two_trees_of_one_size_are_seen() -> None:
    world, _ = world_with_log()
    other, _ = world_with_log()
    other.register.values.clear()
    other.disk = SimulatedDisk("/node", other.faults)
    other.open().append([b"other %d" % number for number in range(len(world.entries))])
    world.register.history += other.register.history[-1:]
    with pytest.raises(Broken, match="two trees"):
        world.check()


def test_a_published_checkpoint_that_vanished_is_seen() -> None:
    world, _ = world_with_log()
    world.published += 1
    with pytest.raises(Broken, match="published is lost"):
        world.check()


def test_a_handle_left_open_is_seen() -> None:
    world, _ = world_with_log()
    world.disk.open_folder("/node")
    with pytest.raises(Broken, match="left open"):
        world.check()


def broken_within(seeds: int) -> str:
    """Return what the first seed says that breaks a promise, or nothing."""
    for seed in range(seeds):
        try:
            run(seed)
        except (Broken, HisnError) as error:
            return str(error)
    return ""


def test_the_same_seed_does_the_same() -> None:
    assert run(11) == run(11)


def test_runs_meet_every_kind_of_fault() -> None:
    total = [run(seed) for seed in range(60)]
    assert sum(each.acknowledged for each in total) > 5_000
    for kind in ("crashes", "power_losses", "errors", "rivals"):
        assert sum(getattr(each, kind) for each in total) > 5, kind


def unsynced(monkeypatch: pytest.MonkeyPatch, kind: type) -> None:
    real = SimulatedDisk.sync

    def sync(self: SimulatedDisk, handle: int) -> None:
        if not isinstance(self._handles[handle], kind):
            real(self, handle)

    monkeypatch.setattr(SimulatedDisk, "sync", sync)


def files_are_not_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    unsynced(monkeypatch, _File)


def folders_are_not_synced(monkeypatch: pytest.MonkeyPatch) -> None:
    unsynced(monkeypatch, _Folder)


def the_bundle_goes_before_the_tiles_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Home.write

    def write(self: Home, name: str, bundle: bytes) -> None:
        self.blobs.delete(name)
        real(self, name, bundle)

    monkeypatch.setattr(Home, "write", write)


def tiles_are_written_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    real = FileBlobs.put

    def put(self: FileBlobs, name: str, data: bytes) -> None:
        if "/staging/" in name:
            folder = f"log/{name.split('/')[2]}/"
            self.put_many((folder + path, each) for path, each in parse_staging(name, data).items())
        real(self, name, data)

    monkeypatch.setattr(FileBlobs, "put", put)


def the_register_does_not_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    real = SimulatedRegister.swap

    def swap(self: SimulatedRegister, name: str, old: bytes | None, new: bytes) -> None:
        real(self, name, self.values.get(name), new)

    monkeypatch.setattr(SimulatedRegister, "swap", swap)


def bundles_are_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recover, "_clear_staging", lambda _home, _row: None)


def the_published_file_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recover, "_restore_published", lambda _home: None)


def what_is_there_is_taken_for_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    # The mistake that the simulator has found: a failed sync, a second start, then loss of power.
    real = FileBlobs.put_many

    def put_many(self: FileBlobs, items: Iterable[tuple[str, bytes]]) -> None:
        real(self, [(name, data) for name, data in items if self.get(name) != data])

    monkeypatch.setattr(FileBlobs, "put_many", put_many)


@pytest.mark.parametrize(
    "mistake",
    [
        files_are_not_synced,
        folders_are_not_synced,
        the_bundle_goes_before_the_tiles_are_written,
        tiles_are_written_before_the_commit,
        the_register_does_not_compare,
        bundles_are_not_written_again,
        the_published_file_is_not_written_again,
        what_is_there_is_taken_for_kept,
    ],
)
def test_a_mistake_is_found(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    assert broken_within(SEEDS)
