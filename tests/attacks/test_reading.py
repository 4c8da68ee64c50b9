"""Attacks on the reading of sources: each file here was written by somebody who wants a blind guard.

What is shown is the same each time: the rest is read, what is lost has a name and a place, and
neither time nor memory runs away.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import time
import zipfile
from pathlib import Path

import pytest
from tests.unit.events.reading import Found, read_all
from tests.unit.events.sources import evtx_files

from hisn.events.schema import Unparsed
from hisn.events.source import SourceNote

GOOD = b'{"Image":"good.exe"}\n'
EVIL = b'{"Image":"evil.exe"}\n'


def read_bytes(tmp_path: Path, data: bytes) -> tuple[Found, list[SourceNote], list[Unparsed]]:
    path = tmp_path / "x.log"
    path.write_bytes(data)
    return read_all(path)


@pytest.mark.parametrize(
    "attack",
    [
        b"\0" * 4096,
        b"\xff\xfe\xfd",
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"a":"' + b"x" * 1_500_000 + b'"}',
        b'{"a":' + b"9" * 200_000 + b"}",
        b'{"a":1e999999999}',
        b'{"a":"\\ud800"}',
        b'{"a":1,"a":2,"a":3}',
        b"\x1b[2J\x1b]0;owned\x07",
        b"ElfFile\0",
        "\u2028\u0085\x0b\x0c".encode(),
        json.dumps({str(number): 1 for number in range(50_000)}).encode(),
        b'{"EventID":' + b"[" * 60 + b"1" + b"]" * 60 + b',"Channel":{"a":1},"SourceName":[1,2]}',
        b'{"@timestamp":"99999-99-99T99:99:99Z","time":' + b"1" * 400 + b"}",
    ],
    ids=[
        "NUL bytes", "no UTF-8", "deep list", "deep object", "long line", "long number", "large exponent",
        "lone surrogate", "duplicate keys", "terminal control", "magic of another format", "other line breaks",
        "many fields", "strange Windows fields", "absurd time",
    ],
)  # fmt: skip
def test_line_of_an_attacker_hides_no_other_line(tmp_path: Path, attack: bytes) -> None:
    start = time.monotonic()
    found, notes, holes = read_bytes(tmp_path, GOOD * 50 + attack + b"\n" + EVIL)
    rows = found["x.log"]
    assert rows[-1] == (52, {"Image": "evil.exe"})
    assert [number for number, _ in rows[:50]] == list(range(1, 51))
    assert len(rows) == 52 or [hole.number for hole in holes] == [51]
    assert notes == []
    assert time.monotonic() - start < 10


def test_unique_names_in_every_record_cost_bounded_time(tmp_path: Path) -> None:
    data = b"".join(
        b'{"k%d":1,"EventID":%d,"Channel":"c%d","Source":"s"}\n' % (n, n, n) for n in range(20_000)
    )
    start = time.monotonic()
    found, _, _ = read_bytes(tmp_path, data)
    assert len(found["x.log"]) == 20_000
    assert time.monotonic() - start < 20


def test_nested_bombs_end(tmp_path: Path) -> None:
    inner = gzip.compress(GOOD * 1000)
    for _ in range(10):
        inner = gzip.compress(inner)
    found, notes, _ = read_bytes(tmp_path, inner)
    assert found == {}
    assert [note.code for note in notes] == ["E2009"]


def test_bomb_of_zeros_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with gzip.open(path, "wb", 9) as file:
        for _ in range(300):
            file.write(bytes(1 << 20))
    start = time.monotonic()
    found, notes, _ = read_all(path)
    assert found == {}
    assert [note.status for note in notes] in (["skipped"], ["skipped", "partial"])
    assert time.monotonic() - start < 20


def test_members_that_name_files_outside_write_nothing(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("../../evil.log", GOOD)
        file.writestr("/etc/evil.log", GOOD)
    before = {path for path in tmp_path.parent.rglob("*") if "evil" in path.name}
    found, _, _ = read_bytes(tmp_path, out.getvalue())
    assert sorted(found) == ["x.log!../../evil.log", "x.log!/etc/evil.log"]
    assert {path for path in tmp_path.parent.rglob("*") if "evil" in path.name} == before


def test_damage_anywhere_in_an_event_log_loses_little_and_says_so(tmp_path: Path) -> None:
    seeded = random.Random(11)
    sound = evtx_files.file(
        *(evtx_files.chunk(1 + 20 * at, evtx_files.images(20 * at, 20)) for at in range(4))
    )
    rounds = 40
    print(f"damaged event logs: {rounds}, seed 11")
    for _ in range(rounds):
        data = bytearray(sound)
        at = seeded.randrange(len(data))
        size = seeded.randrange(1, 2000)
        data[at : at + size] = seeded.randbytes(size)
        found, notes, holes = read_bytes(tmp_path, bytes(data[: len(sound)]))
        rows = found.get("x.log", [])
        # The chunks that were not touched are whole, and a loss has a place.
        untouched = [chunk for chunk in range(4) if not _overlaps(at, size, chunk)]
        images = [row["Image"] for _, row in rows]
        for chunk in untouched:
            assert all(f"C:\\program-{20 * chunk + number}.exe" in images for number in range(20))
        assert len(rows) >= 80 or holes or notes


def _overlaps(at: int, size: int, chunk: int) -> bool:
    start = evtx_files.HEADER + chunk * evtx_files.CHUNK
    return at < start + evtx_files.CHUNK and at + size > start


def test_event_log_cut_off_anywhere_keeps_what_came_before(tmp_path: Path) -> None:
    sound = evtx_files.file(
        *(evtx_files.chunk(1 + 20 * at, evtx_files.images(20 * at, 20)) for at in range(3))
    )
    seeded = random.Random(12)
    for stop in seeded.sample(range(100, len(sound)), 25):
        found, notes, holes = read_bytes(tmp_path, sound[:stop])
        whole = max(stop - evtx_files.HEADER, 0) // evtx_files.CHUNK
        assert len(found.get("x.log", [])) >= 20 * whole
        assert (
            holes
            or notes
            or not (stop - evtx_files.HEADER) % evtx_files.CHUNK
            or stop <= evtx_files.HEADER
            or (len(found["x.log"]) == 20 * (whole + 1))
        )
