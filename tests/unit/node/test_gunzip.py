from __future__ import annotations

import gzip
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.errors import InputError
from hisn.node.gunzip import PIECE_BYTES, Gunzip


def unpack(packed: bytes, step: int) -> bytes:
    member = Gunzip()
    return b"".join(
        piece for at in range(0, len(packed), step) for piece in member.feed(packed[at : at + step])
    )


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3), st.integers(1, 40))
def test_members_in_pieces_of_any_size_are_unpacked(members: list[bytes], step: int) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    assert unpack(packed, step) == b"".join(members)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES])
def test_no_piece_is_lost_at_the_edges(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert unpack(gzip.compress(data[:size]), 10**9) == data[:size]


def test_a_bomb_is_handed_out_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(50_000_000), 9)
    assert len(bomb) < 60_000
    sizes = [len(piece) for piece in Gunzip().feed(bomb)]
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes) == 50_000_000


@pytest.mark.parametrize(
    "data", [b"nonsense", b"\x1f\x8bxx", gzip.compress(b"x", mtime=0)[:-4] + b"\0\0\0\0\0"]
)
def test_what_is_not_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        unpack(data, 5)
    assert caught.value.code == "E2404"


@given(st.binary(max_size=200))
def test_hostile_bytes_raise_an_input_error_and_nothing_else(data: bytes) -> None:
    for packed in (data, gzip.compress(b"begun")[:12] + data, gzip.compress(b"first") + data):
        with suppress(InputError):
            unpack(packed, 17)
