"""The library gives the pure twin's bytes on every shape of record, and survives every other input."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.evidence.hashers import native_hasher
from tests.unit.evidence.sealing import KEY

from hisn.events.schema import Cell, Layout
from hisn.evidence.native.hasher import NativeHasher
from hisn.evidence.native.library import SOURCE, build_library, find_library
from hisn.evidence.pure import PureHasher
from hisn.evidence.rows import Rows, slot_plan

PURE = PureHasher()
PORTABLE = pytest.mark.parametrize("portable", [False, True], ids=["native", "portable"])
REPOSITORY = Path(__file__).resolve().parents[4]


def rows_with(cells: Sequence[Cell], raws: Sequence[bytes] | None = None, name: str = "x") -> Rows:
    count = len(cells)
    columns: list[Sequence[Cell]] = [list(range(count)), [None] * count, cells]
    plan = slot_plan(Layout("generic", (name,)))
    return Rows(plan, KEY, np.arange(7, 7 + count), columns, [b""] * count if raws is None else raws)


@PORTABLE
def test_values_of_every_length_are_hashed_alike(portable: bool) -> None:
    rows = rows_with(["v" * size for size in range(260)])
    assert native_hasher(portable=portable).seal_fields(rows) == PURE.seal_fields(rows)


@PORTABLE
def test_names_of_every_length_are_hashed_alike(portable: bool) -> None:
    for size in range(100):
        rows = rows_with(["a", "a", "b"], name="n" * size)
        assert native_hasher(portable=portable).seal_fields(rows) == PURE.seal_fields(rows)


@PORTABLE
def test_records_of_every_length_are_hashed_alike(portable: bool) -> None:
    hasher = native_hasher(portable=portable)
    raws = [bytes([size % 251]) * size for size in (*range(300), 65_535, 1_000_003)]
    rows = rows_with([None] * len(raws), raws)
    assert hasher.seal_fields(rows) == PURE.seal_fields(rows)
    assert hasher.seal_whole(KEY, rows.indexes, raws) == PURE.seal_whole(KEY, rows.indexes, raws)


@PORTABLE
def test_any_number_of_rows_is_hashed_alike(portable: bool) -> None:
    hasher = native_hasher(portable=portable)
    for count in range(14):
        rows = rows_with([str(at // 3) for at in range(count)])
        leaves = PURE.seal_fields(rows)
        assert hasher.seal_fields(rows) == leaves
        assert hasher.root(leaves) == PURE.root(leaves)


@PORTABLE
def test_trees_of_every_size_have_the_same_root(portable: bool) -> None:
    hasher = native_hasher(portable=portable)
    hashes = PURE.seal_whole(KEY, np.arange(300), [b""] * 300)
    for count in range(301):
        assert hasher.root(hashes[: 32 * count]) == PURE.root(hashes[: 32 * count])


@PORTABLE
def test_many_fields_are_hashed_alike(portable: bool) -> None:
    for width in (1, 4, 5, 12, 13, 60, 2_000):
        layout = Layout("generic", tuple(f"f{at}" for at in range(width)), (("c", ("x", None, 10**70)),))
        columns: list[Sequence[Cell]] = [[at, at] for at in range(width + 2)]
        rows = Rows(slot_plan(layout), KEY, np.array([2**62, 5]), columns, [b"a", b"b"])
        assert native_hasher(portable=portable).seal_fields(rows) == PURE.seal_fields(rows)


SCALARS = (
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.text(st.sampled_from('"\\,[]{}\x00\x7f\u2028é😀'))
    | st.integers()
    | st.integers(-(10**66), 10**66)
)
CELLS = SCALARS | st.lists(SCALARS, max_size=4).map(tuple)


@given(st.lists(CELLS, min_size=1, max_size=12), st.booleans())
@example([10**64 - 1, -(10**64) + 1, 10**64, -(10**64)], False)
@example([("a", 10**64), (None,), ()], False)
@example(['\\"', '"', "\\\\", '\\\\"'], False)
def test_every_cell_is_hashed_alike(cells: list[Cell], portable: bool) -> None:
    rows = rows_with(cells)
    assert native_hasher(portable=portable).seal_fields(rows) == PURE.seal_fields(rows)


def test_a_key_of_another_length_is_a_slip() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        native_hasher().seal_whole(b"short", np.arange(1), [b""])


class Library:
    """Answer as a library does that has no memory, or does not understand."""

    def __init__(self, answer: int) -> None:
        self._answer = answer

    def hisn_seal_fields(self, *_: object) -> int:
        return self._answer


def test_what_the_library_refuses_the_twin_does() -> None:
    rows = rows_with(["a"])
    hasher = NativeHasher(Library(2))  # type: ignore[arg-type]
    assert hasher.seal_fields(rows) == PURE.seal_fields(rows)


def test_want_of_memory_is_no_wrong_answer() -> None:
    with pytest.raises(MemoryError):
        NativeHasher(Library(1)).seal_fields(rows_with(["a"]))  # type: ignore[arg-type]


def framed(values: bytes, rows: int, *, portable: bool = False) -> int:
    """Give the library values that our encoder never wrote."""
    library = native_hasher()._library
    raws = (ctypes.c_char_p * rows)(*[b"raw"] * rows)
    sizes, indexes = np.full(rows, 3, np.uintp), np.arange(rows)
    ends, out = np.array([3, 6, 9], np.uintp), ctypes.create_string_buffer(32 * rows)
    status = library.hisn_seal_fields(
        KEY, indexes.ctypes.data, rows, raws, sizes.ctypes.data, b"\x01\x02\x01", b"abcdefghi", ends.ctypes.data, 3,
        values, len(values), int(portable), out,
    )  # fmt: skip
    return int(status)


@pytest.mark.parametrize("cut", range(len(b'[["a",1],[["x\\"",null],-5]]')))
def test_values_that_break_off_are_refused(cut: int) -> None:
    whole = b'[["a",1],[["x\\"",null],-5]]'
    assert framed(whole, 2) == 0
    assert framed(whole[:cut], 2) == 2
    assert framed(whole + b"]", 2) == 2


@pytest.mark.parametrize(
    "values",
    [
        b'[["a",1],[2]]',
        b"[[1],[2,3]]",
        b"[[1,2]]",
        b"[[1,2],[3,4],[5,6]]",
        b"[[1,[2,[3]]],[4,5]]",
        b"[[,],[,]]",
        b"[[1 2],[3,4]",
    ],
)
def test_values_of_another_shape_are_refused(values: bytes) -> None:
    assert framed(values, 2) == 2


@given(
    st.binary(max_size=60) | st.text('[],"\\a1n', max_size=40).map(str.encode),
    st.integers(0, 5),
    st.booleans(),
)
def test_no_bytes_in_place_of_values_do_harm(values: bytes, rows: int, portable: bool) -> None:
    assert framed(values, rows, portable=portable) in (0, 2)


def test_no_slots_are_no_leaf() -> None:
    library = native_hasher()._library
    raws, one = (ctypes.c_char_p * 1)(b""), np.zeros(1, np.uintp)
    assert (
        library.hisn_seal_fields(
            KEY, one.ctypes.data, 1, raws, one.ctypes.data, b"", b"", one.ctypes.data, 0, b"[]", 2, 0, None
        )
        == 2
    )
    assert library.hisn_root(None, 0, 0, None) == 2


def test_the_source_stays_small_and_calls_nothing_that_writes_unchecked() -> None:
    text = SOURCE.read_text("utf-8")
    assert text.count("\n") < 700
    assert not {
        name for name in ("strcpy", "sprintf", "strcat", "gets", "alloca", "printf") if f"{name}(" in text
    }
    assert json.dumps(text).isascii()


@pytest.mark.full
@pytest.mark.needs("gcc")
def test_the_address_sanitiser_finds_nothing(tmp_path: Path) -> None:
    """Run these tests again with a library that watches every access, and Python's objects in the open heap."""
    if os.environ.get("HISN_WATCHED"):
        pytest.skip("this is the watched run")
    flags = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-fno-omit-frame-pointer")
    cache = tmp_path / "hisn" / "native"
    assert find_library((cache,)) is None
    build_library((cache,), flags)
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = os.environ | {
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
        "HISN_WATCHED": str(cache),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        str(Path(__file__)),
    ]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    assert "passed" in done.stdout
