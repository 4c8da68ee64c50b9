"""Draw from a seed so that every machine, Python version and hash seed draws the same.

Only `random.Random.random` is used: of that module it alone promises the same sequence for the
same seed for ever.  Every stream of events has dice of its own, so that adding one stream (an
attack) does not disturb another (the background).
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Dice:
    """Draw numbers and items for one named stream of one seed."""

    __slots__ = ("random",)

    def __init__(self, seed: int, stream: str) -> None:
        digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
        # No secret is drawn here: the point is to be repeatable.
        self.random = random.Random(int.from_bytes(digest[:8], "big")).random

    def below(self, bound: int) -> int:
        """Return an integer from 0 to `bound` - 1."""
        return int(self.random() * bound)

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[int(self.random() * len(items))]

    def chance(self, probability: float) -> bool:
        """Tell whether something of this probability happens now."""
        return self.random() < probability

    def digits(self, count: int) -> str:
        """Return so many decimal digits."""
        return str(int(self.random() * 10**count)).rjust(count, "0")


class Weighted(Generic[T]):
    """Hold items with integer weights, to draw from with any dice."""

    __slots__ = ("_cumulative", "_items", "_total")

    def __init__(self, items: Iterable[tuple[int, T]]) -> None:
        pairs = tuple(items)
        self._items = tuple(item for _, item in pairs)
        self._cumulative = tuple(accumulate(weight for weight, _ in pairs))
        self._total = self._cumulative[-1]

    def draw(self, dice: Dice) -> T:
        """Return one item, as often as its weight says."""
        return self._items[bisect(self._cumulative, dice.random() * self._total)]
