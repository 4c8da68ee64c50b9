"""Keep files: whole or not at all, and a cache that may vanish at any moment."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hisn.errors import StorageError

_DIGEST_BYTES = 32


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old or the new one, never half. Raises StorageError.

    The data is synced before the rename, and the folder after it: a power cut must neither leave an
    empty report behind nor bring an old key back.
    """
    try:
        folder = path.parent
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if path.exists():
                Path(temporary).chmod(path.stat().st_mode & 0o777)
            else:
                Path(temporary).chmod(0o666 & ~_umask())
            with _synced(folder):
                Path(temporary).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise StorageError(
            "E5020",
            f"cannot write {path}: {error.strerror or error}",
            hint="check the folder's permissions and free space",
            unchanged=f"{path} is as it was",
        ) from error


@contextlib.contextmanager
def _synced(folder: Path) -> Iterator[None]:
    """Sync a folder after the block; opened before it, so that an error in between is told to us."""
    try:
        handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except PermissionError:
        # We may write to it and not read it; on Windows no folder can be opened.
        yield
        return
    try:
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def home_folder() -> Path:
    """Return the node's folder: ``HISN_HOME``, or the platform's data folder. Nothing is created."""
    if home := os.environ.get("HISN_HOME"):
        return Path(home)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "hisn"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "hisn"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hisn"


def cache_folder() -> Path:
    """Return the folder for what can be computed again. Nothing is created."""
    if home := os.environ.get("HISN_HOME"):
        return Path(home) / "cache"
    if sys.platform == "win32":
        return home_folder() / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hisn"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hisn"


class Cache:
    """Hold blobs by key in a private folder; losing one costs time, never correctness.

    Every blob carries its SHA-256, so that a torn or rotten one is seen and made again.  The
    digest is no protection against somebody who can write to the folder: the folder is created
    for the owner alone, and a folder that others may write to is not used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """Return the blob, or None where it is missing, damaged or not to be trusted."""
        path = self._path(key)
        if path is None:
            return None
        try:
            if not _is_private(path.parent):
                return None
            data = path.read_bytes()
        except OSError:
            return None
        blob = data[_DIGEST_BYTES:]
        return blob if hashlib.sha256(blob).digest() == data[:_DIGEST_BYTES] else None

    def put(self, key: str, blob: bytes) -> bool:
        """Keep the blob; return False where the folder cannot be used (a full or read-only disk)."""
        path = self._path(key)
        if path is None:
            return False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(path.parent):
                return False
            write_whole(path, hashlib.sha256(blob).digest() + blob)
        except (OSError, StorageError):
            return False
        return True

    def _path(self, key: str) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / hashlib.sha256(key.encode()).hexdigest()


def _is_private(folder: Path) -> bool:
    """Tell whether only its owner, who is us, can write to the folder."""
    if sys.platform == "win32":
        return True  # the profile folder's access list already says so
    status = folder.stat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022
