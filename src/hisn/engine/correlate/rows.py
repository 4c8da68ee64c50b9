"""Hold the events of one correlation in columns, in one order that no arrival changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hisn.engine.correlate.plan import Column
from hisn.events.batch import Int64s

Array: TypeAlias = npt.NDArray[Any]
Bools: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold n arrivals of events: one for each feed by which a record or an episode comes.

    `sources` int32[n] are codes: from 0 those of `Correlator`'s sources, and -1 - i for episodes of
    correlation i, whose `numbers` are the digests of their groups.  `feeds` int32[n] are positions
    in `Judged.feeds`.  `weights` int32[n] say how much of the lookback an event takes: 1 for a
    record, 1 and the records that it rests on for an episode.  `assets` int64[n] are digests of
    the assets of records.  `columns` are those of `Judged`: int64[n] of digests, or Python numbers
    times `cells.SCALE` (object[n]).
    """

    times: Int64s
    sources: Array
    numbers: Int64s
    feeds: Array
    weights: Array
    assets: Int64s
    columns: tuple[Array, ...]

    def __len__(self) -> int:
        return len(self.times)

    def take(self, chosen: Array | slice) -> Rows:
        """Return some of the rows."""
        return Rows(
            self.times[chosen],
            self.sources[chosen],
            self.numbers[chosen],
            self.feeds[chosen],
            self.weights[chosen],
            self.assets[chosen],
            tuple([column[chosen] for column in self.columns]),
        )

    def sort(self, ranks: Array) -> Rows:
        """Return the rows by (time, source, number, feed), sources by rank (see `ranks_of`)."""
        order = np.lexsort((self.feeds, self.numbers, ranks[self.sources], self.times))
        if bool((np.diff(order) > 0).all()):
            return self
        return self.take(order)

    def first_of_events(self) -> Bools:
        """Tell of sorted rows which are the first of their event."""
        first = np.ones(len(self), np.bool_)
        np.not_equal(self.times[1:], self.times[:-1], out=first[1:])
        first[1:] |= self.numbers[1:] != self.numbers[:-1]
        first[1:] |= self.sources[1:] != self.sources[:-1]
        return first


def no_rows(columns: Sequence[Column]) -> Rows:
    """Return no rows with these columns."""
    times, codes = np.zeros(0, np.int64), np.zeros(0, np.int32)
    empty = tuple([np.zeros(0, object if column.is_number else np.int64) for column in columns])
    return Rows(times, codes, times, codes, codes, times, empty)


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Return the rows of at least one part, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.feeds for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.assets for part in parts]),
        tuple([np.concatenate(columns) for columns in zip(*[part.columns for part in parts], strict=True)]),
    )


def ranks_of(sources: Sequence[str], correlations: int) -> Array:
    """Return the rank of each source code: sources by name, then episodes by correlation.

    Codes of episodes are negative: they find their rank from the end.
    """
    ranks = np.empty(len(sources) + correlations, np.int32)
    order = sorted(range(len(sources)), key=sources.__getitem__)
    ranks[order] = np.arange(len(sources), dtype=np.int32)
    ranks[len(sources) :] = np.arange(len(ranks) - 1, len(sources) - 1, -1, dtype=np.int32)
    return ranks
