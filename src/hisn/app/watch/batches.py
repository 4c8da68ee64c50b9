"""Remember where the batches stand that a finding may yet rest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hisn.acts.statement import Ref
from hisn.app.sealed import Run, SealedChunk
from hisn.app.sealing import Evidence, Sealed, evidence_of
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.events.batch import Int64s
from hisn.events.tasks import Task
from hisn.findings.model import Finding

_FEW = 256
_NONE = np.zeros(0, np.int64)


class Batches:
    """Hold the newest batches of each source, in the order of the log."""

    def __init__(self) -> None:
        self._batches: dict[str, list[Sealed]] = {}
        self._forget_at = _FEW

    def add(self, chunk: SealedChunk, place: Ref) -> None:
        """Remember a batch; one without events has nothing that a finding could rest on."""
        if chunk.count:
            self._batches.setdefault(chunk.source, []).append(Sealed(_light(chunk), place))

    def evidence(self, finding: Finding) -> tuple[Evidence, ...]:
        """Return the batches that hold a finding's records, with the events in each."""
        return tuple(evidence_of(finding, self._batches))

    def forget(self, horizon_of: Callable[[str], int], needed: Callable[[], Mapping[str, Int64s]]) -> None:
        """Drop batches if there are many: those before the horizon of their source that nobody needs.

        `needed` gives the record numbers, ascending, that something open rests on, by source.
        """
        if len(self) < self._forget_at:
            return
        records = needed()
        for source, several in list(self._batches.items()):
            horizon, numbers = horizon_of(source), records.get(source, _NONE)
            kept = [
                each
                for each in several
                if (each.chunk.last is not None and each.chunk.last >= horizon) or _holds(each, numbers)
            ]
            # Whatever comes next, the last one is behind all that was read.
            self._batches[source] = kept or several[-1:]
        # Looking through them costs: it is done again when there are half as many more.
        self._forget_at = _FEW + len(self) * 3 // 2

    def __len__(self) -> int:
        return sum(map(len, self._batches.values()))

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        rows: list[Plain] = [
            [packed_text(source), [_dump(each) for each in several]]
            for source, several in sorted(self._batches.items())
        ]
        return [self._forget_at, rows]

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        self._forget_at, rows = plain
        for source, several in rows:
            name = unpacked_text(source)
            self._batches[name] = [_load(name, each) for each in several]


def _holds(each: Sealed, numbers: Int64s) -> bool:
    """Tell whether one of ascending record numbers is in a batch."""
    first = int(np.searchsorted(numbers, each.chunk.first_record))
    return first < len(numbers) and int(numbers[first]) <= each.chunk.last_record


def _light(chunk: SealedChunk) -> SealedChunk:
    """Return a batch without what only its own act needs."""
    return SealedChunk(
        Task("", chunk.source),
        chunk.source,
        "",
        chunk.ordinal,
        chunk.root,
        chunk.count,
        chunk.runs,
        chunk.first,
        chunk.last,
        (),
    )


def _dump(each: Sealed) -> Plain:
    chunk, place = each.chunk, each.place
    return [
        [packed_text(place.origin), place.index, place.leaf_hash],
        [chunk.ordinal, chunk.root, chunk.count, chunk.first, chunk.last],
        [list(run) for run in chunk.runs],
    ]


def _load(source: str, plain: Any) -> Sealed:
    (origin, index, leaf), (ordinal, root, count, first, last), runs = plain
    chunk = SealedChunk(
        Task("", source), source, "", ordinal, root, count, tuple(Run(*run) for run in runs), first, last, ()
    )
    return Sealed(chunk, Ref(unpacked_text(origin), index, leaf))
