"""Hold the files of one name: the one that has it, older ones that are being finished, and those done."""

from __future__ import annotations

import os
from typing import Literal

from hisn.live.feed import Json
from hisn.live.handles import Gone, Handles, NotRegular, open_file
from hisn.live.marks import Identity, Mark, read_mark
from hisn.live.rotated import Sibling
from hisn.live.stream import Stream
from hisn.live.tails import Tail, broken_position, dump_mark, load_tail

_MAX_DONE = 64

Kinship = Literal["known", "copy", "other", "unclear", "unreadable"]


class Kin:
    """Know the files of one name; `last` is the one that had it last, and when it was written last."""

    def __init__(self, stream: Stream) -> None:
        self.current: Tail | None = None
        self.old: list[Tail] = []
        self.done: list[tuple[Identity, Mark]] = []
        self.last: tuple[Identity, int] | None = None
        self._stream = stream
        self._dumped: Json = None

    def changed(self) -> None:
        """Take note that what is written down must be written anew."""
        self._dumped = None

    def tails(self) -> list[Tail]:
        """Return the files that are read."""
        return [*self.old, *([self.current] if self.current else [])]

    def dump(self) -> Json:
        """Return what has to be known to go on; the same object while nothing has changed."""
        if self._dumped is None:
            stream = self._stream
            self._dumped = {
                "stream": [stream.start, stream.record, stream.generation],
                "current": self.current.dump() if self.current else None,
                "old": [tail.dump() for tail in self.old],
                "last": [*self.last[0], self.last[1]] if self.last else None,
                "done": [[*identity, *dump_mark(mark)] for identity, mark in self.done],
            }
        return self._dumped

    def load(self, value: Json, now_us: int) -> None:
        """Stand where `dump` says; before anything else. Raises StorageError (E5640)."""
        match value:
            case {
                "stream": [int(start), int(record), int(generation)],
                "current": current,
                "old": [*old],
                "last": last,
                "done": [*done],
            }:
                stream = self._stream
                stream.start, stream.record, stream.generation = start, record, generation
                self.current = load_tail(current, now_us) if current else None
                self.old = [load_tail(each, now_us) for each in old]
            case _:
                raise broken_position(f"{self._stream.source}: {value!r:.200}")
        match last:
            case [int(device), int(inode), int(written)]:
                self.last = (Identity(device, inode), written)
            case _:
                self.last = None
        for each in done:
            match each:
                case [int(device), int(inode), int(offset), str(head), str(tail)]:
                    self.done.append((Identity(device, inode), Mark(offset, head, tail)))
                case _:
                    raise broken_position(f"{self._stream.source}: {each!r:.200}")

    def identities(self) -> set[Identity]:
        """Return which files are, or were, of this name."""
        return {each.identity for each in self.tails()} | {identity for identity, _ in self.done}

    def kinship(self, sibling: Sibling, handles: Handles) -> Kinship:
        """Tell what a file is to this name, of which it may be an older one or a copy."""
        if any(each.identity == sibling.identity for each in self.tails()):
            return "known"
        try:
            file, state = open_file(sibling.path)
        except FileNotFoundError:
            return "unclear"
        except (OSError, NotRegular):
            return "unreadable"
        try:
            marks = [mark for identity, mark in self.done if identity == sibling.identity]
            if any(mark.holds(file) for mark in marks):
                return "known"
            return self._compared(file, state.st_size, handles)
        except (OSError, Gone):
            return "unclear"
        finally:
            os.close(file)

    def _compared(self, file: int, size: int, handles: Handles) -> Kinship:
        if any(tail.known.offset and tail.known.holds(file) for tail in self.tails()):
            return "copy"
        current = self.current
        if current is None:
            return "other"
        ours = handles.of(current)
        both = min(size, os.fstat(ours).st_size)
        if both == 0:
            # Empty: perhaps a copy that has just been begun.  If ours is, it had no copy yet.
            return "other" if size else "unclear"
        return "copy" if read_mark(file, both) == read_mark(ours, both) else "other"

    def order(self) -> None:
        """Put the files of which nothing was given yet into the order in which they were written."""
        self.old.sort(key=lambda tail: 0 if tail.known.offset else tail.seen.modified_ns)
        self.changed()

    def remember(self, identity: Identity, mark: Mark) -> None:
        """Know a file that was given to its end, so that it is not given again; so many, the last ones."""
        others = [each for each in self.done if each[0] != identity]
        self.done = [*others[-_MAX_DONE + 1 :], (identity, mark)]
        self.changed()
