"""The process that parses, and its failures."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from tests.unit.events.sources import evtx_files

from hisn.errors import InputError
from hisn.events import evtx_chunks
from hisn.events.evtx_child import ChunkRecords, EvtxChild


@pytest.fixture
def path(tmp_path: Path) -> str:
    chunks = [evtx_files.chunk(1 + 10 * at, evtx_files.images(10 * at, 10)) for at in range(6)]
    file = tmp_path / "events.evtx"
    file.write_bytes(evtx_files.file(*chunks))
    return str(file)


def read(child: EvtxChild, path: str) -> list[ChunkRecords]:
    try:
        return list(child.read(path))
    finally:
        child.close()


@pytest.mark.parametrize("forks", [True, False], ids=["forked", "spawned"])
def test_all_chunks_come_in_order(path: str, forks: bool) -> None:
    found = read(EvtxChild(forks=forks), path)
    assert [(chunk.index, chunk.records) for chunk in found] == [(index, 10) for index in range(6)]
    assert json.loads(found[2].lines.split(b"\n")[0])["Event"]["EventData"]["Image"] == "C:\\program-20.exe"


def test_one_child_reads_many_files(path: str) -> None:
    child = EvtxChild()
    assert [len(list(child.read(path))) for _ in range(3)] == [6, 6, 6]
    child.close()


def test_file_that_is_not_there_is_an_error_of_its_own(path: str) -> None:
    child = EvtxChild()
    with pytest.raises(InputError, match="No such file"):
        list(child.read(path + "x"))
    assert len(read(child, path)) == 6


def _fail_at(monkeypatch: pytest.MonkeyPatch, mark: bytes, how: str) -> None:
    """Make the parser behave as crafted files make parsers behave; the child is forked with it."""
    sound = evtx_chunks.read_chunk

    def read_chunk(chunk: bytes) -> tuple[list[str], list[evtx_chunks.ChunkHole]]:
        if mark in chunk:
            if how == "hang":
                time.sleep(3600)
            elif how == "die":
                os._exit(134)
            else:
                return ["x" * (14 << 30)], []
        return sound(chunk)

    monkeypatch.setattr(evtx_chunks, "read_chunk", read_chunk)


@pytest.mark.parametrize(
    ("how", "reason"),
    [("hang", "the parser stalled"), ("die", "the parser died"), ("14 GB", "the parser died")],
)
def test_chunk_that_breaks_the_parser_is_a_hole_and_the_rest_is_read(
    path: str, monkeypatch: pytest.MonkeyPatch, how: str, reason: str
) -> None:
    _fail_at(monkeypatch, "C:\\program-23.exe".encode("utf-16-le"), how)
    found = read(EvtxChild(stall_s=0.5, forks=True), path)
    assert [(chunk.index, chunk.records) for chunk in found] == [
        (0, 10),
        (1, 10),
        (2, 0),
        (3, 10),
        (4, 10),
        (5, 10),
    ]
    assert found[2].holes == ((reason, 0, 0),)


def test_file_made_to_cost_time_is_given_up(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_at(monkeypatch, b"ElfChnk", "die")
    child = EvtxChild(forks=True)
    found: list[ChunkRecords] = []
    with pytest.raises(InputError) as caught:
        found.extend(child.read(path))
    child.close()
    assert caught.value.code == "E2012"
    assert [chunk.index for chunk in found] == [0, 1, 2]


def test_reader_that_stops_early_leaves_no_half_answer(path: str) -> None:
    child = EvtxChild()
    for _ in child.read(path):
        break
    assert len(read(child, path)) == 6
