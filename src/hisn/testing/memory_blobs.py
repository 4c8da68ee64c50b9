"""Keep blobs in memory, with the exact promises of the port but durability."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from hisn.errors import StorageError


class MemoryBlobs:
    """Keep blobs in a dictionary, which tests may look into and damage: `files`."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes) -> None:
        """Store a blob for ever; other bytes under a name that exists raise StorageError E5202."""
        with self._lock:
            if self.files.setdefault(name, bytes(data)) != data:
                raise StorageError("E5202", f"{name} exists with other bytes")

    def put_many(self, items: Iterable[tuple[str, bytes]]) -> None:
        """Store many blobs as `put` does."""
        for name, data in items:
            self.put(name, data)

    def get(self, name: str) -> bytes | None:
        """Return the bytes, or None if there are none of that name."""
        return self.files.get(name)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with the prefix, in order."""
        with self._lock:
            names = sorted(name for name in self.files if name.startswith(prefix))
        yield from names

    def replace(self, name: str, data: bytes) -> None:
        """Store or replace in one step."""
        self.files[name] = bytes(data)

    def delete(self, name: str) -> None:
        """Remove a blob; one that is not there is no error."""
        self.files.pop(name, None)
