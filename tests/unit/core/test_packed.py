from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.packed import pack, packed_text, unpack, unpacked_text
from hisn.errors import StorageError


@given(st.text(st.characters(), max_size=20))
def test_any_text_comes_back_lone_surrogates_included(text: str) -> None:
    assert unpacked_text(unpack(pack(packed_text(text)))) == text


def test_the_same_state_gives_the_same_bytes() -> None:
    assert pack([1, b"a", None, [True, -(2**63)]]) == pack([1, b"a", None, [True, -(2**63)]])
    assert unpack(pack([1, b"a", None, [True]])) == [1, b"a", None, [True]]


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92\x01", b"\x01\x01", b"\xa1\xff"])
def test_a_damaged_state_is_named(data: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        unpack(data)
    assert caught.value.code == "E5600"
