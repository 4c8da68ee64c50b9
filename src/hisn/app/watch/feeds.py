"""Make the feeds of a watch from its configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hisn.app.watch.config import Config, Follow
from hisn.core.place import Place
from hisn.errors import UsageError
from hisn.live.feed import Feed, Position
from hisn.live.folder import FolderFeed
from hisn.live.follow import FileFeed
from hisn.live.lineage import Options
from hisn.live.piece import FeedNote, Piece


class Plainly:
    """Name the files of the one folder that is followed as ``hisn guard`` does: without the folder."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self.name = feed.name

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin."""
        self._feed.resume(position, now_us)

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what came since the last call."""
        return [
            replace(piece, source=self._plain(piece.source)) for piece in self._feed.poll(max_bytes, now_us)
        ]

    def position(self) -> Position:
        """Return where the feed stands."""
        return self._feed.position()

    def committed(self, position: Position) -> None:
        """Take note of what is kept."""
        self._feed.committed(position)

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        return [replace(note, source=self._plain(note.source)) for note in self._feed.notes(now_us)]

    def close(self) -> None:
        """Close everything."""
        self._feed.close()

    def _plain(self, source: str) -> str:
        return source.removeprefix(f"{self.name}/")


def make_feeds(config: Config) -> list[Feed]:
    """Return the feeds. Raises UsageError (E1352) for a path that is not there."""
    taken: set[str] = set()
    return [
        _follow(each, taken, is_alone=len(config.follow) == 1 and not each.name) for each in config.follow
    ]


def _follow(each: Follow, taken: set[str], *, is_alone: bool) -> Feed:
    path = Path(each.path)
    if not path.exists() and not path.parent.is_dir():
        raise UsageError("E1352", "there is nothing to follow, nor a folder for it", place=Place(each.path))
    if path.exists() and not (path.is_dir() or path.is_file()):
        raise UsageError("E1352", "only files and folders can be followed", place=Place(each.path))
    name = each.name or _shown(path.absolute().name or "root")
    if name in taken:
        name = _shown(os.path.normpath(each.path)).strip("/")
    taken.add(name)
    options = Options(from_end=each.from_end)
    if not path.is_dir():
        return FileFeed(name, each.path, options)
    wanted = re.compile(_expression(each.match)) if each.match else None
    feed = FolderFeed(name, each.path, options, wanted)
    return Plainly(feed) if is_alone else feed


def _shown(name: str) -> str:
    """Return a path as text, as ``hisn guard`` names it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def _expression(glob: str) -> str:
    """Return our own expression for a glob: ``*`` and ``?`` do not cross ``/``, ``**`` does."""
    parts = re.split(r"(\*+|\?)", glob)
    known = {"?": "[^/]", "*": "[^/]*"}
    return "".join(known.get(part) or (".*" if part.startswith("**") else re.escape(part)) for part in parts)
