from __future__ import annotations

import os
from pathlib import Path

import pytest

from hisn.live.marks import identity_of
from hisn.live.rotated import bases, find_identity, is_packed, rotated_from


@pytest.mark.parametrize(
    "name",
    [
        "access.log.1",
        "access.log.27",
        "access.log-20261103",
        "access.log.2026-11-03",
        "access.log-2026-11-03T20:00:00Z",
        "access.log-1793750400",
        "access.log.old",
        "access-2026-11-03.log",
        "access.1.log",
        "access_20261103.log",
    ],
)
def test_names_of_rotated_files_lead_back(name: str) -> None:
    assert "access.log" in bases(name)


@pytest.mark.parametrize(
    "name", ["access.log", "error.log", "access.log.offset", "access.log.swp", "access.logs"]
)
def test_other_names_do_not(name: str) -> None:
    assert "access.log" not in bases(name)


@pytest.mark.parametrize("name", ["a.log.1.gz", "a.log.xz", "a.zst", "a.bz2"])
def test_packed_files_are_known_by_name(name: str) -> None:
    assert is_packed(name)


def test_older_files_come_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    for number, name in enumerate(["a.log.2", "a.log.1", "a.log", "b.log.1", "a.log.3.gz"]):
        path = tmp_path / name
        path.touch()
        os.utime(path, ns=(0, number))
    found = [os.path.basename(each.path) for each in rotated_from(str(tmp_path / "a.log"))]
    assert found == ["a.log.2", "a.log.1"]


def test_a_file_is_found_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.touch()
    (tmp_path / "b").touch()
    identity = identity_of(path.stat())
    path.rename(tmp_path / "c")
    assert find_identity(str(path), identity) == str(tmp_path / "c")
    (tmp_path / "c").unlink()
    assert find_identity(str(path), identity) is None
    assert find_identity("/no/such/folder/x", identity) is None
