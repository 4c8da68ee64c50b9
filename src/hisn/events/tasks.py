"""Define what there is to read: a source or a range of one."""

from __future__ import annotations

from dataclasses import dataclass

from hisn.events.schema import Declaration
from hisn.events.source import SourceNote

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Task:
    """Name a source, or a byte range of a plain file whose format can be cut at newlines.

    `name` is the source's name in every result.  `member` names a file inside the zip archive at
    `path`.  A range owns the lines that start in ``[start, end)``; `end` None is the end of the
    file.  Record numbers of a range count from the start of the file.

    A piece of a live source has a `first_record`: what lies before `start` is its context (see
    `hisn.events.pieces`), and `offset` is the place of its first byte in the source's stream.
    """

    path: str
    name: str
    start: int = 0
    end: int | None = None
    declaration: Declaration = Declaration()
    member: str | None = None
    size_bytes: int = 0
    first_record: int | None = None
    offset: int = 0

    @property
    def part(self) -> int:
        """Return the first byte of the range in its source."""
        return self.start if self.first_record is None else self.offset


@dataclass(frozen=True, slots=True)
class Discovery:
    """Hold the tasks in the order of their names, and what is no task and why."""

    tasks: tuple[Task, ...]
    notes: tuple[SourceNote, ...] = ()
