"""Name the records that episodes rest on, up to a cap, the first ones first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hisn.engine.correlate.episode import Part
from hisn.engine.correlate.rows import Array
from hisn.events.batch import Int64s

First = tuple[int, int, int, int]
"""Time, source code, number and the asset's digest of a record."""


@dataclass(frozen=True, slots=True)
class Records:
    """Name n records: source codes int32[n], rules by their index int32[n], numbers int64[n]."""

    sources: Array
    rules: Array
    numbers: Int64s

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, chosen: Array | slice) -> Records:
        """Return some of them."""
        return Records(self.sources[chosen], self.rules[chosen], self.numbers[chosen])

    def plain_numbers(self) -> list[int] | None:
        """Return the numbers where they ascend and are of one source and rule: they mostly are."""
        is_plain = (
            len(self) > 0
            and bool((self.sources == self.sources[0]).all())
            and bool((self.rules == self.rules[0]).all())
            and bool((self.numbers[1:] > self.numbers[:-1]).all())
        )
        return self.numbers.tolist() if is_plain else None

    def pairs(self) -> set[tuple[int, int]]:
        """Return the (source, rule)s that occur."""
        both = np.stack((self.sources.astype(np.int64), self.rules.astype(np.int64)))
        return {(source, rule) for source, rule in np.unique(both, axis=1).T.tolist()}

    def distinct(self, ranks: Array) -> Records:
        """Return each record once, sorted by (source, rule, number), sources by rank."""
        order = np.lexsort((self.numbers, self.rules, ranks[self.sources]))
        sources, rules, numbers = self.sources[order], self.rules[order], self.numbers[order]
        is_new = np.ones(len(order), np.bool_)
        is_new[1:] = (sources[1:] != sources[:-1]) | (rules[1:] != rules[:-1]) | (numbers[1:] != numbers[:-1])
        return Records(sources[is_new], rules[is_new], numbers[is_new])


def join_records(parts: Sequence[Records]) -> Records:
    """Return the records of several parts, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        codes = np.zeros(0, np.int32)
        return Records(codes, codes, np.zeros(0, np.int64))
    return Records(
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.rules for part in parts]),
        np.concatenate([part.numbers for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Hold what an episode rested on when it fired, for the correlations that judge it.

    `lost` are (source, rule)s of which not all records are named; `first` is the first of all.
    """

    records: Records
    lost: frozenset[tuple[int, int]]
    first: First


class Evidence:
    """Collect what an open episode rests on."""

    __slots__ = ("_cap", "is_full", "lost", "named", "parts")

    def __init__(self, cap: int) -> None:
        """Take how many records are named at most."""
        self._cap = cap
        self.named = 0
        self.parts: list[Records] = []
        self.is_full = False
        self.lost: set[tuple[int, int]] = set()

    def add(self, records: Records) -> None:
        """Name more records: all, the first of them, or none any more."""
        left = 0 if self.is_full else self._cap - self.named
        if len(records) > left:
            self.lost |= records.take(slice(left, None)).pairs()
            self.is_full = True
            records = records.take(slice(left))
        if len(records):
            self.parts.append(records)
            self.named += len(records)

    def shorten(self, most: int) -> None:
        """Name the first so many only, from now on."""
        whole = join_records(self.parts)
        self.lost |= whole.take(slice(most, None)).pairs()
        kept = whole.take(slice(most))
        # Copies: views would keep all of them in memory.
        self.parts = [Records(kept.sources.copy(), kept.rules.copy(), kept.numbers.copy())]
        self.named = len(kept)
        self.is_full = True

    def whole(self) -> Records:
        """Return all that is named, in the order in which it came."""
        whole = join_records(self.parts)
        self.parts = [whole] if len(whole) else []
        return whole

    def build(self, sources: Sequence[str], rule_digests: Sequence[str]) -> tuple[Part, ...]:
        """Return the parts by (source, rule digest)."""
        whole = self.whole()
        plain = None if self.lost else whole.plain_numbers()
        if plain is not None:
            source, rule = sources[whole.sources[0]], rule_digests[whole.rules[0]]
            return (Part(source, rule, tuple(plain), is_complete=True),)
        records = whole.distinct(np.arange(len(sources)))
        cuts = np.flatnonzero((np.diff(records.sources) != 0) | (np.diff(records.rules) != 0)) + 1
        parts: dict[tuple[int, int], tuple[int, ...]] = dict.fromkeys(self.lost, ())
        starts = [0, *cuts.tolist()] if len(records) else []
        for start, numbers in zip(starts, np.split(records.numbers, cuts), strict=False):
            key = int(records.sources[start]), int(records.rules[start])
            parts[key] = tuple(numbers.tolist())
        return tuple(
            sorted(
                (
                    Part(sources[source], rule_digests[rule], numbers, (source, rule) not in self.lost)
                    for (source, rule), numbers in parts.items()
                ),
                key=lambda part: (part.source, part.rule_digest),
            )
        )
