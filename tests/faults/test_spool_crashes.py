"""Let the machine fail while a spool is written: what a sender was told is kept, once and in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import StorageError
from hisn.live import spool as module
from hisn.live.spool import Batch, Full, Spool
from hisn.testing.crash import Crash, Faults, SimulatedDisk
from hisn.testing.dice import Dice


@pytest.fixture(autouse=True, scope="module")
def _small_segments() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SEGMENT_BYTES", 150)
        patch.setattr(module, "FRAME_BYTES", 16)
        yield


def held(spool: Spool) -> list[bytes]:
    lines = []
    for number, end in spool.segments():
        reader = spool.reader(number, 0)
        for frame in reader.frames_to(end):
            lines += frame.payload.splitlines()
        reader.close()
    return lines


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1, 120), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from(["before", "after", "fail"])), max_size=4),
)
def test_what_was_acknowledged_survives_and_nothing_is_kept_twice(
    seed: int, crashes: list[int], more: list[tuple[int, str]]
) -> None:
    dice, faults = Dice(seed, "spool"), Faults()
    disk = SimulatedDisk("/s", faults)
    acknowledged: list[bytes] = []
    tried: list[bytes] = []
    counter = 0
    for crash in crashes:
        at: dict[str, Callable[[str], None]] = {
            "before": faults.crash,
            "after": faults.crash,
            "fail": faults.fail,
        }
        for offset, kind in more:
            (faults.after if kind == "after" else faults.before)[faults.calls + offset] = at[kind]
        faults.before[faults.calls + crash] = faults.crash
        try:
            spool = Spool(disk, "/s", 1 << 20)
            spool.open()
            for _ in range(30):
                lines = [b"%d-%d" % (counter, part) for part in range(1 + counter % 4)]
                counter += 1
                batch = Batch(b"".join(line + b"\n" for line in lines))
                tried += lines
                for _ in range(3):
                    try:
                        spool.append([batch])
                    except (Full, StorageError):
                        continue
                    acknowledged += lines
                    break
        except Crash:
            pass
        except StorageError:
            pass
        faults.is_dead = False
        faults.before.clear()
        faults.after.clear()
        disk.reboot(dice)
    spool = Spool(disk, "/s", 1 << 20)
    spool.open()
    found = held(spool)
    assert [line for line in found if line in set(acknowledged)] == acknowledged
    assert len(set(found)) == len(found)
    assert set(found) <= set(tried)
    # Batches are whole or not there.
    for line in found:
        number = int(line.partition(b"-")[0])
        whole = [b"%d-%d" % (number, part) for part in range(1 + number % 4)]
        assert set(whole) <= set(found)
