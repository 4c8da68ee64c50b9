"""What is parsed is what was committed: one copy, taken before anything reads it, gone afterwards."""

from __future__ import annotations

import gzip
import io
import os
import resource
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.app.units import LINE, alone, write_logs

from hisn.app import intake as intake_module
from hisn.app.home import Node
from hisn.app.intake import Intake, intake_folder
from hisn.app.places import blob_name
from hisn.core import limits
from hisn.errors import StorageError
from hisn.events.batch import Chunk
from hisn.events.declare import Declarations, Sealing
from hisn.events.open import discover, read
from hisn.events.tasks import STDIN, Discovery
from hisn.evidence.raw import blob_commitment, blob_salt, decrypt_raw

NOTHING_DECLARED = Declarations()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with alone(tmp_path / "node") as made:
        yield made


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return write_logs(tmp_path / "logs", a=["/", "/marked", "/x"], b=["/marked"])


def take(
    node: Node, found: Discovery, folder: Path, declarations: Declarations = NOTHING_DECLARED
) -> tuple[Discovery, tuple[Intake, ...]]:
    return node.intaker(folder).take_in(found, declarations, "fields")


def sealed_bytes(node: Node, intake: Intake) -> bytes:
    """Return what the encrypted blob of a file holds."""
    parts = node.blobs.get_parts(blob_name(intake.ciphertext))
    assert parts is not None
    data = b"".join(decrypt_raw(node.vault().get(intake.commitment).key, parts))
    assert blob_commitment(blob_salt(intake.key), [data]) == intake.raw
    return data


def lines_of(found: Discovery) -> dict[str, int]:
    """Read all tasks; return how many records each source has."""
    counts: dict[str, int] = {}
    for task in found.tasks:
        for item in read(task):
            if isinstance(item, Chunk):
                counts[item.source] = counts.get(item.source, 0) + item.records
    return counts


def test_every_file_is_sealed_and_read_from_its_copy(node: Node, logs: Path) -> None:
    found = discover([str(logs)], NOTHING_DECLARED)
    with intake_folder(node.places.intake) as folder:
        taken, intakes = take(node, found, folder)
        assert lines_of(taken) == {"a.log": 3, "b.log": 1}
        assert {Path(task.path).parent for task in taken.tasks} == {folder}
        for task, intake in zip(found.tasks, intakes, strict=True):
            assert (
                sealed_bytes(node, intake) == Path(task.path).read_bytes() == Path(intake.path).read_bytes()
            )
        assert len({intake.commitment for intake in intakes}) == 2


def test_a_file_that_grows_meanwhile_is_judged_as_it_was_committed(node: Node, logs: Path) -> None:
    found = discover([str(logs / "a.log")], NOTHING_DECLARED)
    with intake_folder(node.places.intake) as folder:
        taken, (intake,) = take(node, found, folder)
        with (logs / "a.log").open("a") as file:
            file.write(LINE.format(minute=9, target="/marked"))
        assert lines_of(taken) == {"a.log": 3}
        assert sealed_bytes(node, intake).count(b"\n") == 3


def test_a_file_that_is_replaced_meanwhile_is_judged_as_it_was_committed(node: Node, logs: Path) -> None:
    """An attacker who sees the scan begin replaces the log by a clean one of the same size."""
    found = discover([str(logs / "a.log")], NOTHING_DECLARED)
    before = (logs / "a.log").read_bytes()
    with intake_folder(node.places.intake) as folder:
        taken, (intake,) = take(node, found, folder)
        (logs / "a.log").write_bytes(before.replace(b"/marked", b"/benign"))
        copies = [Path(task.path).read_bytes() for task in taken.tasks]
        assert copies == [before] == [sealed_bytes(node, intake)]


def test_an_archive_that_is_replaced_between_listing_and_sealing_is_read_as_it_was_sealed(
    node: Node, tmp_path: Path
) -> None:
    """A member that the list did not have yet is committed; unread it would be silent."""
    path = tmp_path / "logs.zip"
    line = LINE.format(minute=1, target="/marked")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", line)
    found = discover([str(path)], NOTHING_DECLARED)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", line * 2)
        archive.writestr("b.log", line * 3)
    with intake_folder(node.places.intake) as folder:
        taken, _ = take(node, found, folder)
        assert lines_of(taken) == {"logs.zip!a.log": 2, "logs.zip!b.log": 3}
        path.write_bytes(b"no archive any more")
        found = discover([str(path)], NOTHING_DECLARED)
        assert [task.name for task in take(node, found, folder)[0].tasks] == ["logs.zip"]


