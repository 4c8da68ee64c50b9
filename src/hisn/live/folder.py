"""Follow every file of a folder, and of the folders in it, those that come later too.

Each name is a source of its own, ``NAME/path``.  Files whose names say that they are older ones of a
name that is there (``access.log.1``) belong to that name's source.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from hisn.core.limits import MiB
from hisn.live.feed import Position
from hisn.live.handles import Handles
from hisn.live.lineage import DEFAULT, Lineage, Options
from hisn.live.marks import Identity, identity_of
from hisn.live.piece import FeedNote, Piece
from hisn.live.rotated import Sibling, bases, is_packed
from hisn.live.stream import Notes, Stream
from hisn.live.tails import broken_position

SCAN_US = 1_000_000
"""How long a new file may stay unseen; looking through 10,000 files takes some 50 ms."""
MAX_FILES = 100_000
"""Names followed in one folder; an attacker who makes more of them is told of, and not followed."""
_SHARE = MiB
_BUSY = 256
"""Names that gave something of late are looked at in every poll."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str  # as text, below the folder
    sibling: Sibling


class FolderFeed:
    """Give what is written to the files of a folder; `wanted` decides by their names below it."""

    def __init__(
        self, name: str, path: str, options: Options = DEFAULT, wanted: re.Pattern[str] | None = None
    ) -> None:
        self.name = name
        self._path = os.path.abspath(path)
        self._options = options
        self._wanted = wanted
        self._handles = Handles()
        self._notes = Notes()
        self._by_path: dict[str, Lineage] = {}
        self._sources: set[str] = set()
        self._told: set[tuple[str, str]] = set()
        self._busy: dict[Lineage, None] = {}
        self._queue: dict[Lineage, None] = {}
        self._next_scan_us = 0
        self._is_first_scan = True

    def resume(self, position: Position | None, now_us: int) -> None:
        """Begin. Raises StorageError (E5640) for what is no position."""
        if position is None:
            return
        self._is_first_scan = False
        for source, value in position.items():
            match value:
                case [str(path), state] if source.startswith(f"{self.name}/"):
                    place = os.fsdecode(path.encode("latin-1"))
                    self._add(source, place, DEFAULT).load(state, now_us)
                case _:
                    raise broken_position(f"{source}: {value!r:.200}")

    def poll(self, max_bytes: int, now_us: int) -> Sequence[Piece]:
        """Return what was written since the last call; each file has its turn."""
        if now_us >= self._next_scan_us or now_us < self._next_scan_us - SCAN_US:
            self._next_scan_us = now_us + SCAN_US
            self._scan(now_us)
        else:
            self._glance(now_us)
        return self._take(max_bytes, now_us)

    def position(self) -> Position:
        """Return where the feed stands, a part for each name."""
        return {
            lineage.source: [os.fsencode(path).decode("latin-1"), lineage.dump()]
            for path, lineage in self._by_path.items()
        }

    def committed(self, position: Position) -> None:
        """Take note; files need none."""

    def notes(self, now_us: int) -> Sequence[FeedNote]:
        """Return what was noticed since the last call."""
        del now_us
        return self._notes.take()

    def close(self) -> None:
        """Close all files."""
        self._handles.close()

    # Finding files

    def _scan(self, now_us: int) -> None:
        found = {entry.sibling.path: entry for entry in self._walk(self._path, "", now_us)}
        owners = {each: lineage for lineage in self._by_path.values() for each in lineage.identities()}
        places = {entry.sibling.identity: path for path, entry in found.items()}
        for path, lineage in self._by_path.items():
            entry = found.get(path)
            if not entry or not lineage.is_current(entry.sibling.identity):
                lineage.moved(places)
            if entry and self._is_of_another(lineage, owners, entry.sibling):
                entry = None
            lineage.look(entry.sibling.state if entry else None, now_us)
        strangers = [entry for path, entry in found.items() if path not in self._by_path]
        # Names that others may be older ones of come first; then the older ones in their order.
        strangers.sort(
            key=lambda each: (
                not found.keys().isdisjoint(_bases_of(each.sibling.path)),
                each.sibling.state.st_mtime_ns,
            )
        )
        for entry in strangers:
            owner = owners.get(entry.sibling.identity)
            if owner is None or owner.kinship(entry.sibling) != "known":
                met = self._meet(entry, now_us)
                owners.update(dict.fromkeys(met.identities(), met) if met else {})
        self._is_first_scan = False
        ready = (lineage for lineage in self._by_path.values() if lineage.is_ready)
        self._queue.update(dict.fromkeys(ready))

    def _is_of_another(self, own: Lineage, owners: dict[Identity, Lineage], sibling: Sibling) -> bool:
        owner = owners.get(sibling.identity)
        return owner is not None and owner is not own and owner.kinship(sibling) == "known"

    def _meet(self, entry: _Entry, now_us: int) -> Lineage | None:
        """Decide what a file is whose name is not ours; return to what it belongs."""
        sibling = entry.sibling
        for path in _bases_of(sibling.path):
            lineage = self._by_path.get(path)
            if lineage:
                self._join(lineage, entry, now_us)
                return lineage
        if len(self._by_path) >= MAX_FILES:
            self._tell("ignored", ".", f"there are more than {MAX_FILES} files", now_us)
            return None
        options = self._options if self._is_first_scan else Options(wait_us=self._options.wait_us)
        lineage = self._add(f"{self.name}/{entry.name}", sibling.path, options)
        lineage.look(sibling.state, now_us)
        return lineage

    def _join(self, lineage: Lineage, entry: _Entry, now_us: int) -> None:
        """Take a file that is an older one of a name, or a copy."""
        match lineage.kinship(entry.sibling):
            case "known" | "unclear":
                pass
            case "unreadable":
                self._tell("unreadable", entry.name, "it cannot be opened", now_us)
            case "copy":
                lineage.pass_by(entry.sibling)
            case "other" if self._is_first_scan and self._options.from_end:
                lineage.pass_by(entry.sibling)
            case "other":
                lineage.adopt(entry.sibling, now_us)

    def _walk(self, folder: str, prefix: str, now_us: int) -> Iterator[_Entry]:
        try:
            with os.scandir(folder) as entries:
                inside = list(entries)
        except OSError as error:
            self._tell("unreadable", prefix or ".", error.strerror or str(error), now_us)
            return
        if ("unreadable", prefix or ".") in self._told:
            self._told.discard(("unreadable", prefix or "."))
            self._notes.add(self._source(prefix or "."), "readable", now_us)
        for entry in inside:
            name = prefix + shown_name(entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(entry.path, name + "/", now_us)
                    continue
                state = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # It was deleted since.
            if self._wanted and not self._wanted.fullmatch(name):
                continue
            if not stat.S_ISREG(state.st_mode):
                self._tell("ignored", name, "it is a link, or no regular file", now_us)
            elif is_packed(entry.name):
                self._tell("ignored", name, "it is compressed, and is not read", now_us)
            else:
                yield _Entry(name, Sibling(entry.path, state))

    def _add(self, source: str, path: str, options: Options) -> Lineage:
        # Two names can look the same as text, when one of them is none.
        unique, number = source, 2
        while unique in self._sources:
            unique, number = f"{source}~{number}", number + 1
        self._sources.add(unique)
        lineage = Lineage(Stream(unique), path, self._handles, self._notes, options)
        self._by_path[path] = lineage
        return lineage

    def _source(self, name: str) -> str:
        return self.name if name == "." else f"{self.name}/{name.rstrip('/')}"

    def _tell(self, kind: Literal["ignored", "unreadable"], name: str, reason: str, now_us: int) -> None:
        """Note something of a name once; of very many names, no more."""
        if (kind, name) not in self._told and len(self._told) < MAX_FILES:
            self._told.add((kind, name))
            self._notes.add(self._source(name), kind, now_us, 1, "files", reason=reason)

    # Reading

    def _take(self, max_bytes: int, now_us: int) -> list[Piece]:
        """Let each name that has something give a share; those without a turn are first next time."""
        pieces: list[Piece] = []
        given = 0
        for lineage in list(self._queue):
            if given >= max_bytes:
                break
            new = lineage.take(min(_SHARE, max_bytes - given), now_us)
            given += sum(len(piece.data) for piece in new)
            pieces += new
            del self._queue[lineage]
            if lineage.is_ready:
                self._queue[lineage] = None
            if new:
                self._was_busy(lineage)
        return pieces

    def _was_busy(self, lineage: Lineage) -> None:
        self._busy.pop(lineage, None)
        self._busy[lineage] = None
        if len(self._busy) > _BUSY:
            del self._busy[next(iter(self._busy))]

    def _glance(self, now_us: int) -> None:
        """Look at the busy names alone, which is all that a poll between two scans does."""
        for lineage in self._busy:
            try:
                state = os.lstat(lineage.path)
            except OSError:
                continue  # The next scan sees what became of it.
            if stat.S_ISREG(state.st_mode) and lineage.is_current(identity_of(state)):
                lineage.look(state, now_us)
                if lineage.is_ready:
                    self._queue[lineage] = None


def shown_name(name: str) -> str:
    """Return a file name as text; bytes that are no UTF-8 become escapes, so that it can be written."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _bases_of(path: str) -> list[str]:
    folder, name = os.path.split(path)
    return [os.path.join(folder, base) for base in bases(name)]
