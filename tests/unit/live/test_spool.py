from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import StorageError
from hisn.live import spool as module
from hisn.live.spool import Batch, Full, Spool
from hisn.storage.disk import RealDisk
from hisn.testing.crash import Faults, SimulatedDisk

MAX = 1 << 20


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 200)
    monkeypatch.setattr(module, "FRAME_BYTES", 30)


def opened(path: Path, max_bytes: int = MAX) -> Spool:
    spool = Spool(RealDisk(), str(path), max_bytes)
    spool.open()
    return spool


def held(spool: Spool) -> bytes:
    return b"".join(payloads(spool))


def payloads(spool: Spool) -> Iterator[bytes]:
    for number, end in spool.segments():
        reader = spool.reader(number, 0)
        for frame in reader.frames_to(end):
            yield frame.payload
        reader.close()


@pytest.mark.usefixtures("small_segments")
def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    spool = opened(tmp_path / "s")
    lines = [b"line %d\n" % number * 10 for number in range(20)]
    for each in lines:
        spool.append([Batch(each)])
    assert len(spool.segments()) > 3
    spool.close()
    again = opened(tmp_path / "s")
    assert held(again) == b"".join(lines)
    again.append([Batch(b"more\n")])
    assert held(again) == b"".join(lines) + b"more\n"


@pytest.mark.usefixtures("small_segments")
def test_frames_end_where_lines_end(tmp_path: Path) -> None:
    spool = opened(tmp_path / "s")
    lines = b"short\n" * 9 + b"a line that is longer than a whole frame may be, all alone\n" + b"x\n"
    spool.append([Batch(lines)])
    assert held(spool) == lines
    assert all(each.endswith(b"\n") for each in payloads(spool))


@given(st.data())
def test_a_torn_end_is_cut_and_nothing_else(data: st.DataObject) -> None:
    disk = SimulatedDisk("/s", Faults())
    spool = Spool(disk, "/s", MAX)
    spool.open()
    spool.append([Batch(b"one\n")])
    spool.append([Batch(b"two\n")])
    (number, end) = spool.segments()[0]
    folder = disk.open_folder("/s")
    whole = disk.read(disk.open(folder, f"{number:020}.seg"), 1 << 20)
    cut = data.draw(st.integers(0, end))
    tail = data.draw(st.binary(max_size=40))
    file, temporary = disk.create(folder)
    damaged = whole[:cut] + tail
    if damaged:
        rest = memoryview(damaged)
        while rest:
            rest = rest[disk.write(file, rest) :]
    disk.rename(folder, temporary, folder, f"{number:020}.seg")
    again = Spool(disk, "/s", MAX)
    again.open()
    assert held(again) in (b"", b"one\n", b"one\ntwo\n")
    if cut == end:
        assert held(again) == b"one\ntwo\n"
    assert again.torn_bytes == max(len(damaged) - again.segments()[0][1], 0)
    again.append([Batch(b"three\n")])
    assert held(again).endswith(b"three\n")


def test_the_same_key_is_kept_once_even_after_a_restart(tmp_path: Path) -> None:
    spool = opened(tmp_path / "s")
    assert spool.append([Batch(b"one\n", b"k1"), Batch(b"one\n", b"k1"), Batch(b"two\n", b"k2")]) == [
        True,
        False,
        True,
    ]
    spool.close()
    again = opened(tmp_path / "s")
    assert again.append([Batch(b"one\n", b"k1"), Batch(b"three\n")]) == [False, True]
    assert held(again) == b"one\ntwo\nthree\n"


def test_keys_are_forgotten_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_KEYS", 2)
    spool = opened(tmp_path / "s")
    spool.append([Batch(b"x\n", b"%d" % number) for number in range(5)])
    assert spool.append([Batch(b"x\n", b"4"), Batch(b"x\n", b"0")]) == [False, True]


@pytest.mark.usefixtures("small_segments")
def test_a_full_spool_keeps_nothing_until_something_is_committed(tmp_path: Path) -> None:
    spool = opened(tmp_path / "s", 1_000)
    batch = Batch(b"x" * 99 + b"\n")
    while spool.room() > 2 * 100:
        spool.append([batch])
    with pytest.raises(Full):
        spool.append([batch, batch])
    before = held(spool)
    spool.drop_before(spool.segments()[-1][0])
    assert len(spool.segments()) == 1
    assert before.endswith(held(spool))
    spool.append([Batch(b"room again\n")])
    assert held(spool).endswith(b"room again\n")


@pytest.mark.usefixtures("small_segments")
def test_the_last_segment_that_is_committed_stays_for_senders_that_come_back(tmp_path: Path) -> None:
    spool = opened(tmp_path / "s")
    for number in range(20):
        spool.append([Batch(b"x" * 99 + b"\n", b"%d" % number)])
    spool.drop_before(spool.segments()[-1][0])
    assert len(spool.segments()) == 2


@pytest.mark.parametrize("call", ["write", "sync", "create", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_acknowledges_nothing_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    disk = RealDisk()
    spool = Spool(disk, str(tmp_path / "s"), MAX)
    spool.open()
    spool.append([Batch(b"one\n")])
    if call in ("create", "rename"):
        monkeypatch.setattr(module, "SEGMENT_BYTES", 1)

    def failing(*_: object) -> None:
        raise OSError(code, "simulated")

    with monkeypatch.context() as patch:
        patch.setattr(disk, call, failing)
        for _ in range(3):
            with pytest.raises(Full if code == errno.ENOSPC else StorageError):
                spool.append([Batch(b"two\n", b"key")])
    assert spool.append([Batch(b"two\n", b"key")]) == [True]
    assert held(spool) == b"one\ntwo\n"
    spool.close()
    assert held(opened(tmp_path / "s")) == b"one\ntwo\n"
    assert len(list((tmp_path / "s").iterdir())) <= 3


def test_new_segments_begin_behind_those_that_somebody_has_read(tmp_path: Path) -> None:
    spool = Spool(RealDisk(), str(tmp_path / "s"), MAX)
    spool.open(least_segment=17)
    spool.append([Batch(b"x\n")])
    assert [number for number, _ in spool.segments()] == [17]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="spool cannot be opened"):
        opened(tmp_path / "file" / "s")
