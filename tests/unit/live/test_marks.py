from __future__ import annotations

import os
from pathlib import Path

import pytest

from hisn.live.marks import MARK_BYTES, Mark, identity_of, read_mark, seen_of


def mark(path: Path, offset: int) -> Mark:
    with path.open("rb") as file:
        return read_mark(file.fileno(), offset)


def holds(known: Mark, path: Path) -> bool:
    with path.open("rb") as file:
        return known.holds(file.fileno())


@pytest.mark.parametrize("size", [0, 1, MARK_BYTES, 5 * MARK_BYTES])
def test_a_file_that_only_grew_is_known_again(tmp_path: Path, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a" * size)
    known = mark(path, size)
    with path.open("ab") as file:
        file.write(b"more\n")
    assert holds(known, path)


def test_other_content_of_a_larger_size_is_not_taken_for_the_same(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old line\n")
    known, before = mark(path, 9), path.stat()
    path.write_bytes(b"new line, and longer\n")
    assert identity_of(path.stat()) == identity_of(before)
    assert seen_of(path.stat()) != seen_of(before)
    assert not holds(known, path)


def test_a_file_with_the_same_header_is_another_file(tmp_path: Path) -> None:
    header = b"#Fields: " + b"x" * 4 * MARK_BYTES + b"\n"
    (tmp_path / "one").write_bytes(header + b"one\n" * 1_000)
    (tmp_path / "two").write_bytes(header + b"two\n" * 1_000)
    assert not holds(mark(tmp_path / "one", len(header) + 400), tmp_path / "two")


def test_a_shorter_file_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"abc\n" * 1_000)
    known = mark(path, 4_000)
    os.truncate(path, 3_999)
    assert not holds(known, path)


def test_marks_hold_nothing_of_what_was_logged(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"voter 4711 asked\n")
    assert "4711" not in repr(mark(path, 17))
