"""Keep keys in memory, as the port describes; and die in between, as disks do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator


class Crash(Exception):  # noqa: N818 -- what happens, not an error of ours
    pass


class MemoryKeyStore:
    """Keep keys; dies before the change named by `crash_before`; does not find the record `hidden`."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.list_of_erased: list[str] = []
        self.log: list[str] = []
        self.crash_before: str | None = None
        self.hidden: str | None = None

    def _do(self, what: str) -> None:
        if self.crash_before == what:
            raise Crash(what)
        self.log.append(what)

    def put_many(self, records: Iterable[tuple[str, bytes]]) -> None:
        for name, data in records:
            self._do(f"put {name[:4]}")
            self.records[name] = data

    def get(self, commitment: str) -> bytes | None:
        return None if commitment == self.hidden else self.records.get(commitment)

    def list(self) -> Iterator[str]:
        return iter(sorted(self.records))

    def delete(self, commitment: str) -> None:
        self._do("delete")
        self.records.pop(commitment, None)

    def append_erased(self, commitments: Iterable[str]) -> None:
        self._do("erased")
        self.list_of_erased.extend(commitments)

    def erased(self) -> frozenset[str]:
        return frozenset(self.list_of_erased)


class Counted:
    """Give bytes that are the same in every run."""

    def __init__(self, seed: bytes = b"") -> None:
        self._seed = seed
        self._count = 0

    def read(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(8, "big")).digest(size)
