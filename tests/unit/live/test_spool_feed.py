from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.live.logs import Watcher

from hisn.errors import StorageError
from hisn.live import spool as module
from hisn.live.spool import Batch, Spool
from hisn.live.spool_feed import SpoolFeed
from hisn.live.stream import Notes
from hisn.storage.disk import RealDisk
from hisn.testing.crash import Faults, SimulatedDisk


class Spooled:
    """Make feeds over one folder, and append to the newest one's spool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watcher = Watcher(self.make)

    def make(self) -> SpoolFeed:
        self.spool = Spool(RealDisk(), str(self.folder), 1 << 20)
        return SpoolFeed("syslog", self.spool, Notes())

    def write(self, lines: bytes) -> None:
        self.spool.append([Batch(lines)])


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spooled:
    monkeypatch.setattr(module, "SEGMENT_BYTES", 100)
    monkeypatch.setattr(module, "FRAME_BYTES", 20)
    return Spooled(tmp_path / "spool")


def test_what_comes_is_given(spooled: Spooled) -> None:
    assert spooled.watcher.poll() == b""
    spooled.write(b"one\ntwo\n")
    assert spooled.watcher.poll() == b"one\ntwo\n"
    spooled.write(b"three\n")
    assert spooled.watcher.poll() == b"three\n"
    assert spooled.watcher.poll() == b""


def test_what_was_not_committed_comes_again(spooled: Spooled) -> None:
    spooled.write(b"one\n")
    spooled.watcher.poll()
    spooled.watcher.commit()
    spooled.write(b"two\n")
    spooled.watcher.poll()
    spooled.watcher.crash()
    assert spooled.watcher.poll() == b"two\n"


def test_what_was_committed_takes_no_more_space(spooled: Spooled) -> None:
    for number in range(100):
        spooled.write(b"line %d\n" % number)
    for _ in range(100):
        spooled.watcher.poll(max_bytes=50)
        spooled.watcher.commit()
    assert len(list(spooled.folder.iterdir())) <= 3
    assert spooled.watcher.data().count(b"\n") == 100


def test_a_flood_is_taken_in_bites(spooled: Spooled) -> None:
    spooled.write(b"0123456789\n" * 100)
    assert len(spooled.watcher.poll(max_bytes=50)) < 50 + 2 * 22
    while spooled.watcher.poll(max_bytes=50):
        pass
    assert spooled.watcher.data() == b"0123456789\n" * 100


def test_a_spool_that_was_deleted_is_a_gap_and_new_lines_are_not_lost(spooled: Spooled) -> None:
    spooled.write(b"one\n")
    spooled.watcher.poll()
    spooled.watcher.commit()
    spooled.write(b"lost\n")
    spooled.watcher.feed.close()
    shutil.rmtree(spooled.folder)
    spooled.watcher.crash()
    spooled.write(b"two\n")
    assert spooled.watcher.poll() == b"two\n"


def test_a_spool_from_a_backup_is_a_gap(spooled: Spooled) -> None:
    spooled.write(b"one\n")
    shutil.copytree(spooled.folder, spooled.folder.with_name("backup"))
    spooled.write(b"two\n")
    spooled.watcher.poll()
    spooled.watcher.commit()
    spooled.watcher.feed.close()
    shutil.rmtree(spooled.folder)
    spooled.folder.with_name("backup").rename(spooled.folder)
    spooled.watcher.crash()
    spooled.write(b"three\n")
    assert spooled.watcher.poll() == b"three\n"
    assert len(spooled.watcher.said("gap")) == 1


@pytest.mark.parametrize("position", [{"spool": []}, {"file": 1}, {"spool": [1, 2, 3]}])
def test_a_broken_position_is_refused(spooled: Spooled, position: dict[str, object]) -> None:
    with pytest.raises(StorageError):
        spooled.make().resume(position, 0)  # type: ignore[arg-type]
    with pytest.raises(StorageError):
        spooled.watcher.feed.committed({"x": 1})


@given(st.lists(st.sampled_from(["write", "write", "poll", "sip", "commit", "crash"]), max_size=40))
def test_lines_come_once_and_in_order_whatever_is_done(acts: list[str]) -> None:
    disk, spool = SimulatedDisk("/s", Faults()), []

    def make() -> SpoolFeed:
        spool.append(Spool(disk, "/s", 1 << 20))
        return SpoolFeed("syslog", spool[-1], Notes())

    watcher, written = Watcher(make), b""
    for number, act in enumerate(acts):
        match act:
            case "write":
                lines = b"line %d\n" % number * 3
                spool[-1].append([Batch(lines)])
                written += lines
            case "poll":
                watcher.poll()
            case "sip":
                watcher.poll(max_bytes=10)
            case "commit":
                watcher.commit()
            case _:
                watcher.crash()
    watcher.settle()
    assert watcher.data() == written
