"""The pure hasher equals the format's description, also where it works in pieces."""

from __future__ import annotations

import base64

import pytest
from tests.unit.evidence.sealing import KEY, b64url, block_of, chunk_of, naive_leaves, salt_stream

from hisn.evidence import pure
from hisn.evidence.batch import seal_chunk
from hisn.evidence.pure import PureHasher, event_salts, raw_salt, text_starts
from hisn.tlog.merkle import leaf_hash


def test_the_salts_of_an_event_come_from_one_stream() -> None:
    assert event_salts(KEY, 5, 8) == salt_stream(b"hisn salt/1\n", KEY, 5, 128)
    assert raw_salt(KEY, 5) == salt_stream(b"hisn raw salt/1\n", KEY, 5, 16)


def test_a_text_starts_with_its_salt_in_32_characters() -> None:
    salts = salt_stream(b"", KEY, 1, 16 * 40)
    starts = text_starts(salts)
    for at in range(40):
        start = starts[32 * at : 32 * at + 32]
        assert base64.urlsafe_b64decode(start) == b'["' + b64url(salts[16 * at : 16 * at + 16]).encode()


def test_a_large_block_is_hashed_in_pieces_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = chunk_of(block_of([{"a": at % 3, "b": str(at)} for at in range(20)], list(range(1, 21))))
    monkeypatch.setattr(pure, "_ROWS_TOGETHER", 7)
    sealed = seal_chunk(chunk, KEY, "fields", PureHasher())
    assert sealed.leaf_hashes == b"".join(leaf_hash(leaf) for leaf in naive_leaves(chunk, KEY, "fields"))
