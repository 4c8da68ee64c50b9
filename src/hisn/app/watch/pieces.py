"""Read, commit to and judge the pieces of one cycle: what a worker does for a watch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Protocol

from hisn.app.judge import BatchLimits, Part, Placed, Tap, read_placed
from hisn.app.sealed import ChunkSealer, SealBy, SealedChunk
from hisn.elections.minutes import MinuteNote
from hisn.engine.hits import HitBlock
from hisn.engine.ledger import CoverageLedger
from hisn.engine.marks import MarkBlock
from hisn.engine.scan import Scanner
from hisn.events.batch import Chunk
from hisn.events.open import read_bytes
from hisn.events.schema import Unparsed
from hisn.events.sequences import Sequence as Sequenced
from hisn.events.sequences import sequences_of
from hisn.events.source import SourceNote
from hisn.events.tasks import Task
from hisn.tlog.merkle import EMPTY_ROOT


class ToRead(NamedTuple):
    """Hold a piece: how it is read, its context and lines, and the key it is sealed by (None: it is not)."""

    task: Task
    data: bytes
    by: SealBy | None = None


class Worker(Protocol):
    """Read pieces and judge them, in two steps: what is read is sealed before it is judged."""

    def read(self, pieces: Sequence[ToRead]) -> ReadPieces:
        """Return the commitments; every piece has at least one, and all are kept to be judged."""
        ...

    def judge(self, skipped: Sequence[int] = ()) -> JudgedPieces:
        """Judge what was read last, but not the pieces at these places."""
        ...

    def close(self) -> None:
        """End; nothing is judged any more."""
        ...


class ReadPieces(NamedTuple):
    """Hold the commitments to the pieces of a cycle, and which of them killed who read them, and how."""

    sealed: tuple[SealedChunk, ...]
    unread: tuple[tuple[int, str], ...] = ()


class JudgedPieces(NamedTuple):
    """Hold what the pieces of a cycle gave, and which of them killed who judged them."""

    part: Part
    unjudged: tuple[int, ...] = ()
    sequences: tuple[Sequenced, ...] = ()


class PieceJudge:
    """Be a worker in this process."""

    def __init__(self, scanner: Scanner, tap: Tap | None = None, bounds: BatchLimits | None = None) -> None:
        self._scanner = scanner
        self._tap = tap
        self._bounds = bounds or BatchLimits()
        self._read: list[tuple[list[Placed], list[SourceNote]]] = []

    def read(self, pieces: Sequence[ToRead]) -> ReadPieces:
        """Parse pieces and compute the commitments to them."""
        self._read = []
        sealed: list[SealedChunk] = []
        for number, piece in enumerate(pieces):
            placed: list[Placed] = []
            notes: list[SourceNote] = []
            task = replace(piece.task, path=str(number))
            for item in read_placed([task], read_one=partial(read_bytes, data=piece.data)):
                if isinstance(item, SourceNote):
                    notes.append(item)
                else:
                    placed.append(item)
            self._read.append((placed, notes))
            if piece.by is not None:
                compute = ChunkSealer({task.path: piece.by})
                sealed += compute(placed) or [empty_batch(task, notes[0].reason if notes else "")]
        return ReadPieces(tuple(sealed))

    def judge(self, skipped: Sequence[int] = ()) -> JudgedPieces:
        """Judge what was read last."""
        ledger = CoverageLedger()
        chunks: list[Chunk] = []
        for number, (placed, notes) in enumerate(self._read):
            if number not in skipped:
                chunks += [item.chunk for item in placed]
                for note in notes:
                    ledger.add_note(note)
        hits: list[HitBlock] = []
        marks: list[MarkBlock] = []
        minutes: list[MinuteNote] = []
        for batch in _batches(chunks, self._bounds):
            scan = self._scanner.scan(batch)
            hits += scan.hits
            marks += scan.marks
            ledger.add_scan(scan)
            if self._tap:
                minutes += self._tap(batch)
            for chunk in batch:
                ledger.add_chunk(chunk)
        self._read = []
        records = sum(chunk.records for chunk in chunks)
        size_bytes = sum(chunk.size_bytes for chunk in chunks)
        part = Part(tuple(hits), ledger, records, size_bytes, minutes=tuple(minutes), marks=tuple(marks))
        return JudgedPieces(part, (), tuple(each for chunk in chunks for each in sequences_of(chunk)))

    def close(self) -> None:
        """End; there is nothing to close."""


def _batches(chunks: Sequence[Chunk], bounds: BatchLimits) -> list[list[Chunk]]:
    batches: list[list[Chunk]] = []
    rows = 0
    for chunk in chunks:
        if not batches or rows >= bounds.rows:
            batches.append([])
            rows = 0
        batches[-1].append(chunk)
        rows += chunk.records
    return batches


def empty_batch(task: Task, reason: str) -> SealedChunk:
    """Return the commitment to a piece without a record: the log names its bytes all the same."""
    holes = (Unparsed(reason, task.first_record, None, 0),) if reason else ()
    return SealedChunk(task, task.name, "unknown", 0, EMPTY_ROOT, 0, (), None, None, holes)


def left_out(source: str, reason: str, code: str) -> CoverageLedger:
    """Return the coverage of a piece that nobody could read or judge."""
    ledger = CoverageLedger()
    ledger.add_note(SourceNote(source, "", "partial", reason, code))
    return ledger
