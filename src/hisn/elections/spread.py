"""Know how a measure of many minutes is spread: median, and median absolute deviation, exactly.

Half of all minutes can be an attack, and the median still speaks of the other half.  Everything is
whole numbers or fractions, so that the same input gives the same bytes on every machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

import msgspec

_EXACT_BITS = 8


def quantised(value: int) -> int:
    """Return the value with its 8 highest bits kept: exact below 256, then to less than 1 in 128.

    So that a baseline holds few different values, whatever an attacker sends.
    """
    shift = value.bit_length() - _EXACT_BITS
    return value if shift <= 0 else value >> shift << shift


class Band(NamedTuple):
    """Hold twice a median and four times a deviation: whole numbers."""

    median2: int
    mad4: int

    @property
    def median(self) -> Fraction:
        """Return the median."""
        return Fraction(self.median2, 2)

    @property
    def mad(self) -> Fraction:
        """Return the median of the absolute deviations from the median."""
        return Fraction(self.mad4, 4)

    def exceeds(self, value: int, deviations: int, factor: int, floor: int) -> bool:
        """Tell whether a value is above the median by so many deviations, by a factor and a floor."""
        return 4 * value > max(
            2 * self.median2 + deviations * self.mad4, 2 * factor * self.median2, 4 * floor
        )

    def differs(self, value: int, deviations: int, least: int) -> bool:
        """Tell whether a value lies off the median by so many deviations and by at least `least`."""
        off4 = abs(4 * value - 2 * self.median2)
        return off4 > deviations * self.mad4 and off4 >= 4 * least


class Spread(msgspec.Struct):
    """Count how often a measure had each (quantised) value; at most some thousands of values."""

    counts: dict[int, int] = {}
    total: int = 0

    def add(self, value: int) -> None:
        """Count one value, 0 or more."""
        value = quantised(value)
        self.counts[value] = self.counts.get(value, 0) + 1
        self.total += 1

    def band(self, zeros: int = 0) -> Band:
        """Return median and deviation; `zeros` are further values of 0. At least one value is needed."""
        return band_of((self,), zeros)


def band_of(spreads: Iterable[Spread], zeros: int = 0) -> Band:
    """Return median and deviation of several spreads together. Raises ValueError where all are empty."""
    counts: dict[int, int] = {0: zeros} if zeros else {}
    for spread in spreads:
        for value, count in spread.counts.items():
            counts[value] = counts.get(value, 0) + count
    if not counts:
        raise ValueError("no value, no median")
    median2 = _middle2(counts)
    deviations: dict[int, int] = {}
    for value, count in counts.items():
        off2 = abs(2 * value - median2)
        deviations[off2] = deviations.get(off2, 0) + count
    return Band(median2, _middle2(deviations))


def _middle2(counts: dict[int, int]) -> int:
    """Return twice the median of the values: the sum of the two in the middle."""
    total = sum(counts.values())
    values = sorted(counts)
    ends = list(accumulate(counts[value] for value in values))
    return values[bisect_right(ends, (total - 1) // 2)] + values[bisect_right(ends, total // 2)]
