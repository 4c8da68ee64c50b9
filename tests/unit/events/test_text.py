"""Encodings of text sources."""

from __future__ import annotations

import io

import pytest

from hisn.events.text import as_utf8, has_only_text

TEXT = '{"user":"منى"}\n{"user":"Zoë"}\n' * 500


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_of_windows_tools_reads_like_utf8(encoding: str) -> None:
    data = TEXT.encode(encoding)
    head, stream = as_utf8(data[:1000], io.BytesIO(data))
    assert TEXT.encode().startswith(head[:400])
    read = b""
    while part := stream.read(777):
        read += part
    assert read == TEXT.encode()


def test_half_a_character_at_the_end_is_marked() -> None:
    data = TEXT.encode("utf-16")[:-1]
    _, stream = as_utf8(data[:1000], io.BytesIO(data))
    assert stream.read(-1).endswith("\ufffd".encode())


def test_binary_is_told_from_text() -> None:
    assert has_only_text(b"plain\r\n\ttext")
    assert not has_only_text(bytes(range(256)))
