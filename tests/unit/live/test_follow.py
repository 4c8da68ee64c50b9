"""A name is followed through everything that is done to logs, and nothing is lost or given twice."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from tests.unit.live.logs import ACTS, Log, Watcher, played

from hisn.errors import StorageError
from hisn.live.follow import FileFeed
from hisn.live.lineage import DEFAULT, Options


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "access.log")


def watch(log: Log, options: Options = DEFAULT) -> Watcher:
    return Watcher(lambda: FileFeed("web", str(log.path), options))


def test_lines_are_given_when_they_are_whole(log: Log) -> None:
    watcher = watch(log)
    assert watcher.poll() == b""
    log.write(b"one\ntw")
    assert watcher.poll() == b"one\n"
    assert watcher.poll() == b""
    log.write(b"o\n")
    assert watcher.poll() == b"two\n"
    assert [(piece.start, piece.first_record) for piece in watcher.pieces] == [(0, 1), (4, 2)]


def test_a_renamed_file_is_read_to_its_end(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    log.write(b"two\n")
    log.rename()
    log.write(b"three\n")
    assert watcher.poll() == b"two\nthree\n"
    assert [piece.generation for piece in watcher.pieces] == [1, 1, 2]
    assert [note.kind for note in watcher.notes] == ["rotated"]


def test_a_writer_that_does_not_know_yet_is_waited_for(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\nand a ha")
    watcher.poll()
    with log.path.open("ab") as late:
        log.rename()
        log.write(b"new\n")
        assert watcher.poll() == b"new\n"
        late.write(b"lf\nlate\n")
        late.flush()
        assert watcher.poll(after_s=30) == b"and a half\nlate\n"
    assert [piece.generation for piece in watcher.pieces] == [1, 2, 1]


def test_the_last_line_of_a_rotated_file_is_given_when_nobody_ends_it(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\ntwo, cut")
    watcher.poll()
    log.rename()
    log.write(b"three\n")
    assert watcher.poll() == b"three\n"
    assert watcher.poll(after_s=61) == b"two, cut\n"
    assert [note.kind for note in watcher.notes] == ["rotated", "cut"]


def test_two_rotations_between_two_looks(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    log.write(b"two\n")
    log.rename()
    log.write(b"three\nfour\n")
    log.rename()
    log.write(b"five\n")
    assert watcher.poll() == b"two\nthree\nfour\nfive\n"
    assert watcher.said("gap") == []


def test_older_files_that_were_there_before_are_not_taken_for_later_ones(log: Log) -> None:
    log.write(b"ancient\n")
    log.rename()
    log.write(b"one\n")
    watcher = watch(log)
    watcher.poll()
    log.rename()
    log.write(b"two\n")
    log.path.with_name("access.log.offset").write_text("somebody's notes\n")
    assert watcher.settle() == b"two\n"


def test_a_copied_and_emptied_file_is_finished_from_its_copy(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    log.write(b"two\n")
    log.copy_and_truncate()
    log.write(b"three\n")
    assert watcher.poll() == b"two\nthree\n"
    assert watcher.said("truncated") == []


def test_a_file_that_was_emptied_without_a_copy_has_a_gap(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    os.truncate(log.path, 0)
    log.write(b"2\n")
    assert watcher.poll() == b"2\n"
    (note,) = watcher.said("truncated")
    assert (note.count, note.is_exact, note.offset, note.code) == (0, False, 4, "E2610")


def test_emptied_and_filled_again_to_more_than_before(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    os.truncate(log.path, 0)
    log.write(b"another line, and a longer one\n")
    assert watcher.poll() == b"another line, and a longer one\n"
    assert len(watcher.said("truncated")) == 1
    assert watcher.pieces[-1].generation == 2


def test_emptied_and_filled_again_to_the_same_size(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    os.truncate(log.path, 0)
    log.write(b"two\n")
    assert watcher.poll() == b"two\n"


def test_filled_again_with_the_same_header(log: Log) -> None:
    header = b"#Fields: date time cs-uri\n" * 100
    watcher = watch(log)
    log.write(header + b"one\n" * 300)
    watcher.poll()
    os.truncate(log.path, 0)
    log.write(header + b"two\n" * 400)
    assert watcher.poll() == header + b"two\n" * 400


def test_what_was_seen_and_not_read_before_it_was_emptied_is_counted(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n" * 100)
    watcher.poll(max_bytes=40)
    os.truncate(log.path, 0)
    watcher.poll()
    assert [note.count for note in watcher.said("truncated")] == [360]


def test_deleted_and_made_again(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    log.write(b"two\n")
    log.path.unlink()
    assert watcher.poll() == b"two\n"
    log.write(b"three\n")
    assert watcher.poll() == b"three\n"
    assert watcher.said("gap") == []


def test_deleted_and_made_again_between_two_looks(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    log.write(b"two\n")
    log.path.unlink()
    log.write(b"three\n")
    assert watcher.poll() == b"two\nthree\n"


def test_a_number_that_was_given_again_deceives_nobody(log: Log) -> None:
    # While nobody holds the file, the system gives its number to the next one.
    watcher = watch(log)
    log.write(b"one, in a file that will be gone\n")
    watcher.poll()
    watcher.commit()
    watcher.feed.close()
    log.path.unlink()
    log.write(b"two, in another file with the same number perhaps\n")
    watcher.crash()
    assert watcher.poll() == b"two, in another file with the same number perhaps\n"


def test_rotated_away_while_we_were_not_there(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    watcher.commit()
    log.write(b"two\n")
    for number in range(3, 6):
        log.rename()
        log.write(b"%d\n" % number)
    watcher.crash()
    assert watcher.poll() == b"two\n3\n4\n5\n"


def test_what_is_gone_when_we_come_back_is_a_gap_of_known_size(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n" * 10)
    watcher.poll(max_bytes=20)
    watcher.commit()
    watcher.feed.close()
    log.path.rename(log.path.with_name("elsewhere"))
    (log.path.parent / "elsewhere").unlink()
    watcher.crash()
    watcher.poll()
    (note,) = watcher.said("gap")
    assert (note.count, note.unit, note.is_exact, note.offset) == (20, "bytes", False, 20)


def test_zeros_of_a_writer_that_went_on_at_its_old_place(log: Log) -> None:
    watcher = watch(log)
    with log.path.open("wb") as writer:
        writer.write(b"one\n" * 50_000)
        writer.flush()
        watcher.poll()
        os.truncate(log.path, 0)
        writer.write(b"two\n")
    assert watcher.poll() == b"two\n"
    assert [note.count for note in watcher.said("hole")] == [200_000]


def test_a_line_beyond_the_cap_is_counted_and_passed(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n" + b"x" * 3_000_000)
    assert watcher.poll() == b"one\n"
    watcher.commit()
    log.write(b"x" * 10 + b"\ntwo\n")
    watcher.crash()
    assert watcher.poll() == b"two\n"
    assert [(note.count, note.offset) for note in watcher.said("overlong")] == [(3_000_011, 4)]


def test_a_file_that_cannot_be_read_is_said_once_and_read_when_it_can(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, refuse = os.open, True

    def refusing(path: str, flags: int) -> int:
        if refuse and str(path) == str(log.path):
            raise PermissionError(13, "Permission denied")
        return real(path, flags)

    monkeypatch.setattr(os, "open", refusing)
    watcher = watch(log)
    log.write(b"one\n")
    assert watcher.poll() == watcher.poll() == b""
    refuse = False
    assert watcher.poll() == b"one\n"
    assert [note.kind for note in watcher.notes] == ["unreadable", "readable"]


def test_a_link_that_leads_elsewhere_is_a_rotation(tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current"
    link.symlink_to(tmp_path / "monday" / "log")
    monday, tuesday = Log(tmp_path / "monday" / "log"), Log(tmp_path / "tuesday" / "log")
    watcher = Watcher(lambda: FileFeed("web", str(link)))
    monday.write(b"one\n")
    watcher.poll()
    watcher.commit()
    monday.write(b"two\n")
    link.unlink()
    link.symlink_to(tuesday.path)
    tuesday.write(b"three\n")
    watcher.crash()
    assert watcher.poll() == b"two\nthree\n"


def test_following_can_begin_at_the_end(log: Log) -> None:
    log.write(b"old\n" * 10 + b"ha")
    watcher = watch(log, Options(from_end=True))
    assert watcher.poll() == b""
    log.write(b"lf\n")
    assert watcher.poll() == b"half\n"
    assert [(note.kind, note.count) for note in watcher.notes] == [("began", 40)]


def test_following_from_the_end_holds_for_the_first_file_alone(log: Log) -> None:
    log.write(b"old\n")
    watcher = watch(log, Options(from_end=True))
    watcher.poll()
    watcher.commit()
    log.rename()
    log.write(b"one\n")
    watcher.crash()
    assert watcher.poll() == b"one\n"


@pytest.mark.parametrize(
    "start", [b"\x1f\x8b\x08", b"PK\x03\x04", b"ElfFile\0", b"\xff\xfeo\0n\0e\0\n\0", b"\x28\xb5\x2f\xfd"]
)
def test_what_does_not_grow_by_lines_is_said_and_left(log: Log, start: bytes) -> None:
    watcher = watch(log)
    log.write(start + b"\n\n\n")
    assert watcher.poll() == watcher.poll() == b""
    assert [note.kind for note in watcher.notes] == ["ignored"]
    log.rename()
    log.write(b"one\n")
    assert watcher.settle() == b"one\n"


def test_a_folder_or_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    watcher = Watcher(lambda: FileFeed("web", str(tmp_path / "pipe")))
    assert watcher.poll() == b""
    assert [note.kind for note in watcher.notes] == ["unreadable"]


@pytest.mark.parametrize(
    "position", [{}, {"file": None}, {"file": {"stream": []}}, {"other": {}}, {"file": [1]}]
)
def test_a_broken_position_is_refused(log: Log, position: dict[str, object]) -> None:
    with pytest.raises(StorageError, match="position"):
        FileFeed("web", str(log.path)).resume(position, 0)  # type: ignore[arg-type]


def test_what_was_not_committed_comes_again(log: Log) -> None:
    watcher = watch(log)
    log.write(b"one\n")
    watcher.poll()
    watcher.commit()
    log.write(b"two\n")
    watcher.poll()
    watcher.crash()
    log.write(b"three\n")
    assert watcher.poll() == b"two\nthree\n"


@given(ACTS)
def test_nothing_is_lost_or_given_twice_whatever_is_done(acts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Log(Path(folder) / "access.log")
        watcher = watch(log)
        played(log, watcher, acts)
        watcher.feed.close()
