"""What this node's witness has cosigned stands in its register, and nowhere else."""

from __future__ import annotations

import pytest
from tests.unit.app.nodes import EAST, NORTH, SOUTH, World

from hisn.app.witnessed import cosigned_sizes, held_logs, logs_to_cosign
from hisn.errors import StorageError
from hisn.node.held import Held, format_held
from hisn.node.holds import Hold, Holds
from hisn.node.known import origin_hash
from hisn.testing.memory_register import MemoryRegister


def register_with(**sizes: tuple[int, int]) -> MemoryRegister:
    register = MemoryRegister()
    for name, (size, time_s) in sizes.items():
        held = Held(size, bytes(32), time_s, b"a note")
        register.swap(f"witness/{origin_hash(f'{name}.example')}", None, format_held(held))
    return register


def test_the_largest_size_that_was_cosigned_is_told() -> None:
    register = register_with(east=(7, 1_800_000_000), west=(9, 1_800_000_000))
    asked = ["east.example", "north.example", "west.example"]
    assert cosigned_sizes(register, asked) == {"east.example": 7, "west.example": 9}


def test_what_was_held_and_never_cosigned_is_no_promise() -> None:
    assert cosigned_sizes(register_with(east=(7, 0)), ["east.example"]) == {}


def test_a_damaged_row_is_not_taken_for_no_promise() -> None:
    register = MemoryRegister()
    register.swap(f"witness/{origin_hash('east.example')}", None, b"{}")
    with pytest.raises(StorageError) as caught:
        cosigned_sizes(register, ["east.example"])
    assert caught.value.code == "E5400"


def test_a_witness_outside_the_unit_cosigns_the_logs_that_it_watches(sealed_unit: World) -> None:
    for name, logs in ((EAST, (NORTH, SOUTH)), ("press.example", (EAST, NORTH, SOUTH))):
        with sealed_unit.open(name) as (node,):
            assert logs_to_cosign(node.places, node.roster, name) == logs


def test_logs_that_are_held_are_named() -> None:
    register = MemoryRegister()
    Holds(register).put(SOUTH, Hold.RESTORED)
    assert held_logs(register, (EAST, SOUTH)) == (SOUTH,)
