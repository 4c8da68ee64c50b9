"""The library is built once, found by the digest of its source, and needed nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from hisn.errors import InputError
from hisn.evidence.native import library
from hisn.evidence.native.library import (
    build_library,
    find_library,
    library_folders,
    library_name,
    load_library,
)

needs_gcc = pytest.mark.needs("gcc")


@needs_gcc
def test_a_library_is_found_where_it_was_built(tmp_path: Path) -> None:
    folders = (tmp_path / "a", tmp_path / "b" / "c")
    assert find_library(folders) is None
    built = build_library(folders[1:])
    assert built == find_library(folders) == folders[1] / library_name()
    assert list(folders[1].iterdir()) == [built]
    assert callable(load_library(built).hisn_root)


@needs_gcc
def test_a_library_of_another_source_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_library((tmp_path,))
    other = tmp_path / "sealer.c"
    other.write_bytes(library.SOURCE.read_bytes() + b"\n")
    monkeypatch.setattr(library, "SOURCE", other)
    assert find_library((tmp_path,)) is None


@needs_gcc
def test_a_folder_that_cannot_be_made_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    folders = (tmp_path / "file" / "below", tmp_path / "free")
    assert build_library(folders).parent == folders[1]
    with pytest.raises(InputError) as caught:
        build_library(folders[:1])
    assert caught.value.code == "E2302"


def test_the_user_s_cache_is_a_second_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert library_folders() == (library.SOURCE.parent, tmp_path / "hisn" / "native")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert library_folders()[1] == tmp_path / ".cache" / "hisn" / "native"


def test_without_a_compiler_the_message_says_that_only_speed_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no C compiler") as caught:
        build_library((tmp_path,))
    assert "same bytes" in caught.value.unchanged


@needs_gcc
def test_a_compiler_that_refuses_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "gcc")
    with pytest.raises(InputError, match="unrecognized"):
        build_library((tmp_path,), ("--no-such-option",))
    assert list(tmp_path.iterdir()) == []
