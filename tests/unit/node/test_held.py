from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import StorageError
from hisn.node.held import Held, format_held, parse_held


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.integers(0, 2**63 - 1), st.binary())
def test_a_row_comes_back_as_it_was_written(size: int, root: bytes, time_s: int, note: bytes) -> None:
    held = Held(size, root, time_s, note)
    assert parse_held("row", format_held(held)) == held


def test_no_row_is_nothing() -> None:
    assert parse_held("row", None) is None


@given(st.binary(max_size=200))
def test_a_damaged_row_is_damage_and_nothing_else(row: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        parse_held("witness/ab", row)
    assert caught.value.code == "E5400"
