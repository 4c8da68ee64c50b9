"""Number what one source gives: one stream of lines through all its files."""

from __future__ import annotations

from typing import TypedDict, Unpack

from hisn.live.piece import FeedNote, NoteKind, Piece, Unit

CODES: dict[str, str] = {
    "gap": "E2610",
    "truncated": "E2610",
    "unreadable": "E2611",
    "hole": "E2612",
    "overlong": "E2612",
    "cut": "E2612",
    "dropped": "E2613",
    "refused": "E2614",
    "duplicate": "E2615",
    "possible-duplicate": "E2615",
    "silent": "E2616",
    "waiting": "E2617",
    "ignored": "E2618",
}
"""What `hisn explain` says of each kind of note that needs an explanation."""


class More(TypedDict, total=False):
    """Hold what a note may say besides."""

    is_exact: bool
    offset: int | None
    since_us: int | None
    reason: str


class Notes:
    """Gather notes until somebody asks."""

    def __init__(self) -> None:
        self._notes: list[FeedNote] = []

    def add(
        self,
        source: str,
        kind: NoteKind,
        now_us: int,
        count: int = 0,
        unit: Unit = "",
        **more: Unpack[More],
    ) -> None:
        """Note something."""
        self._notes.append(
            FeedNote(
                source=source,
                kind=kind,
                at_us=now_us,
                count=count,
                unit=unit,
                code=CODES.get(kind, ""),
                **more,
            )
        )

    def take(self) -> list[FeedNote]:
        """Return what was noted since the last call."""
        notes, self._notes = self._notes, []
        return notes


class Stream:
    """Count the bytes, lines and generations of one source, and make its pieces."""

    def __init__(self, source: str, start: int = 0, record: int = 1, generation: int = 0) -> None:
        self.source = source
        self.start = start
        self.record = record
        self.generation = generation

    def begin(self) -> int:
        """Return the number of a new generation."""
        self.generation += 1
        return self.generation

    def piece(self, generation: int, data: bytes, head: bytes, now_us: int) -> Piece:
        """Return the next piece, of whole lines."""
        piece = Piece(
            source=self.source,
            start=self.start,
            data=data,
            first_record=self.record,
            generation=generation,
            head=head,
            arrived_us=now_us,
        )
        self.start, self.record = piece.end, piece.next_record
        return piece
