from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from hisn.live.handles import Gone, Handles, NotRegular, open_file
from hisn.live.marks import Identity, identity_of


@dataclass(eq=False)
class Owner:
    path: str
    identity: Identity
    let_gone: int = 0

    def let_go(self) -> None:
        self.let_gone += 1


def owner(path: Path) -> Owner:
    path.write_text(path.name)
    return Owner(str(path), identity_of(path.stat()))


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    handles = Handles(limit=3)
    owners = [owner(tmp_path / str(number)) for number in range(10)]
    before = len(os.listdir("/dev/fd"))
    for each in [*owners, *owners]:
        assert os.pread(handles.of(each), 10, 0).decode() == Path(each.path).name
    assert len(handles) == 3
    assert len(os.listdir("/dev/fd")) == before + 3
    assert all(each.let_gone for each in owners[:7])
    handles.close()
    assert len(os.listdir("/dev/fd")) == before


def test_a_file_that_was_renamed_is_found_again(tmp_path: Path) -> None:
    handles = Handles()
    one = owner(tmp_path / "one")
    handles.of(one)
    handles.drop(one)
    (tmp_path / "one").rename(tmp_path / "two")
    (tmp_path / "one").write_text("another")
    assert os.pread(handles.of(one), 10, 0) == b"one"
    assert one.path == str(tmp_path / "two")
    handles.close()


def test_a_file_that_is_held_can_be_read_after_it_was_deleted(tmp_path: Path) -> None:
    handles = Handles()
    one = owner(tmp_path / "one")
    handles.of(one)
    (tmp_path / "one").unlink()
    assert os.pread(handles.of(one), 10, 0) == b"one"
    handles.drop(one)
    with pytest.raises(Gone):
        handles.of(one)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotRegular):
        open_file(str(tmp_path / "pipe"))
