"""A log that is held stays so over restarts, and one that forked for ever."""

from __future__ import annotations

import pytest

from hisn.errors import StorageError
from hisn.node.holds import Hold, Holds
from hisn.node.known import origin_hash
from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict

LOG, OTHER = "north.example/log", "east.example/log"


def test_a_log_is_held_and_let_go_and_others_are_not() -> None:
    register = MemoryRegister()
    holds = Holds(register)
    holds.put(LOG, None)
    assert register.values == {}
    holds.put(LOG, Hold.RESTORED)
    holds.put(LOG, Hold.UNLEARNT)
    assert (Holds(register).get(LOG), Holds(register).get(OTHER)) == (Hold.UNLEARNT, None)
    holds.put(LOG, None)
    assert Holds(register).get(LOG) is None


def test_a_fork_is_never_forgiven() -> None:
    holds = Holds(MemoryRegister())
    holds.put(LOG, Hold.FORKED)
    for hold in (None, Hold.UNLEARNT, Hold.RESTORED):
        holds.put(LOG, hold)
    assert holds.get(LOG) is Hold.FORKED


def test_of_two_processes_both_are_heard() -> None:
    class Rival(MemoryRegister):
        times = 1

        def swap(self, name: str, old: bytes | None, new: bytes) -> None:
            if self.times:
                self.times = 0
                super().swap(name, old, Hold.FORKED.encode())
                raise Conflict(name)
            super().swap(name, old, new)

    holds = Holds(Rival())
    holds.put(LOG, Hold.UNLEARNT)
    assert holds.get(LOG) is Hold.FORKED


def test_a_damaged_row_lets_nothing_be_signed() -> None:
    register = MemoryRegister()
    register.values[f"cosign-hold/{origin_hash(LOG)}"] = b"\xff"
    with pytest.raises(StorageError) as caught:
        Holds(register).get(LOG)
    assert caught.value.code == "E5400"
