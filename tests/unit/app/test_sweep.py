"""What killed processes left goes away when a node is opened, once a day and by one process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.app.units import alone, opened

from hisn.app.places import Places
from hisn.app.sweep import sweep_leftovers
from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs
from hisn.storage.lock import held
from hisn.testing.fake_clock import FakeClock
from hisn.tlog.ports import DurabilityLost

DAY_S = 86_400


def leave(root: Path) -> Path:
    """Leave what a process that was killed two days ago was writing."""
    path = root / "blob" / ".tmp-killed"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (1, 1))
    return path


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path)
    found.state.mkdir()
    return found


def test_leftovers_of_a_crash_are_gone_when_the_node_is_opened(tmp_path: Path) -> None:
    alone(tmp_path / "n").close()
    (tmp_path / "n/state/swept").unlink()
    left = leave(tmp_path / "n")
    opened(tmp_path / "n").close()
    assert not left.exists()


def test_it_is_looked_for_once_a_day(places: Places) -> None:
    blobs, clock = FileBlobs(places.root), FakeClock()
    leave(places.root)
    assert sweep_leftovers(places, blobs, clock) == 1
    left = leave(places.root)
    clock.advance(DAY_S - 1)
    assert sweep_leftovers(places, blobs, clock) == 0
    assert left.exists()
    clock.advance(1)
    assert sweep_leftovers(places, blobs, clock) == 1


@pytest.mark.parametrize("mark", [b"", b"nonsense", b"9999999999999999999999"])
def test_a_damaged_mark_or_a_clock_put_right_is_no_reason_never_to_look(places: Places, mark: bytes) -> None:
    leave(places.root)
    (places.state / "swept").write_bytes(mark)
    assert sweep_leftovers(places, FileBlobs(places.root), FakeClock()) == 1


def test_a_clock_that_was_far_ahead_is_no_reason_never_to_look(places: Places) -> None:
    blobs, clock = FileBlobs(places.root), FakeClock()
    clock.advance(1_000 * DAY_S)
    sweep_leftovers(places, blobs, clock)
    leave(places.root)
    assert sweep_leftovers(places, blobs, FakeClock()) == 1


def test_of_two_processes_one_sweeps_and_the_other_does_not_wait(places: Places) -> None:
    left = leave(places.root)
    with held(places.state / "swept"):
        assert sweep_leftovers(places, FileBlobs(places.root), FakeClock()) == 0
    assert left.exists()


def test_what_keeps_from_sweeping_keeps_nobody_from_working(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = FileBlobs(places.root)

    def refuse() -> int:
        raise StorageError("E5203", "cannot read")

    monkeypatch.setattr(blobs, "sweep", refuse)
    assert sweep_leftovers(places, blobs, FakeClock()) == 0


def test_a_disk_that_lost_data_is_never_passed_over(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = FileBlobs(places.root)

    def lose() -> int:
        raise DurabilityLost("the disk failed")

    monkeypatch.setattr(blobs, "sweep", lose)
    with pytest.raises(DurabilityLost):
        sweep_leftovers(places, blobs, FakeClock())
