"""The twin in memory; `tests/unit/storage/test_register.py` holds it to the same contract."""

from __future__ import annotations

import pytest

from hisn.testing.memory_register import MemoryRegister
from hisn.tlog.ports import Conflict, Register


def test_a_test_may_look_into_it_and_restore_an_old_copy() -> None:
    twin = MemoryRegister()
    register: Register = twin
    register.swap("a", None, b"1")
    old = dict(twin.values)
    register.swap("a", b"1", b"2")
    twin.values = old
    assert register.get("a") == b"1"
    with pytest.raises(Conflict):
        register.swap("a", b"2", b"3")
