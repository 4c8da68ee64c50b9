"""Compute the commitments to chunks where they are read: the half of sealing that needs no signing key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hisn.app.judge import Placed
from hisn.events.batch import Int64s
from hisn.events.schema import Unparsed
from hisn.events.tasks import Task
from hisn.evidence.batch import Mode, SealedBatch, salt_key_of, seal_chunk


@dataclass(frozen=True, slots=True)
class SealBy:
    """Hold the key of one file that was taken in, and how its events are sealed."""

    key: bytes
    mode: Mode


@dataclass(frozen=True, slots=True)
class SealedChunk:
    """Hold the commitment to one chunk and its place.

    `numbers` are the record numbers of the events in order, None where they are `first_record`,
    `first_record` + 1, … without a hole.  Times are microseconds since 1970, None where no event
    has one.
    """

    task: Task
    source: str
    kind: str
    ordinal: int
    root: bytes
    count: int
    first_record: int
    last_record: int
    first: int | None
    last: int | None
    numbers: Int64s | None
    unparsed: tuple[Unparsed, ...]

    @property
    def part(self) -> int:
        """Return the first byte of the range that was read (0 for a whole file)."""
        return self.task.start

    @property
    def place(self) -> tuple[str, int, int]:
        """Return what names the batch: source, part, ordinal."""
        return self.source, self.part, self.ordinal

    def event_of(self, record: int) -> int | None:
        """Return the index in the batch of the event with this record number."""
        if not self.first_record <= record <= self.last_record or not self.count:
            return None
        if self.numbers is None:
            return record - self.first_record
        at = int(np.searchsorted(self.numbers, record))
        return at if at < self.count and int(self.numbers[at]) == record else None


class ChunkSealer:
    """Seal chunks by the keys of the files they come from; crosses to worker processes."""

    def __init__(self, keys: Mapping[str, SealBy]) -> None:
        self._keys = dict(keys)

    def __call__(self, placed: Sequence[Placed]) -> list[SealedChunk]:
        """Return the commitments, in order."""
        return [self._seal(item) for item in placed]

    def _seal(self, item: Placed) -> SealedChunk:
        intake = self._keys[item.task.path]
        chunk = item.chunk
        salt_key = salt_key_of(intake.key, chunk.source, item.task.start, item.ordinal)
        return sealed_chunk(item, seal_chunk(chunk, salt_key, intake.mode))


def sealed_chunk(item: Placed, batch: SealedBatch) -> SealedChunk:
    """Return the commitment to a chunk, with its place, from the batch it was sealed as."""
    numbers: Int64s | None = np.asarray(batch.numbers, np.int64)
    first, last = (int(batch.numbers[0]), int(batch.numbers[-1])) if batch.count else (0, 0)
    if not batch.count or last - first + 1 == batch.count:
        numbers = None
    return SealedChunk(
        task=item.task,
        source=item.chunk.source,
        kind=item.chunk.kind,
        ordinal=item.ordinal,
        root=batch.root,
        count=batch.count,
        first_record=first,
        last_record=last,
        first=batch.first_time,
        last=batch.last_time,
        numbers=numbers,
        unparsed=tuple(item.chunk.unparsed),
    )
