"""Decompression within bounds."""

from __future__ import annotations

import bz2
import gzip
import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.events.decompress import Unpacked, unpacked

PLAIN = b"".join(b'{"number":%d}\n' % number for number in range(50_000))


def opened(data: bytes) -> Unpacked:
    stream = unpacked(io.BytesIO(data), data[:64])
    assert stream is not None
    return stream


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_joined_archives_give_all_their_content(pack: object) -> None:
    assert callable(pack)
    stream = opened(pack(PLAIN) + pack(b"more\n"))
    assert stream.read(-1) == PLAIN + b"more\n"
    assert stream.problem is None


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_truncated_archive_keeps_what_came_before(pack: object) -> None:
    assert callable(pack)
    data = pack(PLAIN)
    stream = opened(data[: len(data) // 2])
    read = stream.read(-1)
    assert PLAIN.startswith(read)
    assert stream.problem == ("E2006", "compressed data ends in the middle")


def test_truncated_gzip_gives_nearly_half() -> None:
    data = gzip.compress(PLAIN)
    assert len(opened(data[: len(data) // 2]).read(-1)) > len(PLAIN) // 3


def test_damaged_gzip_keeps_what_came_before() -> None:
    data = bytearray(gzip.compress(PLAIN))
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    stream = opened(bytes(data))
    stream.read(-1)
    assert stream.problem is not None
    assert stream.problem[0] == "E2007"


def test_rubbish_behind_gzip_is_said() -> None:
    stream = opened(gzip.compress(b"line\n") + b"rubbish")
    assert stream.read(-1) == b"line\n"
    assert stream.problem is not None


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"])
def test_bomb_stops_at_the_ratio(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(pack)
    monkeypatch.setattr(limits, "MAX_RATIO", 100)
    stream = opened(pack(bytes(200 * limits.MiB)))
    given = 0
    while part := stream.read(limits.MiB):
        given += len(part)
    assert stream.problem is not None
    assert stream.problem[0] == "E2008"
    assert given < 60 * limits.MiB


def test_unknown_compression_is_not_guessed() -> None:
    assert unpacked(io.BytesIO(bz2.compress(b"x")), bz2.compress(b"x")) is None


@given(st.binary(max_size=300))
def test_hostile_bytes_never_raise(data: bytes) -> None:
    for magic in (b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"):
        opened(magic + data).read(-1)
