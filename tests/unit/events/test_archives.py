"""Members of zip archives."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile
from pathlib import Path

import pytest
from tests.unit.events.reading import codes, read_all

from hisn.core import limits

LINE = b'{"a":1}\n'


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def packed(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def test_members_are_sources_with_names_of_their_own(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"dir/x.log": LINE, "y.log.gz": gzip.compress(LINE), "e.log": b""})
    found, notes, _ = read_all(path)
    assert {name: len(rows) for name, rows in found.items()} == {
        "a.zip!dir/x.log": 1, "a.zip!y.log.gz": 1, "a.zip!e.log": 0,
    }  # fmt: skip
    assert notes == []


def test_archive_in_an_archive_is_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"b.zip": packed({"x.log": LINE})})
    assert list(read_all(path)[0]) == ["a.zip!b.zip!x.log"]


def test_archives_in_archives_without_end_are_not(tmp_path: Path) -> None:
    data = packed({"x.log": LINE})
    for _ in range(6):
        data = packed({"b.zip": data})
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    found, notes, _ = read_all(path)
    assert found == {}
    assert [note.code for note in notes] == ["E2009"]


def test_bomb_stops_at_the_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_RATIO", 100)
    path = archive(tmp_path / "a.zip", {"bomb": LINE * (12 * limits.MiB), "x.log": LINE})
    found, notes, _ = read_all(path)
    assert len(found["a.zip!x.log"]) == 1
    assert codes(notes) == [("a.zip!bomb", "partial", "E2008")]


def test_encrypted_and_repeated_members_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.writestr("x.log", LINE)
        file.writestr("x.log", LINE * 2)
        file.writestr("secret.log", LINE)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    found, notes, _ = read_all(path)
    assert list(found) == ["a.zip!x.log"]
    assert sorted(codes(notes)) == [
        ("a.zip!secret.log", "skipped", "E2004"),
        ("a.zip!x.log", "skipped", "E2007"),
    ]


def test_truncated_archive_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(packed({"x.log": LINE * 1000})[:-30])
    assert codes(read_all(path)[1]) == [("a.zip", "skipped", "E2006")]


def test_damaged_member_is_noted_and_the_others_are_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"x.log": LINE * 1000, "y.log": LINE})
    data = bytearray(path.read_bytes())
    data[45:50] = b"\xff" * 5
    path.write_bytes(data)
    found, notes, _ = read_all(path)
    assert len(found["a.zip!y.log"]) == 1
    assert [note.code for note in notes] == ["E2007"]


def test_directory_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hisn.events.archives._MAX_DIRECTORY_BYTES", 1000)
    path = archive(tmp_path / "a.zip", {f"{number}.log": b"" for number in range(100)})
    assert codes(read_all(path)[1]) == [("a.zip", "skipped", "E2009")]
