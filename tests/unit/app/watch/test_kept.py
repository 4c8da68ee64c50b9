from __future__ import annotations

import pytest

from hisn.app.watch.cycle import Cycle, digest_of
from hisn.app.watch.kept import Kept, Row, parse_row
from hisn.errors import StorageError
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict


class Place:
    def __init__(self) -> None:
        self.blobs, self.register = MemoryBlobs(), MemoryRegister()

    def open(self) -> Kept:
        return Kept("w", self.blobs, self.register)

    def cycle(self, kept: Kept, number: int) -> None:
        cycle = Cycle(number=number, now_us=number, previous=kept.row.record, first=-1, positions={})
        self.blobs.put(*kept.cycle_file(number, cycle.encode()))
        kept.put(Row(sealed=number, record=digest_of(cycle.encode()), snapshot=kept.row.snapshot,
                     snapshot_digest=kept.row.snapshot_digest))  # fmt: skip


def test_a_row_comes_back_as_it_was() -> None:
    row = Row(9, "ab", 3, 8, 2, 4, "cd", ((9, 0), (9, 2)))
    assert parse_row(row.encode()) == row


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format":"hisn-watch/2"}', Row().encode() + b" "])
def test_a_damaged_row_is_named(data: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        parse_row(data)
    assert caught.value.code == "E5602"


def test_cycles_are_found_back_to_the_snapshot() -> None:
    place = Place()
    kept = place.open()
    assert kept.is_new
    for number in (1, 2, 3):
        place.cycle(kept, number)
    assert [cycle.number for cycle in place.open().cycles()] == [1, 2, 3]
    kept.put_snapshot(b"state")
    assert place.open().snapshot() == b"state"
    assert place.open().cycles() == []
    place.cycle(kept, 4)
    assert [cycle.number for cycle in place.open().cycles()] == [4]
    assert sorted(place.blobs.files) == sorted(kept._wanted())


def test_files_of_a_process_that_died_mean_nothing_and_go() -> None:
    place = Place()
    kept = place.open()
    place.cycle(kept, 1)
    place.blobs.put(*kept.cycle_file(2, b"never committed"))
    place.blobs.put("state/watch/w/snapshot/000000000001-00", b"never committed")
    again = place.open()
    again.sweep()
    assert sorted(place.blobs.files) == sorted(again._wanted())
    assert len(place.blobs.files) == 1


def test_a_lost_or_damaged_file_is_named() -> None:
    place = Place()
    kept = place.open()
    place.cycle(kept, 1)
    (name,) = place.blobs.files
    good = place.blobs.files[name]
    for damaged in (good + b" ", None):
        if damaged is None:
            del place.blobs.files[name]
        else:
            place.blobs.files[name] = damaged
        with pytest.raises(StorageError) as caught:
            place.open().cycles()
        assert caught.value.code == "E5601"
    place.blobs.files[name] = good
    kept.put_snapshot(b"state")
    place.blobs.files[next(iter(place.blobs.files))] = b"other"
    with pytest.raises(StorageError, match="snapshot"):
        place.open().snapshot()


def test_of_two_processes_one_goes_on() -> None:
    place = Place()
    one, other = place.open(), place.open()
    place.cycle(one, 1)
    with pytest.raises(Conflict):
        place.cycle(other, 1)
