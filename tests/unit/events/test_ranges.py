"""Byte ranges of large files."""

from __future__ import annotations

import io
from pathlib import Path

from hisn.events.ranges import lines_before, start_of_line


def test_range_begins_at_the_first_line_that_starts_in_it() -> None:
    stream = io.BytesIO(b"aaa\nbbb\nccc")
    assert [start_of_line(stream, offset) for offset in (1, 3, 4, 5, 8, 9)] == [4, 4, 4, 8, 8, 11]


def test_lines_are_counted_in_any_order_of_ranges(tmp_path: Path) -> None:
    path = tmp_path / "lines.log"
    path.write_bytes(b"12\n" * 1000)
    assert [lines_before(str(path), offset) for offset in (300, 1500, 30, 3000)] == [100, 500, 10, 1000]


def test_changed_file_is_counted_anew(tmp_path: Path) -> None:
    path = tmp_path / "lines.log"
    path.write_bytes(b"12\n" * 1000)
    assert lines_before(str(path), 3000) == 1000
    path.write_bytes(b"\n" * 4000)
    assert lines_before(str(path), 3000) == 3000
