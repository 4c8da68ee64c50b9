"""Hold a lock that dies with its process: who may use something, and what nobody uses any more.

The lock is one of the open file, not of a process number: numbers are given out again, and in
containers that share a folder they mean nothing.  Children that were forked share the lock until
the last of them is gone, since they may still read what it protects.  POSIX only.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hisn.errors import StorageError


@contextmanager
def held(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock while the block runs; wait for it. The file is made if need be. Raises StorageError."""
    handle = _opened(path)
    try:
        _locked(handle, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def held_now(path: Path) -> Iterator[bool]:
    """Hold the lock while the block runs if nobody holds it; tell whether it is held. Raises StorageError."""
    handle = _opened(path)
    try:
        yield _locked(handle, path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _cannot(path, error) from error


def _locked(handle: int, path: Path, how: int) -> bool:
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _cannot(path, error) from error
    return True


def _cannot(path: Path, error: OSError) -> StorageError:
    return StorageError(
        "E5335",
        f"cannot lock {path}: {error.strerror or error}",
        hint="check the folder's permissions; a node's folder lies on a disk that knows locks",
        unchanged="nothing was changed",
    )
