from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.node.samples import SampleLog

from hisn.errors import StorageError
from hisn.node.copy import LogCopy
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.merkle import leaf_hash, root_at, root_of
from hisn.tlog.ports import Conflict
from hisn.tlog.tile import TileReader, tiles_for


def make(blobs: MemoryBlobs | None = None, register: MemoryRegister | None = None) -> LogCopy:
    return LogCopy("ab", blobs or MemoryBlobs(), register or MemoryRegister())


def assert_whole(copy: LogCopy, log: SampleLog, size: int) -> None:
    """Read the whole tree of that size as a stranger does: partial files, or full ones in their place."""
    reader = TileReader(copy.get, size, log.head(size).root)
    entries = [entry for index in range(-(-size // 256)) for entry in reader.bundle(index)]
    assert entries == log.entries[:size]
    assert root_at(size, reader) == log.head(size).root


@settings(max_examples=40)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=6))
def test_the_copy_is_whole_after_every_growth(steps: list[int]) -> None:
    log, copy, size = SampleLog(), make(), 0
    for step in steps:
        log.grow(size + step)
        size = copy.add(size, log.entries[size : size + step])
        copy.complete(size, log.head(size).root)
        assert_whole(copy, log, size)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), max_size=12))
def test_runs_in_any_order_and_overlap_leave_one_copy(runs: list[tuple[int, int]]) -> None:
    log, copy, expected = SampleLog().grow(900), make(), 0
    for start, end in runs:
        if start <= expected:
            assert copy.add(start, log.entries[start:end]) == max(expected, end if start < end else 0)
            expected = max(expected, end if start < end else 0)
    assert copy.next_entry() == expected
    if expected:
        assert_whole(copy, log, expected)


def test_the_copy_goes_on_after_a_restart() -> None:
    log, blobs, register = SampleLog().grow(700), MemoryBlobs(), MemoryRegister()
    make(blobs, register).add(0, log.entries[:300])
    copy = make(blobs, register)
    assert copy.next_entry() == 300
    copy.add(300, log.entries[300:700])
    assert_whole(copy, log, 700)


def test_hashes_are_those_of_the_entries_here() -> None:
    log, copy = SampleLog().grow(700), make()
    copy.add(0, log.entries[:300])
    assert copy.hashes(256, 300) == log.leaves[256:300]
    assert copy.hashes(256, 256) == []
    copy.add(300, log.entries[300:700])
    assert copy.hashes(256, 300) == log.leaves[256:300]
    assert copy.hashes(0, 100) == log.leaves[:100]


def test_a_smaller_tree_is_completed_though_another_upload_went_beyond_it() -> None:
    log, blobs = SampleLog().grow(700), MemoryBlobs()
    copy = make(blobs)
    copy.add(0, log.entries[:310])
    copy.complete(300, log.head(300).root)
    assert_whole(copy, log, 300)
    assert "mirror/ab/tile/0/001.p/44" in blobs.files
    assert "mirror/ab/tile/entries/001.p/44" in blobs.files
    copy.add(310, log.entries[310:700])
    copy.complete(512, log.head(512).root)
    assert_whole(copy, log, 512)


def test_another_root_is_never_signed() -> None:
    log, copy = SampleLog().grow(300), make()
    copy.add(0, log.entries[:300])
    with pytest.raises(StorageError) as caught:
        copy.complete(300, log.head(299).root)
    assert caught.value.code == "E5401"


@pytest.mark.parametrize("lost", ["tile/0/001.p/44", "tile/entries/001.p/44"])
def test_a_lost_file_is_damage_and_nothing_is_added(lost: str) -> None:
    log, blobs, register = SampleLog().grow(400), MemoryBlobs(), MemoryRegister()
    make(blobs, register).add(0, log.entries[:300])
    del blobs.files[f"mirror/ab/{lost}"]
    copy = make(blobs, register)
    with pytest.raises(StorageError) as caught:
        copy.add(300, log.entries[300:])
    assert caught.value.code == "E5401"
    assert copy.next_entry() == 300


def test_a_damaged_count_is_damage() -> None:
    register = MemoryRegister()
    register.values["mirror-next/ab"] = b"05"
    with pytest.raises(StorageError) as caught:
        make(register=register).next_entry()
    assert caught.value.code == "E5401"


class DyingRegister(MemoryRegister):
    is_dead = True

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if self.is_dead:
            raise StorageError("E5200", "the power is off")
        super().swap(name, old, new)


def test_dying_between_files_and_register_loses_nothing() -> None:
    log, blobs, register = SampleLog().grow(600), MemoryBlobs(), DyingRegister()
    with pytest.raises(StorageError):
        make(blobs, register).add(0, log.entries[:500])
    register.is_dead = False
    copy = make(blobs, register)
    assert copy.next_entry() == 0
    copy.add(0, log.entries[:300])
    copy.add(300, log.entries[300:600])
    assert_whole(copy, log, 600)


class RivalRegister(MemoryRegister):
    def __init__(self) -> None:
        super().__init__()
        self.rival: list[bytes] = []

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if self.rival:
            self.values[name] = self.rival.pop()
            raise Conflict(name)
        super().swap(name, old, new)


@pytest.mark.parametrize("other", [100, 300, 500])
def test_another_process_may_have_added_some_of_them(other: int) -> None:
    log, blobs, register = SampleLog().grow(500), MemoryBlobs(), RivalRegister()
    make(blobs, MemoryRegister()).add(0, log.entries[:other])
    register.rival = [b"%d" % other]
    copy = make(blobs, register)
    assert copy.add(0, log.entries[:400]) == max(other, 400)
    assert_whole(copy, log, max(other, 400))


def test_partial_files_go_once_full_ones_are_published() -> None:
    log, blobs = SampleLog().grow(600), MemoryBlobs()
    copy = make(blobs)
    for size in (10, 100, 300):
        copy.add(copy.next_entry(), log.entries[copy.next_entry() : size])
    copy.collect(0, 300)
    assert {name for name in blobs.files if ".p/" in name} == {
        "mirror/ab/tile/0/001.p/44",
        "mirror/ab/tile/1/000.p/1",
        "mirror/ab/tile/entries/001.p/44",
    }
    copy.add(300, log.entries[300:600])
    copy.collect(300, 300)
    assert "mirror/ab/tile/0/001.p/44" in blobs.files
    copy.collect(300, 600)
    assert "mirror/ab/tile/0/001.p/44" not in blobs.files
    assert_whole(copy, log, 600)


def test_partial_tiles_of_higher_levels_go_too() -> None:
    entries = [b"%d" % number for number in range(70_000)]
    blobs = MemoryBlobs()
    copy = make(blobs)
    for start in range(0, 70_000, 8_192):
        copy.add(start, entries[start : start + 8_192])
    assert "mirror/ab/tile/1/000.p/32" in blobs.files
    copy.collect(0, 70_000)
    assert [name for name in blobs.files if "tile/1/000.p/" in name] == []
    names = {f"mirror/ab/{path}" for path in tiles_for(70_000)}
    assert names <= blobs.files.keys()
    copy.complete(70_000, root_of([leaf_hash(entry) for entry in entries]))


def test_the_checkpoint_file_is_replaced() -> None:
    blobs = MemoryBlobs()
    copy = make(blobs)
    copy.publish(b"one")
    copy.publish(b"two")
    assert copy.get("checkpoint") == b"two"
