"""Keep a register in memory, with the exact promises of the port but durability."""

from __future__ import annotations

import threading

from hisn.tlog.ports import Conflict


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
        with self._lock:
            if self.values.get(name) != old:
                raise Conflict(name)
            self.values[name] = bytes(new)
