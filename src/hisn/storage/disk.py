"""Name the few calls that durable storage makes to the operating system, and make them.

All of them stand in one protocol, so that the crash simulator (`hisn.testing.crash`) can run the
real storage code over a disk that forgets everything it was not told to keep.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

TEMPORARY = ".tmp-"
"""Begins the name of a file that is being written; names of blobs never begin with a dot."""
_SIDE_BY_SIDE = 8


class Found(NamedTuple):
    """Hold one name of a folder."""

    name: str
    is_folder: bool


class Disk(Protocol):
    """Do what the operating system does; every method raises OSError as that would."""

    def make_folder(self, path: str) -> None:
        """Make a folder for the owner alone; raises FileExistsError."""
        ...

    def open_folder(self, path: str) -> int:
        """Return a handle of a folder, to be closed."""
        ...

    def create(self, folder: int) -> tuple[int, str]:
        """Create an empty file for writing under a fresh temporary name; return handle and name.

        It is held, as `is_abandoned` tells, until the handle is closed or its process has died.
        """
        ...

    def is_abandoned(self, folder: int, name: str) -> bool:
        """Tell whether nobody holds a file that was made by `create`; of a doubt it is held."""
        ...

    def open(self, folder: int, name: str) -> int:
        """Return a handle of a file, for reading and for `sync`."""
        ...

    def read(self, file: int, size: int) -> bytes:
        """Return the next bytes of a file, at most `size`; none at its end."""
        ...

    def size(self, file: int) -> int:
        """Return how many bytes a file has."""
        ...

    def write(self, file: int, data: memoryview) -> int:
        """Write at the file's end; return how many bytes went."""
        ...

    def sync(self, handle: int) -> None:
        """Return when a file's bytes, or a folder's names, survive loss of power."""
        ...

    def sync_many(self, handles: Sequence[int]) -> None:
        """Sync several; raises the error of one that failed, when all have been tried."""
        ...

    def close(self, handle: int) -> None:
        """Close a handle."""
        ...

    def link(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Give a file a second name; raises FileExistsError rather than replacing one."""
        ...

    def rename(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Rename a file, replacing another in one step."""
        ...

    def unlink(self, folder: int, name: str) -> None:
        """Remove a name."""
        ...

    def names(self, path: str) -> list[Found]:
        """Return what a folder holds, in any order."""
        ...

    def modified_s(self, folder: int, name: str) -> float:
        """Return when a file was last written, in seconds of the file system's own clock."""
        ...


class RealDisk:
    """Ask the operating system (POSIX)."""

    def make_folder(self, path: str) -> None:
        """Make a folder for the owner alone; raises FileExistsError."""
        Path(path).mkdir(mode=0o700)

    def open_folder(self, path: str) -> int:
        """Return a handle of a folder, to be closed."""
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def create(self, folder: int) -> tuple[int, str]:
        """Create an empty file for writing under a fresh temporary name; return handle and name."""
        name = TEMPORARY + secrets.token_hex(8)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(name, flags, 0o600, dir_fd=folder)
        with suppress(OSError):  # a disk that knows no locks: then it is never abandoned, either
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file, name

    def is_abandoned(self, folder: int, name: str) -> bool:
        """Tell whether nobody holds a file that was made by `create`; of a doubt it is held."""
        file = self.open(folder, name)
        try:
            # A lock of the open file dies with its process, and is shared by children it forked.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(file)
        return True

    def open(self, folder: int, name: str) -> int:
        """Return a handle of a file, for reading and for `sync`."""
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)

    def read(self, file: int, size: int) -> bytes:
        """Return the next bytes of a file, at most `size`; none at its end."""
        return os.read(file, size)

    def size(self, file: int) -> int:
        """Return how many bytes a file has."""
        return os.fstat(file).st_size

    def write(self, file: int, data: memoryview) -> int:
        """Write at the file's end; return how many bytes went."""
        return os.write(file, data)

    def sync(self, handle: int) -> None:
        """Return when a file's bytes, or a folder's names, survive loss of power."""
        os.fsync(handle)

    def sync_many(self, handles: Sequence[int]) -> None:
        """Sync several; raises the error of one that failed, when all have been tried.

        Many are synced side by side: a journaling file system then commits for all of them at
        once, which is two to four times as fast.
        """
        if len(handles) < _SIDE_BY_SIDE:
            for handle in handles:
                self.sync(handle)
            return
        # Threads of this call alone: a pool that stays would not survive a fork.
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            wait(asked := [threads.submit(self.sync, handle) for handle in handles])
        for each in asked:
            each.result()

    def close(self, handle: int) -> None:
        """Close a handle."""
        os.close(handle)

    def link(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Give a file a second name; raises FileExistsError rather than replacing one."""
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=new_folder, follow_symlinks=False)

    def rename(self, folder: int, old: str, new_folder: int, new: str) -> None:
        """Rename a file, replacing another in one step."""
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=new_folder)

    def unlink(self, folder: int, name: str) -> None:
        """Remove a name."""
        os.unlink(name, dir_fd=folder)

    def names(self, path: str) -> list[Found]:
        """Return what a folder holds, in any order."""
        with os.scandir(path) as found:
            return [Found(each.name, each.is_dir(follow_symlinks=False)) for each in found]

    def modified_s(self, folder: int, name: str) -> float:
        """Return when a file was last written, in seconds of the file system's own clock."""
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
