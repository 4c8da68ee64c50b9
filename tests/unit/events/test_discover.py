"""Which sources arguments name."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from tests.unit.events.reading import codes, read_all

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.declare import Declarations
from hisn.events.discover import discover
from hisn.events.schema import Declaration

LINE = b'{"a":1}\n'


def names(*arguments: Path | str) -> list[str]:
    return [task.name for task in discover([str(argument) for argument in arguments], Declarations()).tasks]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.log", "a/x.log", "a/y.log", "c/deep/z.log"):
        path = tmp_path / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LINE)
    return tmp_path / "logs"


def test_names_are_relative_to_the_argument_and_sorted(folder: Path) -> None:
    assert names(folder) == ["a/x.log", "a/y.log", "b.log", "c/deep/z.log"]
    assert names(folder / "a" / "x.log") == ["x.log"]


def test_order_of_arguments_changes_nothing(folder: Path) -> None:
    assert names(folder / "a", folder / "b.log") == names(folder / "b.log", folder / "a")


def test_file_named_twice_is_read_once(folder: Path) -> None:
    assert names(folder / "b.log", folder) == ["a/x.log", "a/y.log", "b.log", "c/deep/z.log"]


def test_two_files_of_one_name_have_two_names(folder: Path) -> None:
    (folder / "c" / "x.log").write_bytes(LINE)
    found = names(folder / "a" / "x.log", folder / "c" / "x.log")
    assert len(set(found)) == 2
    assert all(name.endswith("/x.log") for name in found)


def test_argument_that_does_not_exist_is_an_error(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        names(folder / "none")
    assert caught.value.code == "E2001"
    assert caught.value.place is not None


def test_links_out_of_the_folder_are_noted_not_followed(folder: Path) -> None:
    outside = folder.parent / "secret"
    outside.mkdir()
    (outside / "s.log").write_bytes(LINE)
    (folder / "out").symlink_to(outside)
    (folder / "out.log").symlink_to(outside / "s.log")
    (folder / "inside").symlink_to(folder / "a")
    (folder / "loop").symlink_to(folder)
    found, notes, _ = read_all(folder)
    assert sorted(found) == ["a/x.log", "a/y.log", "b.log", "c/deep/z.log"]
    assert codes(notes) == [("out", "skipped", "E2002"), ("out.log", "skipped", "E2002")]


def test_socket_is_noted(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "s.sock"))
        assert codes(read_all(folder)[1]) == [("s.sock", "skipped", "E2002")]


def test_name_that_is_no_text_can_be_written(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff.log")).write_bytes(LINE)
    assert "\\xff.log" in names(folder)
    "".join(names(folder)).encode()


def test_declarations_go_with_their_source(folder: Path) -> None:
    declarations = Declarations(by_glob=(("a/*.log", Declaration(year=2024)),))
    found = {task.name: task.declaration.year for task in discover([str(folder)], declarations).tasks}
    assert found == {"a/x.log": 2024, "a/y.log": 2024, "b.log": None, "c/deep/z.log": None}


def test_large_file_is_cut_into_ranges_that_read_like_the_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "b.log"
    path.write_bytes(b"".join(b'{"n":%d,"pad":"%s"}\n' % (n, b"x" * (n % 300)) for n in range(1, 5000)))
    whole, _, _ = read_all(path)
    monkeypatch.setattr(limits, "RANGE_BYTES", 70_001)
    assert len(discover([str(path)], Declarations()).tasks) > 8
    ranges, notes, holes = read_all(path)
    assert ranges == whole
    assert [number for number, _ in ranges["b.log"]] == list(range(1, 5000))
    assert (notes, holes) == ([], [])
