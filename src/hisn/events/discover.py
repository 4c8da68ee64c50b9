"""Find the sources that arguments name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hisn.core import limits
from hisn.core.place import Place
from hisn.errors import InputError
from hisn.events import sources
from hisn.events.declare import Declarations
from hisn.events.decompress import GZIP_MAGIC, ZIP_MAGIC, ZSTD_MAGIC
from hisn.events.source import SourceNote
from hisn.events.tasks import STDIN, Discovery, Task
from hisn.events.text import as_utf8

_Found = Task | SourceNote


def discover(arguments: Sequence[str], declarations: Declarations) -> Discovery:
    """Return the tasks for files, folders and ``-`` (standard input), in the order of their names.

    Links out of a folder, and what is no regular file, are noted, not followed.  The same file
    named twice is read once.  Raises InputError (E2001) for an argument that does not exist.
    """
    tasks: list[Task] = []
    notes: list[SourceNote] = []
    seen: set[tuple[int, int]] = set()
    for argument in arguments:
        for found in _found(argument, seen):
            if isinstance(found, SourceNote):
                notes.append(found)
            else:
                tasks.append(found)
    tasks = _distinct(tasks, arguments)
    whole = [replace(task, declaration=declarations.of(task.name)) for task in tasks]
    ready: list[Task] = []
    for task in sorted(whole, key=lambda task: (task.name, task.path)):
        ready.extend(_parts(task, notes))
    return Discovery(tuple(ready), tuple(sorted(notes, key=lambda note: (note.source, note.reason))))


def _found(argument: str, seen: set[tuple[int, int]]) -> Iterator[_Found]:
    if argument == STDIN:
        yield Task(STDIN, "stdin")
        return
    try:
        state = os.stat(argument)
    except OSError as error:
        raise InputError(
            "E2001", f"cannot read: {error.strerror or error}", place=Place(_shown(argument))
        ) from None
    name = _shown(os.path.basename(os.path.normpath(argument)))
    if stat.S_ISDIR(state.st_mode):
        yield from _walk(argument, "", os.path.realpath(argument), seen)
    elif stat.S_ISREG(state.st_mode):
        yield from _file(argument, name, state, seen)
    elif stat.S_ISFIFO(state.st_mode):
        yield Task(argument, name)
    else:
        yield SourceNote(name, "unknown", "skipped", "not a regular file", "E2002")


def _file(path: str, name: str, state: os.stat_result, seen: set[tuple[int, int]]) -> Iterator[_Found]:
    identity = (state.st_dev, state.st_ino)
    if identity[1] == 0 or identity not in seen:
        seen.add(identity)
        yield Task(path, name, size_bytes=state.st_size)


def _walk(folder: str, prefix: str, root: str, seen: set[tuple[int, int]]) -> Iterator[_Found]:
    try:
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        name = prefix.rstrip("/") or "."
        yield SourceNote(name, "folder", "skipped", error.strerror or str(error), "E2001")
        return
    for entry in ordered:
        name = prefix + _shown(entry.name)
        try:
            if entry.is_symlink():
                target = os.path.realpath(entry.path)
                # What lies inside the folder is read where it lies; the rest was not asked for.
                if os.path.commonpath([target, root]) != root:
                    yield SourceNote(name, "link", "skipped", "a link out of the folder", "E2002")
            elif entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, name + "/", root, seen)
            elif entry.is_file(follow_symlinks=False):
                yield from _file(entry.path, name, entry.stat(follow_symlinks=False), seen)
            else:
                yield SourceNote(name, "unknown", "skipped", "not a regular file", "E2002")
        except OSError as error:
            yield SourceNote(name, "unknown", "skipped", error.strerror or str(error), "E2001")


def _shown(name: str) -> str:
    """Return a file name as text; bytes that are no UTF-8 become escapes, so that it can be written."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def _distinct(tasks: list[Task], arguments: Sequence[str]) -> list[Task]:
    """Give sources of different arguments different names, independent of the arguments' order."""
    by_name: dict[str, list[Task]] = {}
    for task in tasks:
        by_name.setdefault(task.name, []).append(task)
    if len(arguments) < 2 or len(by_name) == len(tasks):
        return tasks
    result = []
    for name, same in by_name.items():
        if len(same) == 1:
            result.extend(same)
        else:
            result.extend(
                replace(task, name=_shown(os.path.normpath(task.path)) if task.path != STDIN else name)
                for task in same
            )
    return result


def _parts(task: Task, notes: list[SourceNote]) -> Iterator[Task]:
    """Yield the members of an archive, the ranges of a large plain file, or the task itself."""
    if task.path == STDIN or not task.size_bytes:
        yield task
        return
    is_large = task.size_bytes > limits.RANGE_BYTES
    try:
        with open(task.path, "rb", buffering=0) as file:
            head = file.read(limits.SNIFF_BYTES if is_large else 4)
            if head.startswith(ZIP_MAGIC):
                from hisn.events.archives import member_tasks

                yield from member_tasks(task, notes)
                return
    except OSError:
        yield task  # Reading it will say why.
        return
    if not is_large or head.startswith((GZIP_MAGIC, ZSTD_MAGIC)) or as_utf8(head, _Nothing())[0] != head:
        yield task
        return
    found = sources.sniff(head)
    if found is None or not getattr(found, "splittable", False):
        yield task
        return
    for start in range(0, task.size_bytes, limits.RANGE_BYTES):
        end = start + limits.RANGE_BYTES
        yield replace(task, start=start, end=None if end >= task.size_bytes else end)


class _Nothing:
    def read(self, size: int = -1) -> bytes:
        del size
        return b""
