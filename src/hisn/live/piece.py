"""Hold what a live source gave: a piece of its bytes with its place, and what was noticed of it.

A live source is one endless stream of lines.  What a place in it means is fixed by what was given,
not by files: `start` counts the bytes given before, and goes on through rotations, restarts and
holes.  So the pieces of one source, in order, follow each other without a gap or an overlap, and
whoever keeps them can make everything again, heads too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hisn.core import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    r"""Hold whole lines of one source, each ended by ``\n``; never empty.

    A last line that its writer never ended (its file was rotated away, its connection closed) is
    given one.  `start` is the offset of the first byte in the stream, `first_record` the 1-based
    number of the first line.  `generation` counts the files that the stream was made of: lines of
    one generation have one head.  `head` is the beginning of what was given of the generation, up
    to and with this piece, at most `limits.SNIFF_BYTES`: a function of the pieces (`Heads`).
    `arrived_us` is when the bytes were seen, by our clock.
    """

    source: str
    start: int
    data: bytes
    first_record: int
    generation: int
    head: bytes
    arrived_us: int

    @property
    def end(self) -> int:
        """Return the offset behind the last byte, where the next piece of the source begins."""
        return self.start + len(self.data)

    @property
    def next_record(self) -> int:
        """Return the number of the first line of the next piece."""
        return self.first_record + self.data.count(b"\n")


NoteKind = Literal[
    "began",  # following began here: `count` bytes that were there before were not asked for
    "rotated",  # the file is another one now
    "truncated",  # the file was made shorter, or its content replaced
    "gap",  # `count` bytes (or records) of the stream were never seen by us; see `is_exact`
    "hole",  # zeros where lines should be: passed over
    "overlong",  # a line beyond the cap: passed over
    "cut",  # a record that ended in the middle, given as far as it came
    "dropped",  # records that came while we could not take them, from a sender that cannot wait
    "refused",  # records or connections that we did not accept; their sender was told
    "duplicate",  # the same records came again: left out
    "possible-duplicate",  # the same bytes came again, perhaps a sender's retry: kept
    "unreadable",  # the source cannot be read now
    "readable",  # it can again
    "ignored",  # something beside the source that is not followed (a packed file, a link)
    "silent",  # nothing came for longer than its operator said is possible; since `since_us`
    "heard",  # something came again
    "waiting",  # the source holds back since `since_us`, because we take nothing more
]

Unit = Literal["", "bytes", "records", "connections", "requests", "files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedNote:
    """Say what was noticed of a source at an instant: what coverage needs to know.

    `count` counts `unit`; where `is_exact` is false it is the least that is known.  `offset` is
    the place in the stream.  `reason` says more in words, hostile text included: show it through
    `core.display.shown`.  `code` is the error code that `hisn explain` knows, if there is one.
    """

    source: str
    kind: NoteKind
    at_us: int
    count: int = 0
    unit: Unit = ""
    is_exact: bool = True
    offset: int | None = None
    since_us: int | None = None
    reason: str = ""
    code: str = ""


def longer_head(head: bytes, data: bytes) -> bytes:
    """Return the head of a generation with these bytes, which are its next ones."""
    if len(head) >= limits.SNIFF_BYTES:
        return head
    return (head + data[: limits.SNIFF_BYTES])[: limits.SNIFF_BYTES]


class Heads:
    """Make the heads of pieces from their bytes: of one source, generation by generation."""

    def __init__(self) -> None:
        self._heads: dict[int, bytes] = {}

    def take(self, generation: int, data: bytes) -> bytes:
        """Return the head of a generation with these bytes, which are its next ones."""
        head = longer_head(self._heads.get(generation, b""), data)
        self._heads[generation] = head
        return head

    def forget(self, generation: int) -> None:
        """Drop the head of a generation that gives nothing more."""
        self._heads.pop(generation, None)
