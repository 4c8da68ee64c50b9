"""Follow one name through all the files that bear it, one after the other.

What can happen to a log between two looks, and what is done:

============================  ====================================================================
renamed, a new one made       the old file is read to its end, found by its number in the folder or,
                              deleted, by the handle that is held; then the new one
renamed twice or more         the files between are found by their names and times, read in order
copied and emptied            the rest is read from the copy, which is known by what it holds
emptied and filled again      seen by a mark of its content, also if it is larger than before
deleted, made again           as renamed; the same number does not deceive, the mark is another
============================  ====================================================================

An old file is read until nothing came for `wait_us`: its writer may not know yet that it is old.
What could not be read is a gap, with the bytes that are known to have been there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hisn.core.limits import MiB
from hisn.live.feed import Json
from hisn.live.handles import Gone, Handles, NotRegular, open_file
from hisn.live.kin import Kin, Kinship
from hisn.live.marks import Identity, Mark, identity_of, read_mark, seen_of
from hisn.live.piece import Piece
from hisn.live.rotated import Sibling, bases, rotated_from, siblings
from hisn.live.stream import Notes, Stream
from hisn.live.tails import (
    NoLines,
    Replaced,
    Tail,
    Taken,
    take,
    take_rest,
)

WAIT_US = 60 * 1_000_000
MAX_OLD = 32
"""Files of one name that are read to their ends at the same time; the oldest give way."""
_NOT_FOUND = "it was rotated away and is not found"


@dataclass(frozen=True, slots=True)
class Options:
    """Say how files are followed: from their ends at first, and how long rotated ones are waited for."""

    from_end: bool = False
    wait_us: int = WAIT_US


DEFAULT = Options()


class Lineage:
    """Follow one name. The caller says what the name stands for (`look`), then takes."""

    def __init__(
        self, stream: Stream, path: str, handles: Handles, notes: Notes, options: Options = DEFAULT
    ) -> None:
        self.path = path
        self._stream = stream
        self._handles = handles
        self._notes = notes
        self._options = options
        self._kin = Kin(stream)
        self._is_unreadable = False
        self._is_new = True

    @property
    def source(self) -> str:
        """Return the name of the source."""
        return self._stream.source

    @property
    def is_ready(self) -> bool:
        """Tell whether `take` may have something to do."""
        current = self._kin.current
        return bool(self._kin.old) or (
            current is not None and not current.refused and current.seen != current.emptied
        )

    def dump(self) -> Json:
        """Return what has to be known to go on; the same object while nothing has changed."""
        return self._kin.dump()

    def load(self, value: Json, now_us: int) -> None:
        """Stand where `dump` says; before anything else. Raises StorageError (E5640)."""
        self._kin.load(value, now_us)

    # Other files of the folder

    def identities(self) -> set[Identity]:
        """Return which files are, or were, of this name."""
        return self._kin.identities()

    def moved(self, places: Mapping[Identity, str]) -> None:
        """Take note of where files of a folder are, so that none must be searched for."""
        for tail in self._kin.tails():
            tail.path = places.get(tail.identity, tail.path)

    def is_current(self, identity: Identity) -> bool:
        """Tell whether this is the file that we take for the one of the name."""
        return self._kin.current is not None and self._kin.current.identity == identity

    def kinship(self, sibling: Sibling) -> Kinship:
        """Tell what a file is to this name, of which it may be an older one or a copy."""
        return self._kin.kinship(sibling, self._handles)

    def pass_by(self, sibling: Sibling) -> None:
        """Remember a copy of what was given, so that it is not given again."""
        try:
            file, state = open_file(sibling.path)
        except (OSError, NotRegular):
            return
        try:
            self._kin.remember(identity_of(state), read_mark(file, state.st_size))
        except OSError:
            return
        finally:
            os.close(file)

    def adopt(self, sibling: Sibling, now_us: int) -> None:
        """Read a file that bore this name before we looked, from its start to its end."""
        self._kin.old.append(self._new_tail(sibling.path, sibling.state, now_us))
        self._kin.order()

    # What the name stands for

    def look(self, state: os.stat_result | None, now_us: int) -> None:
        """Take note of what the name stands for now; None: of nothing."""
        current = self._kin.current
        if current is None:
            if state is not None:
                self._begin(state, now_us)
            elif self._is_new:
                self._adopt_between(None, now_us)
        elif state is None:
            self._retire(current, now_us)
            self._adopt_between(None, now_us)
        elif identity_of(state) != current.identity:
            self._retire(current, now_us)
            self._begin(state, now_us)
        elif seen_of(state) != current.seen:
            self._check(current, now_us)
        self._is_new = False

    def cannot_look(self, error: OSError, now_us: int) -> None:
        """Note, once, that nobody can tell what the name stands for."""
        if not self._is_unreadable:
            self._is_unreadable = True
            self._notes.add(self.source, "unreadable", now_us, reason=error.strerror or str(error))

    def _can_read(self, now_us: int) -> None:
        if self._is_unreadable:
            self._is_unreadable = False
            self._notes.add(self.source, "readable", now_us)

    def _begin(self, looked_at: os.stat_result, now_us: int) -> None:
        """Open what has the name now, and adopt what had it since the last file that we know."""
        try:
            file, state = open_file(self.path)
        except FileNotFoundError:
            return
        except NotRegular:
            self.cannot_look(OSError("it is no regular file"), now_us)
            return
        except OSError as error:
            self.cannot_look(error, now_us)
            return
        if identity_of(state) != identity_of(looked_at):
            # Somebody was quicker; he may have put a link there.  The next look sees what it is.
            os.close(file)
            return
        self._can_read(now_us)
        is_first = self._kin.last is None
        if not is_first:
            self._adopt_between(identity_of(state), now_us)
            self._note("rotated", now_us)
        tail = self._new_tail(os.path.realpath(self.path), state, now_us)
        self._handles.keep(tail, file)
        if is_first and self._options.from_end:
            self._go_to_end(tail, file, now_us)
        self._now_is(tail)

    def _now_is(self, tail: Tail) -> None:
        self._kin.current = tail
        self._kin.last = (tail.identity, tail.seen.modified_ns)
        self._kin.changed()

    def _go_to_end(self, tail: Tail, file: int, now_us: int) -> None:
        size = tail.seen.size
        data = os.pread(file, min(size, MiB), max(size - MiB, 0))
        behind = len(data) - (data.rfind(b"\n") + 1)
        tail.begin = size - behind
        if behind == MiB:
            tail.begin, tail.skipped = size, behind
        tail.mark = read_mark(file, tail.begin)
        self._notes.add(self.source, "began", now_us, tail.begin, "bytes")

    def _retire(self, tail: Tail, now_us: int) -> None:
        tail.quiet_since_us = now_us
        try:
            written = max(os.fstat(self._handles.of(tail)).st_mtime_ns, tail.seen.modified_ns)
        except (OSError, Gone):
            written = tail.seen.modified_ns
        self._kin.last = (tail.identity, written)
        self._kin.current = None
        self._kin.old.append(tail)
        self._kin.changed()

    def _adopt_between(self, new: Identity | None, now_us: int) -> None:
        """Adopt, the oldest first, rotated files that were written after the last one that we know."""
        if self._kin.last:
            self._kin.old += self._written_since(self._kin.last[1], new, now_us)
            self._kin.changed()

    def _written_since(self, written_ns: int, new: Identity | None, now_us: int) -> list[Tail]:
        return [
            self._new_tail(each.path, each.state, now_us)
            for each in rotated_from(self.path)
            if each.state.st_mtime_ns >= written_ns
            and each.identity != new
            and self._kin.kinship(each, self._handles) == "other"
        ]

    def _check(self, tail: Tail, now_us: int) -> None:
        """Tell whether a file that was written to is still the one we read."""
        try:
            file = self._handles.of(tail)
            state = os.fstat(file)
            holds = state.st_size >= tail.known.offset and tail.known.holds(file)
        except Gone:
            return  # It was renamed after the caller looked: the next look sees it.
        except OSError as error:
            self.cannot_look(error, now_us)
            return
        self._can_read(now_us)
        if not holds:
            self._truncated(tail, state, now_us)
            return
        if state.st_size < tail.seen.size:
            self._note("truncated", now_us, tail.seen.size - state.st_size)
        tail.seen = seen_of(state)
        self._now_is(tail)

    def _truncated(self, tail: Tail, state: os.stat_result, now_us: int) -> None:
        """Go on at the start of the same file, when the rest of what it was is found or lost."""
        before = []
        written = tail.seen.modified_ns
        copy = self._find_copy(tail)
        if copy:
            rest = self._new_tail(copy.path, copy.state, now_us, tail.generation)
            rest.mark, rest.peek, rest.head = tail.mark, tail.peek, tail.head
            rest.begin, rest.skipped = tail.begin, tail.skipped
            before.append(rest)
            written = copy.state.st_mtime_ns
            self._note("rotated", now_us)
        else:
            reason = "it was emptied; what was written after our last look is unknown"
            self._note("truncated", now_us, tail.unread, reason)
        # It may have been copied and emptied more than once since.
        before += self._written_since(written, tail.identity, now_us)
        self._handles.drop(tail)
        fresh = self._new_tail(tail.path, state, now_us)
        if tail is self._kin.current:
            self._kin.old += before
            self._now_is(fresh)
        else:
            at = self._kin.old.index(tail)
            self._kin.old[at : at + 1] = [*before, fresh]
            self._kin.order()

    def _find_copy(self, tail: Tail) -> Sibling | None:
        name = os.path.basename(self.path)
        for each in siblings(tail.path):
            is_kin = name in bases(os.path.basename(each.path)) and each.identity != tail.identity
            if is_kin and tail.known.offset and _holds(tail.known, each.path):
                return each
        return None

    def _new_tail(self, path: str, state: os.stat_result, now_us: int, generation: int | None = None) -> Tail:
        number = self._stream.begin() if generation is None else generation
        return Tail(path, identity_of(state), number, seen_of(state), quiet_since_us=now_us, head=b"")

    # Reading

    def take(self, limit: int, now_us: int) -> list[Piece]:
        """Return what is there, of old files first."""
        pieces: list[Piece] = []
        at = 0
        while at < len(self._kin.old) and limit > 0:
            tail = self._kin.old[at]
            limit -= self._drain(tail, limit, now_us, pieces)
            # It may have been finished, or found to be several.
            at += at < len(self._kin.old) and self._kin.old[at] is tail
        while len(self._kin.old) > MAX_OLD:
            self._finish(self._kin.old[0], now_us, pieces)
        if self._kin.current and limit > 0:
            self._read_on(self._kin.current, limit, now_us, pieces)
        return pieces

    def _drain(self, tail: Tail, limit: int, now_us: int, pieces: list[Piece]) -> int:
        """Read on in an old file; return how many bytes it gave. Finish it when nothing more comes."""
        try:
            seen = seen_of(os.fstat(self._handles.of(tail)))
        except Gone:
            self._lost(tail, now_us, _NOT_FOUND)
            return 0
        except OSError as error:
            self.cannot_look(error, now_us)
            return 0
        # Renaming a file changes it, too; only what is written keeps us waiting.
        if seen[:2] != tail.seen[:2]:
            tail.quiet_since_us = now_us
        tail.seen = seen
        if seen[:2] != (tail.emptied or ())[:2] and not tail.refused:
            return self._read_on(tail, limit, now_us, pieces)
        if now_us - tail.quiet_since_us >= self._options.wait_us:
            self._finish(tail, now_us, pieces)
        return 0

    def _read_on(self, tail: Tail, limit: int, now_us: int, pieces: list[Piece]) -> int:
        if tail.refused or tail.seen == tail.emptied:
            return 0
        is_old = tail is not self._kin.current
        seen, before = tail.seen, tail.known
        try:
            file = self._handles.of(tail)
            taken = take(tail, file, limit)
        except Gone:
            if is_old:
                self._lost(tail, now_us, _NOT_FOUND)
        except Replaced:
            tail.emptied = None
            if is_old:
                self._truncated(tail, os.fstat(file), now_us)
            else:
                self._check(tail, now_us)
        except NoLines as error:
            tail.refused = str(error)
            self._notes.add(self.source, "ignored", now_us, 1, "files", reason=tail.refused)
        except OSError as error:
            self.cannot_look(error, now_us)
        else:
            tail.emptied = seen if taken.is_all else None
            if tail.known != before:
                self._kin.changed()
            return self._give(tail, taken, now_us, pieces)
        return 0

    def _give(self, tail: Tail, taken: Taken, now_us: int, pieces: list[Piece]) -> int:
        for given, hole in taken.holes:
            offset = self._stream.start + given
            self._notes.add(self.source, hole.kind, now_us, hole.count, "bytes", offset=offset)
        if taken.data:
            self._kin.changed()
            pieces.append(self._stream.piece(tail.generation, taken.data, tail.head or b"", now_us))
        return len(taken.data)

    def _finish(self, tail: Tail, now_us: int, pieces: list[Piece]) -> None:
        """Give the last line of an old file, which nobody will end any more, and let go of it."""
        if not tail.refused:
            try:
                taken = take_rest(tail, self._handles.of(tail))
            except (OSError, Gone):
                self._lost(tail, now_us, _NOT_FOUND)
                return
            except Replaced:
                self._lost(tail, now_us, "its content was replaced")
                return
            if taken.data:
                reason = "the last line of a rotated file has no end"
                self._notes.add(
                    self.source, "cut", now_us, 1, "records", offset=self._stream.start, reason=reason
                )
            self._give(tail, taken, now_us, pieces)
        self._kin.remember(tail.identity, tail.mark)
        self._let_go(tail)

    def _lost(self, tail: Tail, now_us: int, reason: str) -> None:
        """Give up an old file; what was seen of it and not given is a gap."""
        self._note("gap", now_us, tail.unread, reason)
        self._let_go(tail)

    def _let_go(self, tail: Tail) -> None:
        self._handles.drop(tail)
        self._kin.old.remove(tail)
        self._kin.changed()

    def _note(
        self,
        kind: Literal["rotated", "truncated", "gap"],
        now_us: int,
        lost: int = 0,
        reason: str = "",
    ) -> None:
        self._notes.add(
            self.source,
            kind,
            now_us,
            lost,
            "bytes" if kind != "rotated" else "",
            is_exact=kind == "rotated",
            offset=self._stream.start,
            reason=reason,
        )


def _holds(mark: Mark, path: str) -> bool:
    try:
        file, _ = open_file(path)
    except (OSError, NotRegular):
        return False
    try:
        return mark.holds(file)
    except OSError:
        return False
    finally:
        os.close(file)
