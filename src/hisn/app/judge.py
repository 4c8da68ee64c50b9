"""Read tasks, put their chunks together into batches, and judge them."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hisn.core import limits
from hisn.elections.minutes import MinuteNote
from hisn.engine.hits import HitBlock
from hisn.engine.ledger import CoverageLedger
from hisn.engine.marks import MarkBlock
from hisn.engine.scan import Scanner
from hisn.errors import HisnError
from hisn.events.batch import Chunk, joined
from hisn.events.open import read
from hisn.events.source import SourceNote
from hisn.events.tasks import Task


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bound a batch; nothing but memory and speed may depend on it."""

    rows: int = limits.BATCH_ROWS
    size_bytes: int = limits.BATCH_BYTES


@dataclass(slots=True)
class Timings:
    """Add up seconds by stage, for benchmarks."""

    read_s: float = 0.0
    seal_s: float = 0.0
    scan_s: float = 0.0

    def add(self, other: Timings) -> None:
        """Add another process's seconds."""
        self.read_s += other.read_s
        self.seal_s += other.seal_s
        self.scan_s += other.scan_s


@dataclass(frozen=True, slots=True)
class Part:
    """Hold what one batch gave; `marks` are for correlations, `minutes` are what a tap counted."""

    hits: tuple[HitBlock, ...]
    ledger: CoverageLedger
    records: int
    size_bytes: int
    timings: Timings = field(default_factory=Timings)
    minutes: tuple[MinuteNote, ...] = ()
    marks: tuple[MarkBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """Hold a run of chunks, joined to one, and its place: the task that read it, and its number there.

    `ordinal` counts the runs of one source in one task from 0.  Range, number and length of a run
    depend on the source's bytes alone.
    """

    task: Task
    ordinal: int
    chunk: Chunk


Wait = Callable[[], None]
"""Return when a commitment is durable; what it raises ends the run."""

Tap = Callable[[Sequence[Chunk]], tuple[MinuteNote, ...]]
"""Count what the records of a batch are like, beside the judging of each."""

ReadOne = Callable[[Task], Iterator[Chunk | SourceNote]]
"""Read a task; where its bytes come from is the caller's."""

Seal = Callable[[Sequence[Placed]], Wait | None]
"""Begin to commit chunks; None: it is done. What it raises ends the run: nothing unsealed is judged."""


@dataclass(slots=True)
class _Batch:
    """Hold chunks that are judged together, and what waits for their commitment."""

    placed: list[Placed] = field(default_factory=list)
    ledger: CoverageLedger = field(default_factory=CoverageLedger)
    timings: Timings = field(default_factory=Timings)
    rows: int = 0
    size_bytes: int = 0
    wait: Wait | None = None

    def add(self, item: Placed) -> None:
        self.placed.append(item)
        self.rows += item.chunk.records
        self.size_bytes += item.chunk.size_bytes


class Judge:
    """Turn tasks into parts, one batch after another, in bounded memory.

    With `seal`, every chunk is committed before any of its records is judged.  One more run of
    chunks is read while that goes on.
    """

    seal: Seal | None = None
    tap: Tap | None = None

    def __init__(self, scanner: Scanner, bounds: BatchLimits | None = None) -> None:
        self._scanner = scanner
        self._bounds = bounds or BatchLimits()

    def run(self, tasks: Sequence[Task]) -> Iterator[Part]:
        """Yield a part per batch; a batch may span many small sources."""
        batch = _Batch()
        sealed: _Batch | None = None
        began = time.perf_counter()
        # What is not sealed is judged chunk by chunk: runs would only be held in memory longer.
        for item in read_placed(tasks, in_runs=self.seal is not None):
            if isinstance(item, SourceNote):
                batch.ledger.add_note(item)
                continue
            batch.add(item)
            batch.timings.read_s += time.perf_counter() - began
            if sealed:
                yield self._judge(sealed)
                sealed = None
            if batch.rows >= self._bounds.rows or batch.size_bytes >= self._bounds.size_bytes:
                batch = self._begin(batch)
                if batch.wait:
                    sealed = batch
                else:
                    yield self._judge(batch)
                batch = _Batch()
            began = time.perf_counter()
        batch.timings.read_s += time.perf_counter() - began
        if sealed:
            yield self._judge(sealed)
        yield self._judge(self._begin(batch))

    def _begin(self, batch: _Batch) -> _Batch:
        """Begin to commit a batch."""
        began = time.perf_counter()
        if self.seal and batch.placed:
            batch.wait = self.seal(batch.placed)
            batch.timings.seal_s += time.perf_counter() - began
        return batch

    def _judge(self, batch: _Batch) -> Part:
        """Judge a batch whose commitment was begun, when it is durable."""
        began = time.perf_counter()
        if batch.wait:
            batch.wait()
            batch.timings.seal_s += time.perf_counter() - began
            began = time.perf_counter()
        hits: tuple[HitBlock, ...] = ()
        marks: tuple[MarkBlock, ...] = ()
        minutes: tuple[MinuteNote, ...] = ()
        chunks = [item.chunk for item in batch.placed]
        if chunks:
            scan = self._scanner.scan(chunks)
            hits, marks = scan.hits, scan.marks
            batch.ledger.add_scan(scan)
            for chunk in chunks:
                batch.ledger.add_chunk(chunk)
            if self.tap:
                minutes = self.tap(chunks)
        batch.timings.scan_s += time.perf_counter() - began
        return Part(hits, batch.ledger, batch.rows, batch.size_bytes, batch.timings, minutes, marks)


def read_placed(
    tasks: Sequence[Task], *, in_runs: bool = True, read_one: ReadOne | None = None
) -> Iterator[Placed | SourceNote]:
    """Yield runs of chunks with their places, and notes; whatever a reader raises is a note, too.

    Without `in_runs` each chunk is a run of its own, and its number is no batch's.
    """
    for task in tasks:
        ordinals: Counter[str] = Counter()
        items = _read_noted(task, read_one or read)
        for item in _in_runs(items) if in_runs else items:
            if isinstance(item, SourceNote):
                yield item
            else:
                yield Placed(task, ordinals[item.source], item)
                ordinals[item.source] += 1


def _in_runs(items: Iterable[Chunk | SourceNote]) -> Iterator[Chunk | SourceNote]:
    """Join the chunks of a source that follow one another, as many as a sealed batch may hold.

    A signed act for each chunk would cost more than all hashing.
    """
    run: list[Chunk] = []
    rows = 0
    for item in items:
        if run and (isinstance(item, SourceNote) or item.source != run[0].source):
            yield joined(run)
            run, rows = [], 0
        if isinstance(item, SourceNote):
            yield item
            continue
        run.append(item)
        rows += item.records
        if len(run) >= limits.SEALED_CHUNKS or rows >= limits.SEALED_ROWS:
            yield joined(run)
            run, rows = [], 0
    if run:
        yield joined(run)


def _read_noted(task: Task, read_one: ReadOne) -> Iterator[Chunk | SourceNote]:
    try:
        yield from read_one(task)
    except HisnError as error:
        yield SourceNote(task.name, "", "partial", error.message, error.code)
    except Exception as error:
        # A slip of ours in one reader must not cost the other sources; it is never silent.
        if os.environ.get("HISN_DEBUG"):
            raise
        yield SourceNote(task.name, "", "partial", f"the reader failed ({type(error).__name__})", "E1099")
