"""Keep a register in memory, with the exact promises of the port but durability."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from hisn.tlog.ports import Conflict, Swap


class MemoryRegister:
    """Keep values in a dictionary, which tests may look into and damage: `values`."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> bytes | None:
        """Return the value, or None if none was ever stored."""
        return self.values.get(name)

    def swap(self, name: str, old: bytes | None, new: bytes) -> None:
        """Replace `old` (None: nothing) by `new`; raises `Conflict` if the value is another one."""
        self.swap_all([Swap(name, old, new)])

    def swap_all(self, rows: Sequence[Swap]) -> None:
        """Replace several rows, all or none; raises `Conflict`."""
        with self._lock:
            for row in rows:
                if self.values.get(row.name) != row.old:
                    raise Conflict(row.name)
            self.values.update({row.name: bytes(row.new) for row in rows})
