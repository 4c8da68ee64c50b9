"""Find what became of a file whose name another one has now.

Whoever rotates logs keeps their names recognisable: ``access.log.1``, ``access.log-20261103``,
``access-2026-11-03.log``, ``access.1.log``, ``access.log.old``.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from hisn.live.marks import Identity, identity_of

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".lz4", ".Z", ".7z")
_MAX_ENTRIES = 200_000
_NUMBER = r"[0-9][0-9._:T-]{0,30}Z?"
_ENDING = re.compile(rf"(?:[._-]{_NUMBER}|\.(?:old|prev|bak))\Z", re.ASCII)
_INSIDE = re.compile(rf"[._-]{_NUMBER}(?=\.[A-Za-z]{{1,8}}\Z)", re.ASCII)


class Sibling(NamedTuple):
    """Hold a file of a folder."""

    path: str
    state: os.stat_result

    @property
    def identity(self) -> Identity:
        """Return which file it is."""
        return identity_of(self.state)


def is_packed(name: str) -> bool:
    """Tell whether a name says that the file is compressed."""
    return name.endswith(PACKED)


def bases(name: str) -> tuple[str, ...]:
    """Return the names that a file of this name may have had before it was rotated."""
    found = {_ENDING.sub("", name), _INSIDE.sub("", name)} - {name, ""}
    return tuple(sorted(found))


def siblings(path: str) -> Iterator[Sibling]:
    """Yield the regular files beside a file, itself too; nothing where the folder cannot be read."""
    try:
        with os.scandir(os.path.dirname(path) or ".") as entries:
            for count, entry in enumerate(entries):
                if count >= _MAX_ENTRIES:
                    return
                try:
                    state = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISREG(state.st_mode):
                    yield Sibling(entry.path, state)
    except OSError:
        return


def rotated_from(path: str) -> list[Sibling]:
    """Return the files whose names say that they were this one, the oldest first."""
    name = os.path.basename(path)
    found = [each for each in siblings(path) if name in bases(os.path.basename(each.path))]
    return sorted(found, key=lambda each: (each.state.st_mtime_ns, each.path))


def find_identity(path: str, identity: Identity) -> str | None:
    """Return where in the folder of `path` a file of this identity is now."""
    for each in siblings(path):
        if each.identity == identity:
            return each.path
    return None
