from __future__ import annotations

import pytest

from hisn.app.watch.cycle import Cycle, PieceRecord, digest_of, parse_cycle
from hisn.errors import StorageError
from hisn.live.piece import FeedNote

CYCLE = Cycle(
    number=7,
    now_us=1_793_750_400_000_000,
    previous="ab" * 32,
    first=12,
    pieces=(PieceRecord("web/a.log", 5, 2, 0, 64, 100, 1_793_750_400_000_000, "11" * 32, "22" * 32),),
    unread=((0, "it died"),),
    positions={"web": {"a.log": {"at": 5}, "gone": None}},
    notes=(FeedNote(source="web", kind="gap", at_us=9, count=3, unit="bytes", is_exact=False, reason="ح"),),
    is_closing=True,
)


def test_a_record_comes_back_as_it_was_and_always_as_the_same_bytes() -> None:
    data = CYCLE.encode()
    assert parse_cycle(data) == CYCLE
    assert parse_cycle(data).encode() == data
    assert len(digest_of(data)) == 64


@pytest.mark.parametrize(
    "data", [b"", b"{}", CYCLE.encode()[:-1], CYCLE.encode().replace(b"hisn-cycle/1", b"hisn-cycle/2")]
)
def test_a_damaged_record_is_named(data: bytes) -> None:
    with pytest.raises(StorageError) as caught:
        parse_cycle(data)
    assert caught.value.code == "E5601"
