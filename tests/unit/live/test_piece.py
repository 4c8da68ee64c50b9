from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.live.piece import Heads, Piece


def test_the_next_piece_begins_where_this_one_ends() -> None:
    piece = Piece(
        source="a", start=10, data=b"x\ny\n", first_record=3, generation=1, head=b"x\ny\n", arrived_us=0
    )
    assert (piece.end, piece.next_record) == (14, 5)


@given(st.lists(st.binary(max_size=40_000), max_size=6), st.binary(max_size=100))
def test_a_head_is_the_beginning_of_what_was_given(parts: list[bytes], other: bytes) -> None:
    heads, given_so_far = Heads(), b""
    for part in parts:
        given_so_far += part
        assert heads.take(1, part) == given_so_far[: limits.SNIFF_BYTES]
        heads.forget(2)
        assert heads.take(2, other) == other
