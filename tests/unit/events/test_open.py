"""Opening by content, never by name."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from tests.unit.events.reading import codes, read_all
from tests.unit.events.sources import evtx_files

from hisn.core import limits
from hisn.events.batch import Chunk
from hisn.events.open import read
from hisn.events.tasks import Task

LINES = b'{"a":1}\n{"a":2}\n'
EVTX = evtx_files.file(evtx_files.chunk(1, evtx_files.images(1, 3)))


@pytest.mark.parametrize(
    ("data", "kind", "count"),
    [
        (LINES, "json-lines", 2),
        (b"\xef\xbb\xbf" + LINES, "json-lines", 2),
        (LINES.decode().encode("utf-16"), "json-lines", 2),
        (b'[{"a":1},\n{"a":2}]', "json", 2),
        (EVTX, "evtx", 3),
        (b"", "empty", 0),
        (gzip.compress(LINES), "json-lines", 2),
        (zstandard.ZstdCompressor().compress(EVTX), "evtx", 3),
        (gzip.compress(gzip.compress(LINES)), "json-lines", 2),
        (gzip.compress(b""), "empty", 0),
    ],
    ids=[
        "lines",
        "BOM",
        "UTF-16",
        "array",
        "EVTX",
        "empty",
        "gzip",
        "EVTX in zstd",
        "gzip twice",
        "gzip of nothing",
    ],
)
def test_content_decides(tmp_path: Path, data: bytes, kind: str, count: int) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(data)
    chunks = list(read(Task(str(path), "holiday.jpg")))
    assert all(isinstance(chunk, Chunk) for chunk in chunks)
    assert {chunk.kind for chunk in chunks} == {kind}
    assert sum(chunk.records for chunk in chunks if isinstance(chunk, Chunk)) == count


@pytest.mark.parametrize("data", [b"Dear diary,\ntoday\n", bytes(range(256)) * 40, b"\x7fELF" + bytes(100)])
def test_unknown_content_is_skipped_with_its_size(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(data)
    found, (note,), _ = read_all(path)
    assert found == {}
    assert (note.status, note.code, note.size_bytes) == ("skipped", "E2003", len(data))


def test_truncated_gzip_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    data = gzip.compress(b"".join(b'{"a":%d}\n' % number for number in range(100_000)))
    path.write_bytes(data[: len(data) // 2])
    found, notes, holes = read_all(path)
    assert len(found["x.log.gz"]) > 30_000
    assert codes(notes) == [("x.log.gz", "partial", "E2006")]
    assert len(holes) <= 1


def test_one_line_of_200_mb_is_a_hole_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b'{"a":1}\n{"a":"')
        for _ in range(200):
            file.write(os.urandom(1024) * 1024)
        file.write(b'"}\n{"a":3}\n')
    script = (
        "import resource, sys\n"
        "from tests.unit.events.reading import read_all\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"found, notes, holes = read_all({str(path)!r})\n"
        "print([n for n, _ in found['x.log.gz']], [(h.number, h.reason) for h in holes], notes)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    result, grown_kib = done.stdout.splitlines()
    # The urandom holds newlines: what follows them are holes of their own; first and last are records.
    assert result.startswith("[1, ")
    assert "line too long" in result or "not JSON" in result
    assert int(grown_kib) < 100 * 1024


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    script = "from tests.unit.events.reading import read_all; print({k: len(v) for k, v in read_all('-')[0].items()})"
    for data, count in ((LINES, 2), (EVTX, 3), (gzip.compress(LINES), 2)):
        done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True)
        assert done.stdout.decode().strip() == str({"stdin": count})


def test_named_pipe_is_a_source(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(path)!r}, 'wb').write({LINES!r})"])
    assert len(read_all(path)[0]["pipe"]) == 2
    assert writer.wait() == 0


def test_file_that_vanished_is_a_note(tmp_path: Path) -> None:
    (note,) = read(Task(str(tmp_path / "gone"), "gone"))
    assert not isinstance(note, Chunk)
    assert (note.status, note.code) == ("skipped", "E2001")


def test_chunks_do_not_depend_on_how_the_stream_gives_its_bytes(tmp_path: Path) -> None:
    data = b"".join(b'{"n":%d}\n' % number for number in range(400_000))
    plain, packed = tmp_path / "a.log", tmp_path / "b.log"
    plain.write_bytes(data)
    packed.write_bytes(gzip.compress(data, 1))
    sizes = [
        [chunk.size_bytes for chunk in read(Task(str(path), "x")) if isinstance(chunk, Chunk)]
        for path in (plain, packed)
    ]
    assert sizes[0] == sizes[1]
    assert max(sizes[0]) <= limits.CHUNK_BYTES
    assert sum(sizes[0]) == len(data)


def test_document_is_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"[" + b",".join(b'{"a":"%s"}' % (b"x" * 1000) for _ in range(5000)) + b"]")
    chunks = [chunk for chunk in read(Task(str(path), "x")) if isinstance(chunk, Chunk)]
    assert len(chunks) > 1
    assert sum(chunk.size_bytes for chunk in chunks) == path.stat().st_size


def test_asking_for_the_reader_loads_nothing_heavy() -> None:
    script = "import sys, hisn.events.open; print(sorted({'evtx', 'lxml', 'zipfile', 'zstandard', 'subprocess'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
