"""Give bytes that follow from a seed, so that a simulation draws the same keys and salts every time."""

from __future__ import annotations

from hashlib import shake_256


class SeededEntropy:
    """Give the bytes of one named stream of one seed (port `Entropy`). Protects nothing."""

    def __init__(self, seed: int, stream: str = "") -> None:
        self._stem = f"hisn testing entropy/1\n{seed:d}\n{stream}\n".encode()
        self._count = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes of the stream; no two calls give the same."""
        self._count += 1
        return shake_256(self._stem + self._count.to_bytes(8, "big")).digest(size)
