"""Pieces of a stream, read one by one, hold the records of the whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hisn.core import limits
from hisn.events.batch import Chunk
from hisn.events.open import read, read_bytes
from hisn.events.pieces import context_of, directives_in, read_piece
from hisn.events.schema import Cell
from hisn.events.source import SourceNote
from hisn.events.tasks import Task

if TYPE_CHECKING:
    from pathlib import Path

WEB = b"".join(
    b'10.0.0.%d - - [03/Nov/2026:18:20:%02d +0000] "GET /%d HTTP/1.1" 200 5 "-" "curl"\n'
    % (n % 250, n % 60, n)
    for n in range(200)
)
IIS = (
    b"#Software: IIS\n#Version: 1.0\n#Fields: date time cs-uri-stem c-ip\n"
    + b"".join(b"2026-11-03 18:20:%02d /%d 10.0.0.1\n" % (n % 60, n) for n in range(90))
    + b"#Software: IIS\n#Fields: date time c-ip cs-uri-stem\n"
    + b"".join(b"2026-11-03 18:21:%02d 10.0.0.2 /%d\n" % (n % 60, n) for n in range(90))
)
ZEEK = (
    b"#separator \\x09\n#set_separator\t,\n#path\tdns\n#fields\tts\tquery\n#types\ttime\tstring\n"
    + b"".join(b"17937300%02d.5\thost%d.example\n" % (n % 60, n) for n in range(150))
)
TABLE = b"name,value\n" + b"".join(b"n%d,%d\n" % (n, n) for n in range(120))
JSON = b"".join(b'{"time":"2026-11-03T18:20:%02dZ","n":%d}\n' % (n % 60, n) for n in range(120))
SYSLOG = b"".join(
    b"<34>1 2026-11-03T18:20:%02dZ host sshd 1 - - message %d\n" % (n % 60, n) for n in range(120)
)
Row = tuple[int, int, dict[str, Cell]]
STREAMS = {"web": WEB, "iis": IIS, "zeek": ZEEK, "table": TABLE, "json": JSON, "syslog": SYSLOG}


def pieces(data: bytes, cuts: list[int]) -> Iterator[tuple[Task, bytes]]:
    """Cut a stream as a watch does: each piece behind its context."""
    at, record, directives = 0, 1, b""
    for stop in sorted({data.rfind(b"\n", 0, cut) + 1 for cut in cuts} | {len(data)}):
        if stop <= at:
            continue
        part = data[at:stop]
        context = directives or context_of(data[: min(stop, limits.SNIFF_BYTES)]) if at else b""
        yield Task("", "s", start=len(context), first_record=record, offset=at), context + part
        directives = directives_in(part) or directives
        at, record = stop, record + part.count(b"\n")


def rows(items: list[Chunk | SourceNote]) -> list[Row]:
    assert not [item for item in items if isinstance(item, SourceNote)]
    chunks = [item for item in items if isinstance(item, Chunk)]
    found = [
        (int(block.numbers[row]), int(block.times[row]), block.fields(row))
        for chunk in chunks
        for block, row in chunk.rows()
    ]
    return sorted(found, key=lambda row: row[0])


@pytest.fixture(scope="module", params=STREAMS)
def stream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Row]]:
    path = tmp_path_factory.mktemp("whole") / "s"
    path.write_bytes(STREAMS[request.param])
    return request.param, rows(list(read(Task(str(path), "s"))))


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 12_000), max_size=6))
def test_any_cut_gives_the_records_of_the_whole(stream: tuple[str, list[Row]], cuts: list[int]) -> None:
    name, whole = stream
    cut = [item for task, data in pieces(STREAMS[name], cuts) for item in read_bytes(task, data)]
    assert rows(cut) == whole
    assert len(whole) >= 120


def test_a_piece_in_a_file_is_read_as_one_in_memory(tmp_path: Path) -> None:
    for number, (task, data) in enumerate(pieces(IIS, [400, 3_000])):
        path = tmp_path / str(number)
        path.write_bytes(data)
        on_disk = Task(str(path), "s", start=task.start, first_record=task.first_record)
        assert rows(list(read(on_disk))) == rows(list(read_bytes(task, data)))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x1f\x8b\x08rubbish\n", "E2640"),
        ("text\r\n".encode("utf-16"), "E2640"),
        (b"\0\1\2\3\n", "E2003"),
        (b"words of no form\n", "E2003"),
    ],
)
def test_what_cannot_be_followed_is_said(data: bytes, code: str) -> None:
    (note,) = read_piece(Task("", "s", first_record=1), io.BytesIO(data))
    assert isinstance(note, SourceNote)
    assert (note.status, note.code, note.size_bytes) == ("partial", code, len(data))


def test_the_rest_of_a_document_is_no_document() -> None:
    document = b'[{"a": 1},\n{"a": 2}]\n'
    (whole,) = read_bytes(Task("", "s", first_record=1), document)
    assert isinstance(whole, Chunk)
    first, rest = document[:11], document[11:]
    (note,) = read_bytes(Task("", "s", start=len(first), first_record=2), first + rest)
    assert isinstance(note, SourceNote)
    assert note.code == "E2640"


def test_a_byte_order_mark_is_no_part_of_the_first_record() -> None:
    data = b"\xef\xbb\xbf" + JSON
    assert rows(list(read_bytes(Task("", "s", first_record=1), data)))[0][2]["n"] == 0
    context = context_of(data)
    later = list(read_bytes(Task("", "s", start=len(context), first_record=121), context + JSON))
    assert [row[0] for row in rows(later)] == list(range(121, 241))


def test_a_context_is_whole_lines_and_bounded() -> None:
    assert context_of(b"") == b""
    assert context_of(b"a\nb") == b"a\n"
    assert context_of(b"x" * 100) == b"x" * 100 + b"\n"
    assert context_of(b"\n" * 200) == b"\n" * 64


def test_directives_count_only_at_the_beginning_of_lines() -> None:
    assert directives_in(b"GET /?#Fields: a b\n") == b""
    assert directives_in(b"x\n#Fields: a b") == b"#Fields: a b"
    assert directives_in(b"#Fields: a\nx\n#Date: d\n#Fields: b\n#Remark: r\ny\n") == (
        b"#Date: d\n#Fields: b\n#Remark: r\n"
    )
    assert directives_in(b"#Fields: " + b"a " * 20_000 + b"\n") == b""
