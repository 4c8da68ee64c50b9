"""Keep blobs as files: whole, never overwritten, durable when a call returns (port `Blobs`).

One file is written so; beside each step stands what is left if the power fails after it::

    open the folder        nothing
    write a temporary      a file that no reader looks at; `sweep` removes it
    sync the temporary     the same
    link it to its name    the name or not; if it is there, its bytes are whole
    remove the temporary   the same
    sync the folder        the blob

The folder is opened first and stays open: an error that the system meets while it writes the
folder is told only to handles that were open by then.  Linking cannot replace a file, as renaming
would: a writer who comes too late finds the name taken, and other bytes are never replaced.

When a sync fails, nobody knows what the disk holds, and a second sync would say "done" of pages
that are lost.  So nothing is tried again: `DurabilityLost` ends the process, and the next start
looks at what is really there.  Nor does that start trust what it can read: a file that is there
with the right bytes is written again under a temporary name and renamed over the first, so that
its sync has something to write.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from hisn.errors import StorageError
from hisn.storage.disk import TEMPORARY, Disk, RealDisk
from hisn.tlog.ports import DurabilityLost

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_READ_BYTES = 1 << 20
_OPEN_AT_ONCE = 128  # files between two barriers; a process may have 1,024 open
_LITTER_S = 86_400.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _Written(NamedTuple):
    """Hold a file that was written under a temporary name."""

    file: int
    temporary: str
    folder: int
    name: str
    data: bytes


class FileBlobs:
    """Keep blobs below one folder, made if need be (its parent must exist)."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._root = str(folder)
        self._disk = disk or RealDisk()
        self._durable_folders: set[str] = set()
        self._is_lost = False

    def put(self, name: str, data: bytes) -> None:
        """Store a blob for ever; other bytes under a name that exists raise StorageError E5202."""
        self.put_many([(name, data)])

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many blobs as `put` does, with one barrier for all that are open at once."""
        rest = iter(items)
        while run := list(islice(rest, _OPEN_AT_ONCE)):
            with self._writing(run[0][0]):
                self._put_run(run)

    def put_parts(self, parts: Iterable[bytes], name: Callable[[], str]) -> str:
        """Store a blob too large for memory; its name is asked for when all parts were taken.

        Returns the name.  The same promises as `put`; what the parts raise is raised.
        """
        with ExitStack() as stack:
            with self._writing("a blob"):
                root = self._open_folder("", stack)
                file, temporary = self._create(root, stack)
            for part in parts:
                # Around this alone: an error of the source is none of the store.
                with self._writing("a blob"):
                    self._write(file, part)
            named = _checked(name())
            with self._writing(named):
                self._sync(file)
                above, _, last = named.rpartition("/")
                folder = self._open_folder(above, stack)
                try:
                    self._disk.link(root, temporary, folder, last)
                except FileExistsError:
                    self._require_same_file(root, temporary, folder, named)
                    self._disk.rename(root, temporary, folder, last)
                self._sync(folder)
        return named

    def get(self, name: str) -> bytes | None:
        """Return the bytes, or None if there are none of that name."""
        with _reporting(f"cannot read {name}"), ExitStack() as stack:
            file = self._open(name, stack)
            return None if file is None else b"".join(self._parts(file))

    def get_parts(self, name: str) -> Iterator[bytes] | None:
        """Return the bytes of a blob in parts of at most 1 MiB, or None."""
        with _reporting(f"cannot read {name}"), ExitStack() as stack:
            if self._open(name, stack) is None:
                return None
        return self._read_on(name)

    def get_sized(self, name: str) -> tuple[int, Iterator[bytes]] | None:
        """Return the size of a blob and its bytes in parts, as `get_parts`, or None.

        Of a blob that is deleted before its parts are taken, there are none.
        """
        with _reporting(f"cannot read {name}"), ExitStack() as stack:
            file = self._open(name, stack)
            if file is None:
                return None
            return self._disk.size(file), self._read_on(name)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with the prefix, in order."""
        return self._walk(prefix.rpartition("/")[0], prefix)

    def replace(self, name: str, data: bytes) -> None:
        """Store or replace in one step: a reader sees the old bytes or the new."""
        above, _, last = _checked(name).rpartition("/")
        with self._writing(name), ExitStack() as stack:
            folder = self._open_folder(above, stack)
            file, temporary = self._create(folder, stack)
            self._write(file, data)
            self._sync(file)
            self._disk.rename(folder, temporary, folder, last)
            self._sync(folder)

    def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is no error. It may come back after loss of power."""
        above, _, last = _checked(name).rpartition("/")
        with self._writing(name), ExitStack() as stack, suppress(FileNotFoundError):
            folder = self._disk.open_folder(self._path(above))
            stack.callback(self._close, folder)
            self._disk.unlink(folder, last)

    def sweep(self) -> int:
        """Remove temporary files that a killed process left a day ago or earlier; return how many.

        A file that another process still writes is held by it, however old it is: a slow source may
        give nothing for days.
        """
        with self._writing("temporary files"), ExitStack() as stack:
            root = self._open_folder("", stack)
            now_s = self._disk.modified_s(root, self._create(root, stack)[1])
            return self._sweep(self._root, now_s)

    def _sweep(self, path: str, now_s: float) -> int:
        removed = 0
        for found in self._disk.names(path):
            if found.is_folder:
                removed += self._sweep(f"{path}/{found.name}", now_s)
            elif found.name.startswith(TEMPORARY):
                with ExitStack() as stack, suppress(FileNotFoundError):
                    folder = self._disk.open_folder(path)
                    stack.callback(self._close, folder)
                    is_old = now_s - self._disk.modified_s(folder, found.name) >= _LITTER_S
                    if is_old and self._disk.is_abandoned(folder, found.name):
                        self._disk.unlink(folder, found.name)
                        removed += 1
        return removed

    def _put_run(self, run: Sequence[tuple[str, bytes]]) -> None:
        with ExitStack() as stack:
            self._make_durable({self._path(_checked(name).rpartition("/")[0]) for name, _ in run})
            folders: dict[str, int] = {}
            written: list[_Written] = []
            for name, data in run:
                above, _, last = name.rpartition("/")
                if above not in folders:
                    folders[above] = self._open_folder(above, stack)
                folder = folders[above]
                self._require_same(folder, last, data, name)
                file, temporary = self._create(folder, stack)
                self._write(file, data)
                written.append(_Written(file, temporary, folder, name, data))
            self._sync(*(each.file for each in written))
            for each in written:
                self._name(each)
            self._sync(*folders.values())

    def _name(self, written: _Written) -> None:
        folder, last = written.folder, written.name.rpartition("/")[2]
        try:
            self._disk.link(folder, written.temporary, folder, last)
        except FileExistsError:
            self._require_same(folder, last, written.data, written.name)
            self._disk.rename(folder, written.temporary, folder, last)

    def _require_same(self, folder: int, last: str, data: bytes, name: str) -> None:
        with ExitStack() as stack, suppress(FileNotFoundError):
            file = self._disk.open(folder, last)
            stack.callback(self._close, file)
            if b"".join(self._parts(file)) != data:
                raise _other_bytes(name)

    def _require_same_file(self, folder: int, temporary: str, other: int, name: str) -> None:
        with ExitStack() as stack:
            pair = []
            for where, last in ((folder, temporary), (other, name.rpartition("/")[2])):
                file = self._disk.open(where, last)
                stack.callback(self._close, file)
                pair.append(file)
            while True:
                ours, theirs = (self._disk.read(file, _READ_BYTES) for file in pair)
                if ours != theirs:
                    raise _other_bytes(name)
                if not ours:
                    break

    def _create(self, folder: int, stack: ExitStack) -> tuple[int, str]:
        """Create a temporary file that is closed, and gone, when the stack is left."""
        file, temporary = self._disk.create(folder)
        stack.callback(self._discard, folder, temporary)
        stack.callback(self._close, file)
        return file, temporary

    def _discard(self, folder: int, temporary: str) -> None:
        with _reporting("cannot remove a temporary file"), suppress(FileNotFoundError):
            self._disk.unlink(folder, temporary)

    def _close(self, handle: int) -> None:
        with _reporting("cannot close a file"):
            self._disk.close(handle)

    def _write(self, file: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._disk.write(file, rest) :]

    def _sync(self, *handles: int) -> None:
        try:
            self._disk.sync_many(handles)
        except OSError as error:
            self._is_lost = True
            raise DurabilityLost(f"the disk could not keep what was written: {_words(error)}") from error

    def _open_folder(self, above: str, stack: ExitStack) -> int:
        path = self._path(above)
        self._make_durable([path])
        handle = self._disk.open_folder(path)
        stack.callback(self._close, handle)
        return handle

    def _make_durable(self, paths: Iterable[str]) -> None:
        """Make folders and those above them, with one sync of each folder that they stand in.

        Even those that exist are synced, since their maker may have died.
        """
        fresh = sorted(set(paths) - self._durable_folders)
        if not fresh:
            return
        self._make_durable({_above(path) for path in fresh if path != self._root})
        with ExitStack() as stack:
            parents: dict[str, int] = {}
            for path in fresh:
                above = _above(path)
                with suppress(PermissionError):  # somebody else's folder, who made ours in it
                    if above not in parents:
                        parents[above] = self._disk.open_folder(above)
                        stack.callback(self._close, parents[above])
                with suppress(FileExistsError):
                    self._disk.make_folder(path)
            self._sync(*parents.values())
        self._durable_folders.update(fresh)

    def _path(self, above: str) -> str:
        return f"{self._root}/{above}" if above else self._root

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        with _reporting(f"cannot list {folder or self._root}"):
            try:
                names = self._disk.names(self._path(folder))
            except (FileNotFoundError, NotADirectoryError):
                return
        for found in sorted(names, key=lambda each: each.name + "/" * each.is_folder):
            name = f"{folder}/{found.name}" if folder else found.name
            if found.name.startswith(".") or not name.startswith(prefix):
                continue
            if found.is_folder:
                yield from self._walk(name, prefix)
            else:
                yield name

    def _open(self, name: str, stack: ExitStack) -> int | None:
        above, _, last = _checked(name).rpartition("/")
        try:
            folder = self._disk.open_folder(self._path(above))
            stack.callback(self._close, folder)
            file = self._disk.open(folder, last)
        except (FileNotFoundError, NotADirectoryError):
            return None
        stack.callback(self._close, file)
        return file

    def _read_on(self, name: str) -> Iterator[bytes]:
        # Opened here and not before: a reader that is never started must not hold a handle.
        with _reporting(f"cannot read {name}"), ExitStack() as stack:
            file = self._open(name, stack)
            if file is not None:
                yield from self._parts(file)

    def _parts(self, file: int) -> Iterator[bytes]:
        while part := self._disk.read(file, _READ_BYTES):
            yield part

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        if self._is_lost:
            raise DurabilityLost("the disk failed earlier; this process may not write any more")
        with _reporting(f"cannot store {name}"):
            yield


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name of a blob: {name!r}")
    return name


def _above(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _other_bytes(name: str) -> StorageError:
    return StorageError(
        "E5202",
        f"{name} exists with other bytes",
        hint="run hisn node fsck: one of two writers, or the disk, wrote something wrong",
        unchanged=f"{name} is as it was",
    )


def _words(error: OSError) -> str:
    return error.strerror or str(error)


@contextmanager
def _reporting(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        is_full = error.errno in _FULL
        raise StorageError(
            "E5203",
            f"{what}: {_words(error)}",
            hint="free space on that disk" if is_full else "check the disk and the folder's permissions",
            unchanged="what was stored before is as it was",
        ) from error
