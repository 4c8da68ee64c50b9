"""Cutting streams of lines."""

from __future__ import annotations

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.events.ranges import start_of_line
from hisn.events.stretches import stretches

LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=60)


class Slow(io.BytesIO):
    """Give few bytes at once, as a pipe does."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 7))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHUNK_BYTES", 64)
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 30)


@pytest.mark.usefixtures("small")
def test_lines_are_kept_and_numbered_however_the_stream_gives_them() -> None:
    seeded = random.Random(7)
    for _ in range(300):
        lines = [bytes(seeded.choices(b"ab", k=seeded.randrange(12))) for _ in range(seeded.randrange(40))]
        data = b"\n".join(lines) + b"\n" * seeded.randrange(2)
        for stream in (io.BytesIO(data), Slow(data)):
            number = 1
            read = b""
            for stretch in stretches(stream):
                assert stretch.first_number == number
                assert stretch.size_bytes == len(stretch.lines)
                number += stretch.breaks
                read += stretch.lines
            assert read == data


@pytest.mark.usefixtures("small")
def test_overlong_line_is_a_hole_and_the_rest_goes_on() -> None:
    for length in (31, 63, 64, 65, 100, 128, 1000):
        for before in range(0, 70, 3):
            data = b"x" * before + b"\n" + b"y" * length + b"\nlast\n"
            found = list(stretches(io.BytesIO(data)))
            holes = [hole for stretch in found for hole in stretch.holes]
            assert [(hole.number, hole.offset) for hole in holes if hole.number == 2] == [(2, before + 1)]
            assert found[-1].lines.endswith(b"last\n")
            assert sum(stretch.size_bytes for stretch in found) == len(data)
            assert sum(stretch.breaks for stretch in found) == 3
            last = found[-1].first_number + found[-1].lines.count(b"\n") - 1
            assert last == 3


@pytest.mark.usefixtures("small")
def test_overlong_last_line_is_a_hole() -> None:
    found = list(stretches(io.BytesIO(b"first\n" + b"y" * 500)))
    assert b"".join(stretch.lines for stretch in found) == b"first\n"
    assert [hole.number for stretch in found for hole in stretch.holes] == [2]


def test_line_of_200_mb_is_never_held() -> None:
    class Endless(io.RawIOBase):
        left = 200 * limits.MiB

        def read(self, size: int = -1) -> bytes:
            assert size <= limits.CHUNK_BYTES
            size = min(size, self.left)
            self.left -= size
            return b"x" * size

    found = list(stretches(Endless()))
    assert [hole.reason for stretch in found for hole in stretch.holes] == ["line too long"]
    assert b"".join(stretch.lines for stretch in found) == b""


@given(LINES, st.integers(1, 40))
def test_ranges_own_each_line_once(lines: list[bytes], width: int) -> None:
    data = b"\n".join(lines)
    owned: list[bytes] = []
    for start in range(0, max(len(data), 1), width):
        stream = io.BytesIO(data)
        first = start_of_line(stream, start) if start else 0
        if first >= start + width:
            continue
        stream.seek(first)
        owned.extend(stretch.lines for stretch in stretches(stream, 1, start + width - first))
    assert b"".join(owned) == data
