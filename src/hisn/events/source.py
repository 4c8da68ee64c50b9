"""Define what a source format is: the two protocols every file in `events/sources/` follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from hisn.events.schema import Declaration, Unparsed

if TYPE_CHECKING:
    # The process that holds a node's keys is told of sources and loads no arrays.
    from hisn.events.batch import Block


@dataclass(frozen=True, slots=True)
class Parsed:
    """Hold what one stretch of a source gave: blocks, holes, and the number of parsed records."""

    blocks: tuple[Block, ...]
    unparsed: tuple[Unparsed, ...] = ()
    records: int = 0


@dataclass(frozen=True, slots=True)
class SourceNote:
    """Say something of a whole source: ``skipped`` (not read), ``partial`` (a hole), ``read``.

    `code` is the error code (``E2###``) that `hisn explain` knows.
    """

    source: str
    kind: str
    status: str
    reason: str
    code: str
    size_bytes: int = 0


class LineReader(Protocol):
    """Parse stretches of one source; made by `LineFormat.open` from the head of the source."""

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines (each ends with a newline, but perhaps the last).

        `first_number` is the 1-based number of the first line.  Never raises on hostile bytes:
        what is no record becomes `Unparsed` with its line number.
        """
        ...


class LineFormat(Protocol):
    """Describe a format whose records are lines and can be cut at any newline."""

    name: str
    kind: str
    splittable: bool
    """Whether a later stretch can be parsed knowing only the head: parallel reading needs it."""

    def sniff(self, head: bytes) -> float:
        """Return 0 (surely not) to 1 (surely) for the first bytes (up to 64 KiB) of a source."""
        ...

    def open(self, head: bytes, declaration: Declaration) -> LineReader:
        """Make a reader from the head (header lines, delimiters) and what the operator declared."""
        ...


class DocumentFormat(Protocol):
    """Describe a format that is read from its start: documents, binary files, quoted newlines."""

    name: str
    kind: str

    def sniff(self, head: bytes) -> float:
        """Return 0 (surely not) to 1 (surely) for the first bytes (up to 64 KiB) of a source."""
        ...

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read the (seekable, size-bounded) stream in stretches of bounded size.

        Raises `InputError` when nothing more can be read; what was yielded before stands.
        """
        ...


__all__ = ["DocumentFormat", "LineFormat", "LineReader", "Parsed", "SourceNote"]
