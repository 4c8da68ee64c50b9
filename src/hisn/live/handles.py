"""Hold files open while lines come from them, few at a time.

A file that is held open can be read to its end after it was renamed or deleted, and its number is
not given to another one.  Those that were let go are found again by their number.
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from typing import Protocol

from hisn.live.marks import Identity, identity_of
from hisn.live.rotated import find_identity

MAX_HELD = 256
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Named(Protocol):
    """Have a path, where the file was last seen, and know which file it is."""

    path: str
    identity: Identity

    def let_go(self) -> None:
        """Drop what can be read again: the file is closed, because others need the place."""
        ...


class Gone(Exception):  # noqa: N818 -- a signal between functions of this room, never shown
    """Say that a file is no longer in its folder."""


class NotRegular(Exception):  # noqa: N818 -- the same
    """Say that a path is a device, a pipe or a folder."""


def open_file(path: str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading. Raises OSError, NotRegular."""
    # Opening a pipe must not wait for a writer, nor a terminal become ours.
    file = os.open(path, _FLAGS)
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            raise NotRegular(path)
    except BaseException:
        os.close(file)
        raise
    return file, state


class Handles:
    """Open files when they are needed, and close those that were not used for longest."""

    def __init__(self, limit: int = MAX_HELD) -> None:
        self._limit = limit
        self._open: OrderedDict[int, tuple[int, Named]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def keep(self, owner: Named, file: int) -> None:
        """Take over a handle."""
        self._open[id(owner)] = (file, owner)
        while len(self._open) > self._limit:
            _, (other, its_owner) = self._open.popitem(last=False)
            os.close(other)
            its_owner.let_go()

    def of(self, owner: Named) -> int:
        """Return a handle of the owner's file, wherever it is now. Raises OSError, Gone."""
        key = id(owner)
        held = self._open.get(key)
        if held is not None:
            self._open.move_to_end(key)
            return held[0]
        file = self._find(owner)
        self.keep(owner, file)
        return file

    def drop(self, owner: Named) -> None:
        """Close the owner's file; the owner asks no more."""
        held = self._open.pop(id(owner), None)
        if held is not None:
            os.close(held[0])

    def close(self) -> None:
        """Close all."""
        while self._open:
            os.close(self._open.popitem()[1][0])

    def _find(self, owner: Named) -> int:
        for path in (owner.path, None):
            place = path or find_identity(owner.path, owner.identity)
            if place is None:
                break
            try:
                file, state = open_file(place)
            except (FileNotFoundError, NotRegular):
                continue
            if identity_of(state) == owner.identity:
                owner.path = place
                return file
            os.close(file)
        raise Gone(owner.path)
