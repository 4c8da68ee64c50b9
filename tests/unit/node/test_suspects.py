from __future__ import annotations

import pytest

from hisn.errors import StorageError
from hisn.node import suspects
from hisn.node.suspects import BlobSuspects, Suspects
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict


def test_a_suspicion_is_kept_once_and_counted_once() -> None:
    blobs = MemoryBlobs()
    kept = Suspects(BlobSuspects(blobs), MemoryRegister())
    for note in (b"first", b"first", b"second time, signed anew"):
        kept.keep("ab", "fork", {"5-00.checkpoint": note, "5-01.checkpoint": b"other"})
    assert blobs.files == {
        "state/suspect/ab/fork/5-00.checkpoint": b"first",
        "state/suspect/ab/fork/5-01.checkpoint": b"other",
    }
    assert kept.counts("ab") == {"fork": 1}
    assert kept.counts("cd") == {}


def test_strangers_cannot_fill_the_place_of_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suspects, "MAX_SUSPECTS", 3)
    blobs = MemoryBlobs()
    kept = Suspects(BlobSuspects(blobs), MemoryRegister())
    for number in range(5):
        kept.keep("ab", "unproven", {f"{number}.checkpoint": b"x"})
    kept.keep("ab", "fork", {"9.checkpoint": b"x"})
    assert kept.counts("ab") == {"fork": 1, "unproven": 3}
    assert len(blobs.files) == 4


class BusyRegister(MemoryRegister):
    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        raise Conflict(name)


def test_evidence_is_kept_even_if_another_one_counts_at_the_same_time() -> None:
    blobs = MemoryBlobs()
    Suspects(BlobSuspects(blobs), BusyRegister()).keep("ab", "fork", {"5.checkpoint": b"x"})
    assert list(blobs.files) == ["state/suspect/ab/fork/5.checkpoint"]


@pytest.mark.parametrize("row", [b"", b"[]", b"{"])
def test_a_damaged_count_is_told(row: bytes) -> None:
    register = MemoryRegister()
    register.values["suspect/ab"] = row
    with pytest.raises(StorageError) as caught:
        Suspects(BlobSuspects(MemoryBlobs()), register).counts("ab")
    assert caught.value.code == "E5400"
