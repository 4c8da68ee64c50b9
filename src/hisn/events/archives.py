"""Read the members of zip archives, each a source of its own."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, Self, cast

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.source import SourceNote
from hisn.events.tasks import Task

_MAX_DIRECTORY_BYTES = 64 * limits.MiB
_END_RECORD = struct.Struct("<4s4H2LH")
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class _Member:
    """Read a member within the bounds of ratio and size; damage ends it with an error."""

    def __init__(self, archive: zipfile.ZipFile, name: str, *, owns: bool) -> None:
        self._archive = archive
        self._owns = owns
        self._given = 0
        try:
            info = archive.getinfo(name)
            self._limit = max(limits.RATIO_FLOOR_BYTES, limits.MAX_RATIO * info.compress_size)
            self._file = archive.open(info)
        except KeyError as error:
            raise InputError("E2007", "the archive has no such member") from error
        except _BROKEN as error:
            raise InputError("E2007", f"the archive's member cannot be read: {_reason(error)}") from error

    def read(self, size: int = -1) -> bytes:
        try:
            part = self._file.read(size if size >= 0 else self._limit + 1)
        except _BROKEN as error:
            raise InputError("E2007", f"the archive's member is damaged: {_reason(error)}") from error
        self._given += len(part)
        if self._given > min(self._limit, limits.MAX_DECOMPRESSED_BYTES):
            raise InputError("E2008", f"decompresses to more than {limits.MAX_RATIO} times its size")
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if self._owns:
            self._archive.close()

    def tell(self) -> int:
        raise OSError("a member has no place")


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


def member_tasks(task: Task, notes: list[SourceNote]) -> Iterator[Task]:
    """Yield a task for each file in the archive, and note what is none."""
    with open(task.path, "rb") as file:
        for member, note in members(file, task.name):
            if note is not None:
                notes.append(note)
            else:
                yield replace(task, name=f"{task.name}!{member}", member=member, size_bytes=0)


def members(file: BinaryIO, name: str) -> Iterator[tuple[str, SourceNote | None]]:
    """Yield the names of the files in an archive in order, or a note on what cannot be read."""
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except InputError as error:
        yield "", SourceNote(name, "zip", "skipped", error.message, error.code)
        return
    except _BROKEN as error:
        yield "", SourceNote(name, "zip", "skipped", f"the archive is damaged: {_reason(error)}", "E2007")
        return
    if len(infos) > limits.MAX_ARCHIVE_MEMBERS:
        yield "", SourceNote(name, "zip", "partial", "too many members in the archive", "E2009")
    taken: set[str] = set()
    for info in sorted(infos, key=lambda info: info.filename)[: limits.MAX_ARCHIVE_MEMBERS]:
        if info.filename in taken:
            # Two members of one name: which one a tool reads differs, so we say that one is left out.
            reason = "a second member of this name"
            yield "", SourceNote(f"{name}!{info.filename}", "zip", "skipped", reason, "E2007")
        elif info.flag_bits & 1:
            yield "", SourceNote(f"{name}!{info.filename}", "zip", "skipped", "encrypted", "E2004")
        else:
            taken.add(info.filename)
            yield info.filename, None


def _check_directory(file: BinaryIO) -> None:
    """Refuse an archive whose directory alone would fill the memory; `zipfile` reads it whole."""
    size = file.seek(0, 2)
    tail = min(size, 65_557)
    file.seek(size - tail)
    data = file.read(tail)
    at = data.rfind(b"PK\x05\x06")
    if at == -1 or at + _END_RECORD.size > len(data):
        raise InputError("E2006", "the archive has no directory: its end is missing")
    directory_bytes = _END_RECORD.unpack_from(data, at)[5]
    if (size if directory_bytes == 0xFFFF_FFFF else directory_bytes) > _MAX_DIRECTORY_BYTES:
        raise InputError("E2009", "the archive's directory is too large")
    file.seek(0)


def open_member(path: str, member: str) -> BinaryIO:
    """Open a member of the archive at a path. Raises InputError (E2007) if it cannot be read."""
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise InputError("E2007", f"the archive is damaged: {_reason(error)}") from error
    try:
        return cast(BinaryIO, _Member(archive, member, owns=True))
    except InputError:
        archive.close()
        raise


def open_stored(file: BinaryIO, member: str) -> BinaryIO:
    """Open a member of an archive that is open already."""
    return cast(BinaryIO, _Member(zipfile.ZipFile(file), member, owns=True))