def test_an_archive_that_is_none_any_more_is_noted(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.log", LINE.format(minute=1, target="/marked"))
    found = discover([str(path)], NOTHING_DECLARED)
    path.write_bytes(b"PK\x03\x04 cut off")
    with intake_folder(node.places.intake) as folder:
        taken, intakes = take(node, found, folder)
    assert (taken.tasks, len(intakes)) == ((), 1)
    assert [(note.source, note.status) for note in taken.notes] == [("logs.zip", "skipped")]


def test_members_of_an_archive_share_one_copy_and_one_key(node: Node, tmp_path: Path) -> None:
    path = tmp_path / "logs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.log", "b.log"):
            archive.writestr(name, LINE.format(minute=1, target="/marked"))
    with intake_folder(node.places.intake) as folder:
        taken, (intake,) = take(node, discover([str(path)], NOTHING_DECLARED), folder)
        assert lines_of(taken) == {"logs.zip!a.log": 1, "logs.zip!b.log": 1}
        assert sealed_bytes(node, intake) == path.read_bytes()
        assert intake.source_id("logs.zip!a.log") != intake.source_id("logs.zip!b.log")


@pytest.mark.parametrize("extra", [-1, 0, 1, 3 * limits.MiB])
def test_large_files_are_sealed_in_pieces_and_whole(node: Node, tmp_path: Path, extra: int) -> None:
    data = (LINE.format(minute=1, target="/marked").encode() * 20_000)[: limits.MiB + extra]
    (tmp_path / "a.log").write_bytes(data)
    with intake_folder(node.places.intake) as folder:
        _, (intake,) = take(node, discover([str(tmp_path / "a.log")], NOTHING_DECLARED), folder)
        assert sealed_bytes(node, intake) == Path(intake.path).read_bytes() == data


