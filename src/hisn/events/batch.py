"""Carry records from the readers to the engine in columns.

A reader cuts its source into `Chunk`s of bounded size; a chunk holds `Block`s, one per `Layout`.
Record numbers are 1-based positions in the source; in line formats they are line numbers.
The engine puts chunks of any sources together into a batch: no result may depend on how.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hisn.events.schema import Cell, Layout, Unparsed

Int64s = npt.NDArray[np.int64]

NO_TIME: int = int(np.iinfo(np.int64).min)
"""Stands in `Block.times` for a record without a usable time."""


@dataclass(frozen=True, slots=True)
class Block:
    """Hold n records of one layout, column by column.

    `numbers` int64[n], ascending.  `times` int64[n], microseconds since 1970 UTC or `NO_TIME`.
    `columns` one sequence of n cells per name of the layout.  `raws` the n records as read:
    lines (without newline) as bytes or text, or the JSON text of an EVTX record.
    """

    layout: Layout
    numbers: Int64s
    times: Int64s
    columns: Sequence[Sequence[Cell]]
    raws: Sequence[bytes | str]

    def fields(self, row: int) -> dict[str, Cell]:
        """Return one record as a flat map, before any mapping."""
        record: dict[str, Cell] = dict(self.layout.constants)
        for name, column in zip(self.layout.names, self.columns, strict=True):
            record[name] = column[row]
        return record


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hold the records of one stretch of one source, and what could not be read of it.

    `records` counts parsed records, `size_bytes` the stretch (uncompressed); `lines` the line
    breaks in it for line formats (so that a later stretch can be numbered), else 0.
    """

    source: str
    kind: str
    blocks: tuple[Block, ...]
    unparsed: tuple[Unparsed, ...] = ()
    records: int = 0
    size_bytes: int = 0
    lines: int = 0

    def rows(self) -> Iterator[tuple[Block, int]]:
        """Yield every record as (block, row), in no promised order."""
        for block in self.blocks:
            for row in range(len(block.numbers)):
                yield block, row


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Return chunks of one source that follow one another as one chunk."""
    if len(chunks) == 1:
        return chunks[0]
    first = chunks[0]
    return Chunk(
        first.source,
        first.kind,
        tuple(block for chunk in chunks for block in chunk.blocks),
        tuple(hole for chunk in chunks for hole in chunk.unparsed),
        sum(chunk.records for chunk in chunks),
        sum(chunk.size_bytes for chunk in chunks),
        sum(chunk.lines for chunk in chunks),
    )
