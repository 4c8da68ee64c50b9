"""A folder is many logs, of which any can come, go, rotate or be somebody's trick."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given
from tests.unit.live.logs import ACTS, Log, Watcher, played

from hisn.core.limits import MiB
from hisn.errors import StorageError
from hisn.live import folder as module
from hisn.live.feed import changes
from hisn.live.folder import FolderFeed
from hisn.live.lineage import DEFAULT, Options


def watch(folder: Path, options: Options = DEFAULT, wanted: str | None = None) -> Watcher:
    pattern = re.compile(wanted) if wanted else None
    return Watcher(lambda: FolderFeed("logs", str(folder), options, pattern))


def test_every_file_is_a_source_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    Log(tmp_path / "web" / "access.log").write(b"a\n")
    Log(tmp_path / "auth.log").write(b"b\n")
    watcher = watch(tmp_path)
    watcher.poll()
    Log(tmp_path / "late.log").write(b"c\n")
    watcher.poll()
    assert {piece.source: piece.data for piece in watcher.pieces} == {
        "logs/web/access.log": b"a\n",
        "logs/auth.log": b"b\n",
        "logs/late.log": b"c\n",
    }


def test_older_files_of_a_name_belong_to_it(tmp_path: Path) -> None:
    log = Log(tmp_path / "access.log")
    for number in range(4):
        log.write(b"%d\n" % number)
        if number < 3:
            log.rename()
    watcher = watch(tmp_path)
    watcher.settle()
    assert {piece.source for piece in watcher.pieces} == {"logs/access.log"}
    assert watcher.data() == b"0\n1\n2\n3\n"
    log.rename()
    log.write(b"4\n")
    assert watcher.settle() == b"4\n"


def test_older_files_whose_name_came_later_are_not_given_twice(tmp_path: Path) -> None:
    log = Log(tmp_path / "access.log")
    log.write(b"0\n")
    log.rename()
    watcher = watch(tmp_path)
    watcher.poll()
    log.write(b"1\n")
    watcher.poll()
    for number in range(2, 5):
        log.rename()
        log.write(b"%d\n" % number)
        watcher.poll()
    watcher.settle()
    assert sorted(watcher.data().split()) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_file_renamed_to_something_else_is_not_given_twice(tmp_path: Path) -> None:
    log = Log(tmp_path / "access.log")
    log.write(b"one\n")
    watcher = watch(tmp_path)
    watcher.poll()
    log.path.rename(tmp_path / "kept-for-the-auditor")
    assert watcher.settle() == b""
    watcher.commit()
    watcher.crash()
    assert watcher.settle() == b""


def test_a_copy_that_is_being_made_is_not_given_twice(tmp_path: Path) -> None:
    log = Log(tmp_path / "access.log")
    log.write(b"line\n" * 1_000)
    watcher = watch(tmp_path)
    watcher.poll()
    copy = tmp_path / "access.log.1"
    copy.touch()
    assert watcher.poll() == b""
    copy.write_bytes(log.path.read_bytes()[:3_001])
    assert watcher.poll() == b""
    log.write(b"after\n")
    copy.write_bytes(log.path.read_bytes())
    os.truncate(log.path, 0)
    log.write(b"new\n")
    assert watcher.settle() == b"after\nnew\n"


def test_packed_files_links_and_pipes_are_named_once(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log.1.gz").write_bytes(gzip.compress(b"x\n"))
    (folder / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("not asked for\n")
    os.mkfifo(folder / "pipe")
    watcher = watch(folder)
    assert watcher.poll() == watcher.poll() == b""
    told = sorted((note.kind, note.source) for note in watcher.notes)
    assert told == [("ignored", "logs/a.log.1.gz"), ("ignored", "logs/link"), ("ignored", "logs/pipe")]


def test_only_wanted_names(tmp_path: Path) -> None:
    Log(tmp_path / "a.log").write(b"a\n")
    Log(tmp_path / "b.txt").write(b"b\n")
    assert watch(tmp_path, wanted=r"[^/]*\.log").poll() == b"a\n"


def test_names_that_are_no_text_are_followed_and_told_apart(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.log"
    plain = os.fsencode(tmp_path) + rb"/\xff.log"
    for path, line in ((odd, b"odd\n"), (plain, b"plain\n")):
        with open(path, "wb") as file:
            file.write(line)
    watcher = watch(tmp_path)
    watcher.poll()
    assert {piece.data for piece in watcher.pieces} == {b"odd\n", b"plain\n"}
    assert {piece.source for piece in watcher.pieces} == {r"logs/\xff.log", r"logs/\xff.log~2"}
    watcher.commit()
    with open(odd, "ab") as file:
        file.write(b"more\n")
    watcher.crash()
    assert watcher.poll() == b"more\n"


def test_following_from_the_end_reads_new_files_whole(tmp_path: Path) -> None:
    old = Log(tmp_path / "a.log")
    old.write(b"ancient\n")
    old.rename()
    old.write(b"old\n")
    watcher = watch(tmp_path, Options(from_end=True))
    watcher.poll()
    Log(tmp_path / "b.log").write(b"b\n")
    old.write(b"a\n")
    assert sorted(watcher.settle().split()) == [b"a", b"b"]


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    watcher = watch(tmp_path / "logs")
    assert watcher.poll() == watcher.poll() == b""
    (tmp_path / "logs").mkdir()
    Log(tmp_path / "logs" / "a").write(b"a\n")
    assert watcher.poll() == b"a\n"
    assert [(note.kind, note.source) for note in watcher.notes] == [
        ("unreadable", "logs"),
        ("readable", "logs"),
    ]


def test_everybody_has_a_turn_beside_somebody_who_floods(tmp_path: Path) -> None:
    Log(tmp_path / "flood").write(b"x" * 99 + b"\n" + (b"y" * 1_023 + b"\n") * 20_000)
    watcher = watch(tmp_path)
    watcher.poll(max_bytes=MiB)
    for number in range(5):
        Log(tmp_path / f"quiet-{number}").write(b"hello\n")
    watcher.poll(max_bytes=2 * MiB)
    watcher.poll(max_bytes=2 * MiB)
    assert len({piece.source for piece in watcher.pieces}) == 6


def test_too_many_names_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 3)
    for number in range(6):
        Log(tmp_path / str(number)).write(b"x\n")
    watcher = watch(tmp_path)
    watcher.poll()
    assert len(watcher.pieces) == 3
    assert [note.reason for note in watcher.said("ignored")] == ["there are more than 3 files"]


def test_ten_thousand_files(tmp_path: Path) -> None:
    for number in range(10_000):
        (tmp_path / f"{number:05}.log").write_bytes(b"first of %d\n" % number)
    watcher = watch(tmp_path)
    before = len(os.listdir("/dev/fd"))
    watcher.poll(max_bytes=64 * MiB)
    assert len(watcher.pieces) == 10_000
    assert len(os.listdir("/dev/fd")) < before + 300
    old = watcher.feed.position()
    with (tmp_path / "04711.log").open("ab") as file:
        file.write(b"second\n")
    started = time.monotonic()
    watcher.now_us += 2_000_000
    (piece,) = watcher.feed.poll(MiB, watcher.now_us)
    taken_s = time.monotonic() - started
    assert (piece.source, piece.head) == ("logs/04711.log", b"first of 4711\nsecond\n")
    assert set(changes(old, watcher.feed.position())) == {"logs/04711.log"}
    # Some 0.1 s alone on a machine; others use it, too.
    assert taken_s < 5
    watcher.feed.close()


def test_a_broken_position_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        FolderFeed("logs", str(tmp_path)).resume({"elsewhere/x": ["", {}]}, 0)


@given(ACTS)
def test_nothing_is_lost_or_given_twice_whatever_is_done(acts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        watcher = watch(Path(folder))
        played(Log(Path(folder) / "access.log"), watcher, acts)
        watcher.feed.close()
