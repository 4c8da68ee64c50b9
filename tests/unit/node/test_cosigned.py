from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.node.samples import ORIGIN

from hisn.errors import StorageError
from hisn.node.cosigned import Collected, CosignedRow
from hisn.node.known import origin_hash
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict

ROW = f"cosigned/{origin_hash(ORIGIN)}"


def test_each_witness_is_stored_beside_the_others() -> None:
    row = CosignedRow(MemoryRegister(), ORIGIN)
    assert row.load(b"text") == Collected({}, {})
    row.keep(b"text", "east", "— east\n".encode(), 5)
    row.keep(b"text", "west", b"west\n", 5)
    assert row.load(b"text") == Collected(
        {"east": "— east\n".encode(), "west": b"west\n"}, {"east": 5, "west": 5}
    )


def test_of_another_checkpoint_only_the_sizes_are_of_use() -> None:
    row = CosignedRow(MemoryRegister(), ORIGIN)
    row.keep(b"old", "east", b"east\n", 5)
    assert row.load(b"new") == Collected({}, {"east": 5})
    row.keep(b"new", "west", b"west\n", 9)
    assert row.load(b"new") == Collected({"west": b"west\n"}, {"east": 5, "west": 9})


class RivalRegister(MemoryRegister):
    """Let another process store its witness first, once."""

    rival: MemoryRegister | None = None

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        if self.rival:
            self.values, self.rival = self.rival.values, None
            raise Conflict(name)
        super().swap(name, old, new)


def test_two_processes_lose_no_cosignature_of_each_other() -> None:
    rival, register = MemoryRegister(), RivalRegister()
    CosignedRow(rival, ORIGIN).keep(b"text", "east", b"east\n", 5)
    register.rival = rival
    kept = CosignedRow(register, ORIGIN).keep(b"text", "west", b"west\n", 5)
    assert set(kept.lines) == {"east", "west"}


@given(st.binary(max_size=100))
def test_a_damaged_row_is_damage_and_nothing_else(data: bytes) -> None:
    register = MemoryRegister()
    register.values[ROW] = data
    with pytest.raises(StorageError) as caught:
        CosignedRow(register, ORIGIN).load(b"text")
    assert caught.value.code == "E5400"


@pytest.mark.parametrize("data", [b"{}", b"null", b'{"lines":{},"sizes":{}}'])
def test_a_row_of_another_form_is_damage(data: bytes) -> None:
    register = MemoryRegister()
    register.values[ROW] = data
    with pytest.raises(StorageError):
        CosignedRow(register, ORIGIN).load(b"text")
