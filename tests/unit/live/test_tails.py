from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.errors import StorageError
from hisn.live.marks import Mark, identity_of, seen_of
from hisn.live.tails import NoLines, Replaced, Tail, load_tail, read_head, take, take_rest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


def tail_on(path: Path) -> Tail:
    return Tail(str(path), identity_of(path.stat()), 1, seen_of(path.stat()), head=b"")


def test_the_head_is_made_again_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(100) + b"# header\n" + b"x" * 2 * limits.MiB + b"\n" + b"line\n" * 50_000)
    tail = tail_on(path)
    with path.open("rb") as file:
        taken = take(tail, file.fileno(), 150_000)
        head, tail.head = tail.head, None
        assert head == taken.data[: limits.SNIFF_BYTES] == read_head(tail, file.fileno())
    assert [hole.kind for _, hole in taken.holes] == ["hole", "overlong"]


def test_a_file_that_was_replaced_under_our_hands_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\n")
    tail = tail_on(path)
    with path.open("rb") as file:
        take(tail, file.fileno(), 100)
        path.write_bytes(b"two\nand three\n")
        with pytest.raises(Replaced):
            take(tail, file.fileno(), 100)
        with pytest.raises(Replaced):
            take_rest(tail, file.fileno())
    assert tail.mark.offset == 4


def test_a_packed_file_is_refused_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\x1f\x8b\x08 whatever\n")
    with path.open("rb") as file, pytest.raises(NoLines, match="compressed"):
        take(tail_on(path), file.fileno(), 100)


def test_a_tail_survives_being_written_down_with_any_name(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/l\xff\xc3g")
    tail = Tail(path, identity_of(tmp_path.stat()), 3, seen_of(tmp_path.stat()), Mark(4, "a", "b"), 2, 1, 9)
    again = load_tail(tail.dump(), 9)
    assert again.dump() == tail.dump()
    assert (again.path, again.mark, again.head) == (path, tail.mark, None)


@given(JSON)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(StorageError):
        load_tail(value, 0)  # type: ignore[arg-type]
