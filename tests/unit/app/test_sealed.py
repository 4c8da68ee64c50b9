"""The workers' half of sealing: commitments to chunks, computed without any signing key."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from tests.unit.app.units import LINE

from hisn.app.judge import Placed, read_placed
from hisn.app.sealed import ChunkSealer, SealBy, SealedChunk
from hisn.core import limits
from hisn.events.declare import Declarations
from hisn.events.open import discover
from hisn.evidence.batch import Mode, OpenBatch, salt_key_of
from hisn.tlog.merkle import EMPTY_ROOT

KEY = bytes(range(32))


def placed_of(path: Path) -> list[Placed]:
    tasks = discover([str(path)], Declarations()).tasks
    return [item for item in read_placed(tasks) if isinstance(item, Placed)]


def sealed_of(path: Path, mode: Mode = "fields", key: bytes = KEY) -> list[SealedChunk]:
    return ChunkSealer({str(path): SealBy(key, mode)})(placed_of(path))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(limits, "CHUNK_BYTES", 400)
    monkeypatch.setattr(limits, "SEALED_CHUNKS", 2)
    path = tmp_path / "a.log"
    path.write_text("".join(LINE.format(minute=at % 60, target=f"/{at}") for at in range(20)))
    return path


@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_the_commitment_is_that_of_the_batch_which_is_opened_later(log: Path, mode: Mode) -> None:
    for item, chunk in zip(placed_of(log), sealed_of(log, mode), strict=True):
        again = OpenBatch(item.chunk, salt_key_of(KEY, "a.log", 0, item.ordinal), mode)
        assert (chunk.root, chunk.count) == (again.sealed.root, again.sealed.count)
        assert chunk.place == ("a.log", 0, item.ordinal)


def test_batches_of_one_file_have_different_salts(log: Path) -> None:
    """The same record twice must not give the same leaf twice: that would tell that they are alike."""
    log.write_text(LINE.format(minute=1, target="/same") * 20)
    roots = [chunk.root for chunk in sealed_of(log)]
    assert len(set(roots)) == len(roots) > 2


def test_another_key_gives_other_commitments(log: Path) -> None:
    assert {chunk.root for chunk in sealed_of(log)} & {
        chunk.root for chunk in sealed_of(log, key=bytes(32))
    } == set()


def test_every_record_has_its_event(log: Path) -> None:
    chunks = sealed_of(log)
    assert sum(chunk.count for chunk in chunks) == 20
    for chunk in chunks:
        assert len(chunk.runs) == 1
        inside = range(chunk.first_record, chunk.last_record + 1)
        assert [chunk.event_of(record) for record in inside] == list(range(chunk.count))
        assert chunk.event_of(chunk.first_record - 1) is None
        assert chunk.event_of(chunk.last_record + 1) is None


def test_a_record_that_could_not_be_parsed_has_no_event(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    lines = [LINE.format(minute=1, target="/") for _ in range(5)]
    lines[2] = "no access log line at all\n"
    path.write_text("".join(lines))
    (chunk,) = sealed_of(path)
    assert [hole.number for hole in chunk.unparsed] == [3]
    assert [chunk.event_of(record) for record in range(7)] == [None, 0, 1, None, 2, 3, None]


def test_a_file_without_records_has_a_batch_without_events(tmp_path: Path) -> None:
    """That a source said nothing is a statement, too."""
    path = tmp_path / "a.log"
    path.write_bytes(b"")
    (chunk,) = sealed_of(path)
    assert (chunk.root, chunk.count, chunk.runs, chunk.first) == (EMPTY_ROOT, 0, (), None)
    assert chunk.event_of(0) is None


def test_the_sealer_and_what_it_computes_cross_to_other_processes(log: Path) -> None:
    sealer = ChunkSealer({str(log): SealBy(KEY, "fields")})
    again = pickle.loads(pickle.dumps(sealer))(placed_of(log))
    chunks = pickle.loads(pickle.dumps(again))
    assert [chunk.root for chunk in chunks] == [chunk.root for chunk in sealed_of(log)]
