"""Public logs are sealed alike by every hasher, in every order, in any process, under any file name."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.corpus.public import read_chunks, sample
from tests.unit.evidence.hashers import HASHERS, hasher_named
from tests.unit.evidence.sealing import KEY, naive_leaves, naive_root

from hisn.core import limits
from hisn.events.batch import Chunk
from hisn.events.declare import Declarations
from hisn.events.discover import discover
from hisn.events.open import read
from hisn.events.tasks import Task
from hisn.evidence.batch import Mode, seal_chunk
from hisn.evidence.pure import PureHasher

pytestmark = pytest.mark.corpus

FOLDERS = ("evtx", "syslog", "web")


def chunks_in(corpus: Path, folder: str, wanted: int) -> list[Chunk]:
    return sample(list(read_chunks([corpus / folder])), wanted, 3)


def roots_of(task: Task) -> list[str]:
    """Seal one task; runs in another process."""
    found = (item for item in read(task) if isinstance(item, Chunk))
    return [f"{chunk.source} {seal_chunk(chunk, KEY, 'fields', PureHasher()).root.hex()}" for chunk in found]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("mode", ["fields", "whole"])
def test_every_hasher_seals_public_logs_as_the_format_describes(
    corpus: Path, folder: str, mode: Mode
) -> None:
    for chunk in chunks_in(corpus, folder, 400):
        expected = naive_root(naive_leaves(chunk, KEY, mode))
        assert {seal_chunk(chunk, KEY, mode, hasher_named(name)).root for name in HASHERS} == {expected}


def test_the_batches_are_the_same_whatever_the_processes(corpus: Path) -> None:
    tasks = [task for name in FOLDERS for task in discover([str(corpus / name)], Declarations()).tasks]
    tasks = sorted(tasks, key=lambda task: task.size_bytes)[:60]
    alone = [roots_of(task) for task in tasks]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        shared = list(pool.map(roots_of, tasks[::-1]))
    assert shared[::-1] == alone


def test_boundaries_depend_on_the_bytes_alone(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read a log and a copy of it, cut into ranges, forwards and backwards."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 16 * 1024)
    monkeypatch.setattr(limits, "RANGE_BYTES", 100 * 1024)
    log = corpus / "web" / "access_combined.log"
    copy = tmp_path / "other folder" / "other name.log"
    copy.parent.mkdir()
    shutil.copyfile(log, copy)

    def batches(path: Path, *, backwards: bool) -> dict[tuple[int, int], bytes]:
        tasks = discover([str(path)], Declarations()).tasks
        return {
            (task.start, ordinal): seal_chunk(chunk, KEY, "fields").leaf_hashes
            for task in (reversed(tasks) if backwards else tasks)
            for ordinal, chunk in enumerate(item for item in read(task) if isinstance(item, Chunk))
        }

    first = batches(log, backwards=False)
    assert len(first) > 3
    assert len({start for start, _ in first}) > 1
    assert batches(copy, backwards=True) == first
