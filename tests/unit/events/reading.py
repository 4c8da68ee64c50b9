"""Read arguments the way the program does, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hisn.events.batch import Chunk
from hisn.events.declare import Declarations
from hisn.events.open import discover, read
from hisn.events.schema import Cell, Unparsed
from hisn.events.source import SourceNote

Found = dict[str, list[tuple[int, dict[str, Cell]]]]


def read_all(*arguments: str | Path) -> tuple[Found, list[SourceNote], list[Unparsed]]:
    """Return the records of each source by number, all notes, all holes."""
    discovery = discover([str(argument) for argument in arguments], Declarations())
    found: Found = {}
    notes = list(discovery.notes)
    holes: list[Unparsed] = []
    for task in discovery.tasks:
        for item in read(task):
            if isinstance(item, Chunk):
                rows = found.setdefault(item.source, [])
                rows.extend((int(block.numbers[row]), block.fields(row)) for block, row in item.rows())
                holes.extend(item.unparsed)
                assert item.records == sum(len(block.numbers) for block in item.blocks)
            else:
                notes.append(item)
    return {name: sorted(rows, key=lambda row: row[0]) for name, rows in found.items()}, notes, holes


def codes(notes: Sequence[SourceNote]) -> list[tuple[str, str, str]]:
    """Return source, status and code of each note."""
    return [(note.source, note.status, note.code) for note in notes]
