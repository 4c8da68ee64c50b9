"""Lines are cut by the file's bytes alone, and what can be no line is passed over and counted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.live import cutter as module
from hisn.live.cutter import Cutter, Hole

CONTENT = st.lists(
    st.sampled_from([b"a", b"bc", b"\n", b"\0", b"\0\0", b"d" * 9, b"e" * 30, b"\r\n", b"\xff"]), max_size=30
).map(b"".join)


@pytest.fixture(autouse=True)
def _short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 9)


def cutter_on(data: bytes, offset: int = 0, skipped: int = 0) -> Cutter:
    return Cutter(lambda at, size: data[at : at + size], lambda at: at, offset, skipped)


def all_of(cutter: Cutter, limit: int = 100) -> tuple[bytes, int]:
    """Return the lines, and how many bytes were passed over."""
    lines, passed = b"", 0
    while (got := cutter.step(limit)) is not None:
        if isinstance(got, Hole):
            passed += got.count
        else:
            lines += got
    return lines, passed


def expected(data: bytes) -> bytes:
    """Say the same in one line each: zeros at the start of a line, and lines beyond the cap, are left out."""
    found = b""
    while data:
        data = data.lstrip(b"\0")
        line, end, data = data.partition(b"\n")
        if end and len(line) < 9:
            found += line + end
    return found


@given(CONTENT, st.integers(1, 40))
def test_whole_lines_are_given_and_nothing_else(data: bytes, limit: int) -> None:
    cutter = cutter_on(data)
    lines, passed = all_of(cutter, limit)
    assert lines == expected(data)
    assert cutter.offset == len(lines) + passed + cutter.skipped


@given(CONTENT, st.lists(st.integers(0, 200), max_size=5), st.integers(1, 40))
def test_it_does_not_matter_when_bytes_come(data: bytes, ends: list[int], limit: int) -> None:
    offset = skipped = 0
    lines = b""
    for end in [*sorted(ends), len(data)]:
        cutter = cutter_on(data[:end], offset, skipped)
        lines += all_of(cutter, limit)[0]
        offset, skipped = cutter.offset, cutter.skipped
    assert lines == expected(data)


@given(CONTENT)
def test_the_rest_is_what_stands_behind_the_last_line(data: bytes) -> None:
    cutter = cutter_on(data)
    all_of(cutter)
    rest = cutter.rest()
    last = re.sub(rb"^\0+", b"", data.rpartition(b"\n")[2])
    match rest:
        case None:
            assert last.strip(b"\0") == b""
        case Hole():
            assert len(last) >= 9
        case _:
            assert rest.lstrip(b"\0") == last.rstrip(b"\0")


def test_a_line_without_end_is_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", limits.MAX_LINE_BYTES + 1)
    size = 200 * limits.MiB
    largest = 0

    def read(at: int, wanted: int) -> bytes:
        nonlocal largest
        largest = max(largest, wanted)
        return b"x" * min(wanted, size - at) if at < size else b"\nnext\n"[at - size :][:wanted]

    assert all_of(Cutter(read, lambda at: at, 0)) == (b"next\n", size + 1)
    assert largest <= limits.MAX_LINE_BYTES + 1


def test_a_line_of_the_longest_length_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", limits.MAX_LINE_BYTES + 1)
    line = b"y" * limits.MAX_LINE_BYTES + b"\n"
    assert all_of(cutter_on(b"a\n" + line + b"b\n"), 10) == (b"a\n" + line + b"b\n", 0)
    assert all_of(cutter_on(b"z" + line), 10) == (b"", len(line) + 1)


def test_a_terabyte_of_nothing_is_passed_by_asking_where_data_is() -> None:
    size = 1 << 40
    asked: list[int] = []

    def data_from(at: int) -> int:
        asked.append(at)
        return max(at, size)

    cutter = Cutter(
        lambda at, wanted: bytes(wanted) if at < size else b"\0\0late\n"[at - size :][:wanted], data_from, 0
    )
    assert all_of(cutter) == (b"late\n", size + 2)
    assert len(asked) < 5


def test_zeros_at_the_end_are_waited_for() -> None:
    cutter = cutter_on(b"one\n" + bytes(50))
    assert all_of(cutter) == (b"one\n", 0)
    assert cutter.offset == 4
    assert all_of(cutter_on(b"one\ntwo\n" + bytes(46), cutter.offset)) == (b"two\n", 0)


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert all_of(cutter_on(b"\xef\xbb\xbfone\n")) == (b"one\n", 0)
