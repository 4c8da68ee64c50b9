"""Keep wrapped keys and the erase list as files (port `KeyStore` of the vault).

::

    keys/wrapped/<aa>/<commitment>     one record, replaced in one step when it is wrapped again
    keys/erased/<aa>/<commitment>      a marker, never removed: what is named here stays erased

A marker for each erasure, not a line in one file: markers are whole or not there, and joining two
copies of the folder, as a restored backup does, loses none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from hisn.errors import StorageError
from hisn.storage.blobs import FileBlobs

_WRAPPED = "wrapped"
_ERASED = "erased"


class FileKeyStore:
    """Keep records in a private folder, apart from what ordinary backups copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs = FileBlobs(folder)

    def put_many(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Store or replace records; new ones with one barrier for all."""
        fresh: list[tuple[str, bytes]] = []
        for commitment, record in records:
            name = _name(_WRAPPED, commitment)
            if self._blobs.get(name) is None:
                fresh.append((name, record))
            else:
                self._blobs.replace(name, record)
        self._blobs.put_many(fresh)

    def get(self, commitment: str) -> bytes | None:
        """Return a record, or None."""
        return self._blobs.get(_name(_WRAPPED, commitment))

    def list(self) -> Iterator[str]:
        """Yield the commitments of all records, in order."""
        return (name.rpartition("/")[2] for name in self._blobs.list(f"{_WRAPPED}/"))

    def delete(self, commitment: str) -> None:
        """Overwrite a record and remove it, durably; none is no error.

        A disk that writes elsewhere, or a snapshot, may still have the old bytes: they are wrapped
        by the node's key, and the documents say what erasure cannot reach.
        """
        path = self._folder / _name(_WRAPPED, commitment)
        try:
            folder = os.open(path.parent, os.O_RDONLY)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed(commitment, error) from error
        try:
            with suppress(FileNotFoundError):
                with path.open("r+b") as file:
                    file.write(bytes(path.stat().st_size))
                    file.flush()
                    os.fsync(file.fileno())
                path.unlink()
            os.fsync(folder)
        except OSError as error:
            raise _failed(commitment, error) from error
        finally:
            os.close(folder)

    def append_erased(self, commitments: Iterable[str]) -> None:
        """Add to the erase list, durably."""
        self._blobs.put_many((_name(_ERASED, commitment), b"") for commitment in commitments)

    def erased(self) -> frozenset[str]:
        """Return the erase list."""
        return frozenset(name.rpartition("/")[2] for name in self._blobs.list(f"{_ERASED}/"))


def _name(room: str, commitment: str) -> str:
    return f"{room}/{commitment[:2]}/{commitment}"


def _failed(commitment: str, error: OSError) -> StorageError:
    return StorageError(
        "E5331",
        f"cannot remove the key {commitment[:16]}: {error.strerror or error}",
        hint="check the keys folder's permissions; the next start tries again",
        unchanged="the key is on the erase list, and is not used any more",
    )
