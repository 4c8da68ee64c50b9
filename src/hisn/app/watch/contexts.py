"""Find for each piece the lines that have to stand before it, so that it can be read by itself."""

from __future__ import annotations

from typing import Any

from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.events.pieces import context_of, directives_in
from hisn.live.piece import Piece


class Contexts:
    """Remember of each source which generation came last, and the directives that were seen in it."""

    def __init__(self) -> None:
        self._sources: dict[str, tuple[int, bytes]] = {}

    def of(self, piece: Piece) -> bytes:
        """Return the context of a piece; empty for the first of its generation."""
        generation, directives = self._sources.get(piece.source, (-1, b""))
        if generation != piece.generation and len(piece.head) <= len(piece.data):
            return b""
        if generation == piece.generation and directives:
            return directives
        return context_of(piece.head)

    def passed(self, source: str, generation: int, data: bytes) -> None:
        """Take note that a piece was given."""
        known, directives = self._sources.get(source, (-1, b""))
        self._sources[source] = (
            generation,
            directives_in(data) or (directives if known == generation else b""),
        )

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        return [
            [packed_text(source), generation, directives]
            for source, (generation, directives) in sorted(self._sources.items())
        ]

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        self._sources = {
            unpacked_text(source): (generation, directives) for source, generation, directives in plain
        }
