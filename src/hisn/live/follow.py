"""Follow one file by its name."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hisn.live.feed import Position
from hisn.live.handles import Handles
from hisn.live.lineage import DEFAULT, Lineage, Options
from hisn.live.piece import FeedNote, Piece
from hisn.live.stream import Notes, Stream
from hisn.live.tails import broken_position

_KEY = "file"


class FileFeed:
    """Give what is written to the file that has a name, whichever that is."""

    def __init__(self, name: str, path: str, options: Options = DEFAULT) -> None:
        self.name = name
        self._path = os.path.abspath(path)
        self._handles = Handles()
        self._notes = Notes()
        self._lineage = Lineage(Stream(name), self._path, self._handles, self._notes, options)

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin. Raises StorageError (E5640) for what is no position."""
        if position is None:
            return
        if set(position) != {_KEY}:
            raise broken_position(f"{self.name}: {position!r:.200}")
        self._lineage.load(position[_KEY], now_us)

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what was written since the last call."""
        state: os.stat_result | None
        try:
            state = os.stat(self._path)
        except (FileNotFoundError, NotADirectoryError):
            state = None
        except OSError as error:
            self._lineage.cannot_look(error, now_us)
            return ()
        self._lineage.look(state, now_us)
        return self._lineage.take(max_bytes, now_us)

    def position(self) -> Position:
        """Return where the feed stands."""
        return {_KEY: self._lineage.dump()}

    def committed(self, position: Position) -> None:
        """Take note; a file needs none."""

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        del now_us
        return self._notes.take()

    def close(self) -> None:
        """Close all files."""
        self._handles.close()
