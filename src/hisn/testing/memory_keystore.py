"""Keep wrapped keys in memory, with the promises of the port but durability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class MemoryKeyStore:
    """Keep records and the erase list where tests may look at, copy and restore them."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.erase_list: list[str] = []

    def put_many(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Store or replace records."""
        self.records.update(records)

    def get(self, commitment: str) -> bytes | None:
        """Return a record, or None."""
        return self.records.get(commitment)

    def list(self) -> Iterator[str]:
        """Yield the commitments of all records, in order."""
        return iter(sorted(self.records))

    def delete(self, commitment: str) -> None:
        """Remove a record; none is no error."""
        self.records.pop(commitment, None)

    def append_erased(self, commitments: Iterable[str]) -> None:
        """Add to the erase list."""
        self.erase_list.extend(commitments)

    def erased(self) -> frozenset[str]:
        """Return the erase list."""
        return frozenset(self.erase_list)