def test_ranges_of_one_large_file_share_its_copy(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RANGE_BYTES", 1_000)
    (tmp_path / "a.log").write_text(LINE.format(minute=1, target="/marked") * 40)
    with intake_folder(node.places.intake) as folder:
        found = discover([str(tmp_path / "a.log")], NOTHING_DECLARED)
        assert len(found.tasks) > 2
        taken, (intake,) = take(node, found, folder)
        assert {task.path for task in taken.tasks} == {intake.path}
        assert lines_of(taken) == {"a.log": 40}


def test_compressed_files_are_sealed_as_they_came(node: Node, tmp_path: Path) -> None:
    data = gzip.compress(LINE.format(minute=1, target="/marked").encode() * 5)
    (tmp_path / "a.log.gz").write_bytes(data)
    with intake_folder(node.places.intake) as folder:
        taken, (intake,) = take(node, discover([str(tmp_path / "a.log.gz")], NOTHING_DECLARED), folder)
        assert sealed_bytes(node, intake) == data
        assert lines_of(taken) == {"a.log.gz": 5}


def test_many_small_files_do_not_fill_the_memory(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_TOGETHER_BYTES", 1_000)
    logs = write_logs(tmp_path / "logs", **{f"n{number}": ["/"] * 4 for number in range(9)})
    stored: list[int] = []
    put_many = node.blobs.put_many

    def counted(items: Any) -> None:
        held = list(items)
        stored.append(len(held))
        put_many(held)

    monkeypatch.setattr(node.blobs, "put_many", counted)
    with intake_folder(node.places.intake) as folder:
        _, intakes = take(node, discover([str(logs)], NOTHING_DECLARED), folder)
        monkeypatch.undo()
        assert all(sealed_bytes(node, intake) for intake in intakes)
    assert sum(stored) == 9
    assert len(stored) > 2


def test_standard_input_is_sealed_before_it_is_read(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = LINE.format(minute=1, target="/marked").encode() * 3
    (tmp_path / "in").write_bytes(data)
    with (tmp_path / "in").open() as stream, intake_folder(node.places.intake) as folder:
        monkeypatch.setattr(sys, "stdin", stream)
        taken, (intake,) = take(node, discover([STDIN], NOTHING_DECLARED), folder)
        assert lines_of(taken) == {"stdin": 3}
        assert sealed_bytes(node, intake) == data
        assert taken.tasks[0].path != STDIN


def test_what_is_declared_for_a_source_decides_how_it_is_sealed(node: Node, logs: Path) -> None:
    declared = Declarations(sealing=(("b.*", Sealing("whole")),))
    with intake_folder(node.places.intake) as folder:
        _, intakes = take(node, discover([str(logs)], declared), folder, declared)
    assert {intake.name: intake.mode for intake in intakes} == {"a.log": "fields", "b.log": "whole"}


def test_a_file_that_vanished_is_noted_and_costs_the_others_nothing(node: Node, logs: Path) -> None:
    found = discover([str(logs)], NOTHING_DECLARED)
    (logs / "a.log").unlink()
    with intake_folder(node.places.intake) as folder:
        taken, intakes = take(node, found, folder)
    assert [intake.name for intake in intakes] == ["b.log"]
    assert [(note.source, note.status, note.code) for note in taken.notes] == [("a.log", "skipped", "E2001")]


class Failing(io.RawIOBase):
    """Give so many bytes, then fail as a damaged disk does."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, or fail at their end."""
        part = self._data.read(size)
        if not part:
            raise OSError(5, "Input/output error")
        return part


@pytest.mark.parametrize(("size", "status"), [(0, "skipped"), (200, "partial"), (3 * limits.MiB, "partial")])
def test_a_damaged_disk_under_a_log_is_noted_and_what_was_read_is_kept(
    node: Node, logs: Path, monkeypatch: pytest.MonkeyPatch, size: int, status: str
) -> None:
    """It must not end the run: that would be a way to stop the sealing of all other sources."""
    opened = intake_module._opened
    data = (LINE.format(minute=1, target="/marked").encode() * 40_000)[:size]
    monkeypatch.setattr(
        intake_module, "_opened", lambda path: Failing(data) if path.endswith("a.log") else opened(path)
    )
    with intake_folder(node.places.intake) as folder:
        taken, intakes = take(node, discover([str(logs)], NOTHING_DECLARED), folder)
        assert [(note.source, note.status, note.reason) for note in taken.notes] == [
            ("a.log", status, "Input/output error")
        ]
        assert [intake.name for intake in intakes] == (["a.log", "b.log"] if size else ["b.log"])
        if size:
            assert sealed_bytes(node, intakes[0]) == data == Path(intakes[0].path).read_bytes()
        assert lines_of(taken)["b.log"] == 1


@pytest.mark.parametrize("size", [20_000, 2 * limits.MiB])
def test_no_room_for_the_copy_ends_the_run_and_is_no_note_on_the_source(
    node: Node, tmp_path: Path, size: int
) -> None:
    (tmp_path / "a.log").write_bytes((LINE.format(minute=1, target="/").encode() * 30_000)[:size])
    found = discover([str(tmp_path / "a.log")], NOTHING_DECLARED)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with intake_folder(node.places.intake) as folder:
        node.intaker(folder)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        try:
            with pytest.raises(StorageError) as caught:
                take(node, found, folder)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.code == "E5320"
    assert "nothing was judged" in caught.value.unchanged


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    with pytest.raises(StorageError) as caught, intake_folder(tmp_path / "state" / "intake"):
        pass
    assert caught.value.code == "E5320"


def test_nobody_else_can_read_the_copies(node: Node, logs: Path) -> None:
    with intake_folder(node.places.intake) as folder:
        _, intakes = take(node, discover([str(logs)], NOTHING_DECLARED), folder)
        places = [folder, *(Path(each.path) for each in intakes)]
        modes = [stat.S_IMODE(path.stat().st_mode) for path in places]
    assert modes == [0o700, 0o600, 0o600]


@pytest.mark.parametrize("how", ["done", "failed"])
def test_no_plain_copy_stays_behind(node: Node, logs: Path, how: str) -> None:
    def run() -> None:
        with intake_folder(node.places.intake) as folder:
            take(node, discover([str(logs)], NOTHING_DECLARED), folder)
            if how == "failed":
                raise KeyboardInterrupt

    if how == "failed":
        with pytest.raises(KeyboardInterrupt):
            run()
    else:
        run()
    assert [path.name for path in node.places.intake.rglob("*")] == ["lock"]


KILLED = """
import sys, time
from pathlib import Path
from hisn.app.intake import intake_folder
with intake_folder(Path(sys.argv[1])) as folder:
    (folder / "plain").write_bytes(b"a voter's name")
    print(folder, flush=True)
    time.sleep(60)
"""


def test_plain_copies_of_a_killed_run_are_removed_by_the_next_one(tmp_path: Path) -> None:
    place = tmp_path / "intake"
    with subprocess.Popen([sys.executable, "-c", KILLED, place], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        left = Path(run.stdout.readline().strip())
        with intake_folder(place):
            assert (left / "plain").exists()  # that run lives
        run.kill()
        run.wait()
        assert (left / "plain").exists()
        with intake_folder(place) as folder:
            assert not left.exists()
            assert list(place.iterdir()) != [folder]
    assert [path.name for path in place.iterdir()] == ["lock"]


def test_a_run_within_a_run_leaves_the_outer_copies_alone(tmp_path: Path) -> None:
    """Process numbers would say that they are one and the same."""
    with intake_folder(tmp_path) as outer:
        (outer / "plain").write_bytes(b"still read")
        with intake_folder(tmp_path) as inner:
            assert inner != outer
        assert (outer / "plain").exists()


def test_many_runs_begin_and_end_at_once(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(20):
                with intake_folder(tmp_path) as folder:
                    (folder / "plain").write_bytes(b"x")
                    assert (folder / "plain").read_bytes() == b"x"
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_lies_beside_the_runs_folders_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "stray").write_bytes(b"")
    (tmp_path / "4711").mkdir()
    (tmp_path / "4711" / "plain").write_bytes(b"left by an older version")
    with intake_folder(tmp_path):
        assert not (tmp_path / "4711").exists()
    shutil.rmtree(tmp_path)
    assert not os.path.lexists(tmp_path)
