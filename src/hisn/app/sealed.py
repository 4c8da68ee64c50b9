"""Compute the commitments to chunks where they are read: the half of sealing that needs no signing key.

What crosses to the process that holds the keys is plain: that process loads no arrays.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hisn.events.schema import Unparsed
from hisn.events.tasks import Task

if TYPE_CHECKING:
    from hisn.app.judge import Placed
    from hisn.events.batch import Int64s
    from hisn.evidence.batch import Mode, SealedBatch


@dataclass(frozen=True, slots=True)
class SealBy:
    """Hold the key of one file that was taken in, and how its events are sealed."""

    key: bytes
    mode: Mode


class Run(NamedTuple):
    """Hold record numbers without a hole, first to last, and the event of the first."""

    first: int
    last: int
    event: int


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """Hold the commitment to one chunk and its place.

    `runs` are the record numbers of the events, in order.  Times are microseconds since 1970, None
    where no event has one.
    """

    task: Task
    source: str
    kind: str
    ordinal: int
    root: bytes
    count: int
    runs: tuple[Run, ...]
    first: int | None
    last: int | None
    unparsed: tuple[Unparsed, ...]

    @property
    def part(self) -> int:
        """Return the first byte of the range that was read (0 for a whole file)."""
        return self.task.part

    @property
    def place(self) -> tuple[str, int, int]:
        """Return what names the batch: source, part, ordinal."""
        return self.source, self.part, self.ordinal

    @property
    def first_record(self) -> int:
        """Return the number of the first record, 0 where there is none."""
        return self.runs[0].first if self.runs else 0

    @property
    def last_record(self) -> int:
        """Return the number of the last record, 0 where there is none."""
        return self.runs[-1].last if self.runs else 0

    def event_of(self, record: int) -> int | None:
        """Return the index in the batch of the event with this record number."""
        at = bisect_right(self.runs, record, key=_first_of)
        if not at:
            return None
        run = self.runs[at - 1]
        return run.event + record - run.first if record <= run.last else None


@dataclass(frozen=True, slots=True)
class SealSummary:
    """Say what a run put into the log. `size` is the log's size after it."""

    origin: str
    intakes: int
    batches: int
    events: int
    findings: int
    size: int


class ChunkSealer:
    """Seal chunks by the keys of the files they come from; crosses to worker processes."""

    def __init__(self, keys: Mapping[str, SealBy]) -> None:
        self._keys = dict(keys)

    def __call__(self, placed: Sequence[Placed]) -> list[SealedChunk]:
        """Return the commitments, in order."""
        return [self._seal(item) for item in placed]

    def _seal(self, item: Placed) -> SealedChunk:
        from hisn.evidence.batch import salt_key_of, seal_chunk

        intake = self._keys[item.task.path]
        chunk = item.chunk
        salt_key = salt_key_of(intake.key, chunk.source, item.task.start, item.ordinal)
        return sealed_chunk(item, seal_chunk(chunk, salt_key, intake.mode))


def sealed_chunk(item: Placed, batch: SealedBatch) -> SealedChunk:
    """Return the commitment to a chunk, with its place, from the batch it was sealed as."""
    return SealedChunk(
        task=item.task,
        source=item.chunk.source,
        kind=item.chunk.kind,
        ordinal=item.ordinal,
        root=batch.root,
        count=batch.count,
        runs=runs_of(batch.numbers),
        first=batch.first_time,
        last=batch.last_time,
        unparsed=tuple(item.chunk.unparsed),
    )


def runs_of(numbers: Int64s) -> tuple[Run, ...]:
    """Return ascending record numbers as runs without holes."""
    import numpy as np

    if not len(numbers):
        return ()
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    begins = [0, *breaks.tolist()]
    ends = [*breaks.tolist(), len(numbers)]
    return tuple(
        Run(int(numbers[begin]), int(numbers[end - 1]), begin)
        for begin, end in zip(begins, ends, strict=True)
    )


def _first_of(run: Run) -> int:
    return run.first
