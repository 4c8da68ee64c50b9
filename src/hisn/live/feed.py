"""Define what a feed is: one source of a watch's configuration, asked again and again.

Nothing here reads a clock: the caller says what time it is, so that a recorded cycle can be played
again.  A feed promises:

- Nothing that `poll` gave is gone until `committed` was told its position.  Without that (after a
  crash), the same bytes come again from the position that was resumed, perhaps cut differently.
- `position` is small, and always stands behind the pieces given so far.  It is a mapping of
  independent parts; see `changes`.
- `poll` does not wait: it gives what is there, at most about `max_bytes` (one line more, where a
  line is longer).  A source that can wait is held back by not being polled; one that cannot wait
  loses what does not fit, counted.
- What cannot be given is a note.  No content of a source ever raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from hisn.live.piece import FeedNote, Piece

Json: TypeAlias = bool | int | str | list["Json"] | dict[str, "Json"] | None
Position: TypeAlias = dict[str, Json]
"""Where a feed stands. Each key has its own life, none is None; plain JSON, texts without lone surrogates."""


class Feed(Protocol):
    """Give the pieces of one configured source (a folder gives many names). Not for several threads."""

    @property
    def name(self) -> str:
        """Return the name of the configuration; every `Piece.source` is it, or begins with it and ``/``."""
        ...

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin at a position, or (None) as configured; once, before anything else.

        Raises UsageError or StorageError if the feed cannot begin at all (a port that is taken).
        """
        ...

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what came since the last call, in order for each source.

        Raises StorageError if what is durable can no longer be read; after DurabilityLost the
        process must end.
        """
        ...

    def position(self) -> Position:
        """Return where the feed stands behind all pieces given so far."""
        ...

    def committed(self, position: Position) -> None:
        """Take note that everything up to a position that `position` returned is kept for good."""
        ...

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        ...

    def close(self) -> None:
        """Stop listening, and close everything; what was not committed stays where it is."""
        ...


def changes(old: Mapping[str, Json], new: Mapping[str, Json]) -> Position:
    """Return what has to be written down to get from one position to the next.

    A folder of 10,000 files has as many parts, of which few change in a cycle.  A part that is
    gone is None.
    """
    changed: Position = {key: value for key, value in new.items() if old.get(key) != value}
    changed.update(dict.fromkeys(old.keys() - new.keys()))
    return changed


def with_changes(old: Mapping[str, Json], changed: Mapping[str, Json]) -> Position:
    """Return the later position."""
    merged = {**old, **changed}
    return {key: value for key, value in merged.items() if value is not None}
