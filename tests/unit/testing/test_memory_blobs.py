"""The twin in memory; `tests/unit/storage/test_blobs.py` holds it to the same contract."""

from __future__ import annotations

import pytest

from hisn.errors import StorageError
from hisn.testing.memory_blobs import MemoryBlobs
from hisn.tlog.ports import Blobs


def test_a_test_may_look_into_it_and_damage_it() -> None:
    twin = MemoryBlobs()
    blobs: Blobs = twin
    blobs.put("a", b"1")
    assert twin.files == {"a": b"1"}
    twin.files["a"] = b"2"
    with pytest.raises(StorageError):
        blobs.put("a", b"1")


def test_a_listing_may_be_followed_by_changes() -> None:
    blobs = MemoryBlobs()
    blobs.put_many([("a/1", b""), ("a/2", b"")])
    for name in blobs.list("a/"):
        blobs.delete(name)
    assert blobs.files == {}
