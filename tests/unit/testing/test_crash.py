"""The simulated disk forgets what a real one may forget, and nothing that was synced."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.disk import Disk, Found
from hisn.testing.crash import Crash, Faults, SimulatedDisk, SimulatedRegister
from hisn.testing.dice import Dice
from hisn.tlog.ports import Conflict, DurabilityLost


def disk_with_folder() -> tuple[SimulatedDisk, Faults, int]:
    faults = Faults()
    disk = SimulatedDisk("/node", faults)
    disk.make_folder("/node")
    disk.sync(disk.open_folder("/"))
    return disk, faults, disk.open_folder("/node")


def write(disk: SimulatedDisk, folder: int, name: str, data: bytes) -> int:
    """Write a file under its name, and sync nothing."""
    file, temporary = disk.create(folder)
    rest = memoryview(data)
    while rest:
        rest = rest[disk.write(file, rest) :]
    disk.rename(folder, temporary, folder, name)
    return file


def content(disk: SimulatedDisk, name: str) -> bytes | None:
    try:
        return disk.read(disk.open(disk.open_folder("/node"), name), 1 << 20)
    except FileNotFoundError:
        return None


def after_power_loss(*, sync_file: bool, sync_folder: bool) -> set[bytes | None]:
    """Return what may be found of a file, over many seeds."""
    found = set()
    for seed in range(300):
        disk, _, folder = disk_with_folder()
        file = write(disk, folder, "blob", b"x" * 1_024)
        if sync_file:
            disk.sync(file)
        if sync_folder:
            disk.sync(folder)
        disk.reboot(Dice(seed, "power"))
        found.add(content(disk, "blob"))
    return found


def test_it_is_a_disk() -> None:
    disk: Disk = SimulatedDisk("/node", Faults())
    assert isinstance(disk, SimulatedDisk)


def test_synced_bytes_under_a_synced_name_are_never_lost() -> None:
    assert after_power_loss(sync_file=True, sync_folder=True) == {b"x" * 1_024}


def test_a_name_that_was_not_synced_is_there_or_not() -> None:
    assert after_power_loss(sync_file=True, sync_folder=False) == {None, b"x" * 1_024}


def test_bytes_that_were_not_synced_are_torn_zero_or_gone() -> None:
    found = after_power_loss(sync_file=False, sync_folder=True)
    assert None not in found
    assert {b"", b"x" * 1_024, b"x" * 512 + bytes(512), bytes(512) + b"x" * 512} <= found
    assert any(len(each or b"") not in (0, 512, 1_024) for each in found)


def test_a_rename_in_one_folder_loses_neither_name() -> None:
    found = set()
    for seed in range(100):
        disk, _, folder = disk_with_folder()
        disk.sync(write(disk, folder, "blob", b"old"))
        disk.sync(folder)
        disk.sync(write(disk, folder, "blob", b"new"))
        disk.reboot(Dice(seed, "power"))
        found.add(content(disk, "blob"))
    assert found == {b"old", b"new"}


def test_names_reach_the_disk_in_any_order() -> None:
    found = set()
    for seed in range(100):
        disk, _, folder = disk_with_folder()
        for name in "ab":
            disk.sync(write(disk, folder, name, b"x"))
        disk.reboot(Dice(seed, "power"))
        found.add((content(disk, "a"), content(disk, "b")))
    assert found == {(None, None), (b"x", None), (None, b"x"), (b"x", b"x")}


def test_a_file_moved_between_folders_may_stand_in_both_or_in_none() -> None:
    found = set()
    for seed in range(100):
        disk, _, folder = disk_with_folder()
        disk.make_folder("/node/other")
        disk.sync(write(disk, folder, "blob", b"x"))
        disk.sync(folder)
        other = disk.open_folder("/node/other")
        disk.rename(folder, "blob", other, "blob")
        disk.reboot(Dice(seed, "power"))
        found.add((content(disk, "blob"), disk.names("/node/other") == [Found("blob", False)]))
    assert found == {(b"x", False), (b"x", True), (None, True), (None, False)}


def test_loss_of_power_may_forget_a_folder_with_all_that_is_in_it() -> None:
    found = set()
    for seed in range(50):
        disk = SimulatedDisk("/node", Faults())
        disk.make_folder("/node")
        folder = disk.open_folder("/node")
        disk.sync(write(disk, folder, "blob", b"x"))
        disk.sync(folder)
        disk.reboot(Dice(seed, "power"))
        found.add(tuple(each.name for each in disk.names("/")))
    assert found == {(), ("node",)}


def test_the_end_of_a_process_alone_forgets_nothing() -> None:
    disk, _, folder = disk_with_folder()
    write(disk, folder, "blob", b"x")
    assert disk.open_handles() > 0
    disk.reboot(None)
    assert disk.open_handles() == 0
    assert content(disk, "blob") == b"x"


def test_a_failed_sync_is_not_made_good_by_a_second_one() -> None:
    disk, faults, folder = disk_with_folder()
    file = write(disk, folder, "blob", b"x")
    faults.before[faults.calls + 1] = faults.fail
    with pytest.raises(OSError, match="Input/output"):
        disk.sync(file)
    disk.sync(file)
    disk.sync(folder)
    assert content(disk, "blob") == b"x", "readers see it"
    disk.reboot(Dice(1, "power"))
    assert content(disk, "blob") == b""


def test_a_failed_sync_of_a_folder_loses_names_but_no_folders() -> None:
    disk, faults, folder = disk_with_folder()
    disk.sync(write(disk, folder, "blob", b"x"))
    disk.make_folder("/node/inner")
    faults.before[faults.calls + 1] = faults.fail
    with pytest.raises(OSError, match="Input/output"):
        disk.sync(folder)
    disk.sync(folder)
    disk.reboot(Dice(1, "power"))
    assert disk.names("/node") == [Found("inner", True)]


def test_a_sync_may_fail_although_it_was_done() -> None:
    disk, faults, folder = disk_with_folder()
    file = write(disk, folder, "blob", b"x")
    disk.sync(folder)
    faults.after[faults.calls + 1] = faults.fail
    with pytest.raises(OSError, match="Input/output"):
        disk.sync(file)
    disk.reboot(Dice(1, "power"))
    assert content(disk, "blob") == b"x"


def test_a_dead_process_makes_no_calls() -> None:
    disk, faults, folder = disk_with_folder()
    faults.before[faults.calls + 1] = faults.crash
    for _ in range(2):
        with pytest.raises(Crash):
            disk.create(folder)
    faults.is_dead = False
    assert [each.name for each in disk.names("/node")] == []


def test_faults_speak_as_the_system_does() -> None:
    faults = Faults()
    with pytest.raises(OSError, match="No space"):
        faults.fail("write")
    with pytest.raises(OSError, match="Input/output"):
        faults.fail("sync")
    with pytest.raises(DurabilityLost):
        faults.fail("swap")
    with pytest.raises(StorageError):
        faults.fail("get")


def test_it_refuses_what_a_system_refuses() -> None:
    disk, _, folder = disk_with_folder()
    file = write(disk, folder, "blob", b"x")
    with pytest.raises(FileExistsError):
        disk.make_folder("/node")
    with pytest.raises(FileExistsError):
        disk.link(folder, "blob", folder, "blob")
    with pytest.raises(FileNotFoundError):
        disk.unlink(folder, "none")
    with pytest.raises(FileNotFoundError):
        disk.open(folder, "none")
    with pytest.raises(FileNotFoundError):
        disk.open_folder("/node/none/deeper")
    with pytest.raises(FileNotFoundError):
        disk.open_folder("/node/blob/deeper")
    with pytest.raises(NotADirectoryError):
        disk.create(file)
    with pytest.raises(IsADirectoryError):
        disk.read(folder, 1)
    assert disk.modified_s(folder, "blob") == 0.0
    assert disk.modified_s(folder, "none") < 0.0
    disk.unlink(folder, "blob")
    disk.close(file)
    assert disk.names("/node") == []


def test_the_same_dice_forget_the_same() -> None:
    def once() -> list[bytes | None]:
        disk, _, folder = disk_with_folder()
        for number in range(20):
            file = write(disk, folder, f"blob{number}", b"x" * 100 * number)
            if number % 3 == 0:
                disk.sync(file)
        disk.sync(folder)
        disk.reboot(Dice(7, "power"))
        return [content(disk, f"blob{number}") for number in range(20)]

    assert once() == once()


def test_real_storage_runs_on_it() -> None:
    disk = SimulatedDisk("/node", Faults())
    blobs = FileBlobs(Path("/node"), disk)
    blobs.put("a/b/c", b"kept")
    disk.reboot(Dice(3, "power"))
    assert FileBlobs(Path("/node"), disk).get("a/b/c") == b"kept"


def test_the_register_compares_before_it_swaps() -> None:
    faults = Faults()
    register = SimulatedRegister(faults)
    assert register.get("row") is None
    register.swap("row", None, b"1")
    with pytest.raises(Conflict):
        register.swap("row", None, b"2")
    assert register.history == [("row", b"1")]
    faults.after[faults.calls + 1] = faults.fail
    with pytest.raises(DurabilityLost):
        register.swap("row", b"1", b"2")
    assert register.get("row") == b"2", "failed, but persisted"
    faults.before[faults.calls + 1] = faults.fail
    with pytest.raises(DurabilityLost):
        register.swap("row", b"2", b"3")
    assert register.get("row") == b"2", "failed, and not persisted"


def test_a_file_is_held_until_its_process_has_died() -> None:
    disk, _, folder = disk_with_folder()
    file, name = disk.create(folder)
    disk.write(file, memoryview(b"abc"))
    assert (disk.size(file), disk.is_abandoned(folder, name)) == (3, False)
    disk.reboot(None)
    assert disk.is_abandoned(disk.open_folder("/node"), name)
