"""Pack all that a correlator holds, so that the same state gives the same bytes.

Codes of sources follow the order in which they came; in the bytes they follow the names, and
sources that nothing held comes from are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from hisn.core.packed import Plain, damaged, pack, packed_text, unpack, unpacked_text
from hisn.engine.correlate.evidence import Evidence, Records, Snapshot
from hisn.engine.correlate.plan import STATE_VERSION, Column
from hisn.engine.correlate.rows import Array, Rows
from hisn.engine.correlate.stream import Growing, Losses, Stream

if TYPE_CHECKING:
    from hisn.engine.correlate.correlator import Correlator

_INT32, _INT64 = np.dtype("<i4"), np.dtype("<i8")


def dump(correlator: Correlator) -> bytes:
    """Return the state of a correlator."""
    return pack(_Writer(correlator).state())


def load(correlator: Correlator, data: bytes) -> None:
    """Fill a new correlator with a state. Raises StorageError E5600: damaged, or of other rules."""
    state = unpack(data)
    try:
        if not isinstance(state, list) or state[:2] != [STATE_VERSION, correlator.plan.digest]:
            raise damaged()
        _read(correlator, state)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError) as error:
        raise damaged() from error


class _Writer:
    def __init__(self, correlator: Correlator) -> None:
        self._correlator = correlator
        self._waiting = [stream.waiting.rows(correlator.ranks()) for stream in correlator.streams]
        used = np.unique(np.concatenate([np.zeros(0, np.int64), *self._codes()]))
        names = sorted(correlator.sources[code] for code in used.tolist() if code >= 0)
        self._names = names
        places = {name: place for place, name in enumerate(names)}
        # As in `ranks_of`: codes of episodes stay what they are, and are found from the end.
        kept = [places.get(name, -1) for name in correlator.sources]
        self._new_codes = np.array([*kept, *range(-len(correlator.streams), 0)], np.int32)

    def _codes(self) -> Iterator[Array]:
        for stream, waiting in zip(self._correlator.streams, self._waiting, strict=True):
            yield stream.log.rows.sources
            yield waiting.sources
            for growing in (*stream.open.values(), *stream.done):
                yield growing.evidence.whole().sources
                yield np.array([growing.first[1], *(source for source, _ in growing.evidence.lost)])
            for key in stream.snapshot_keys():
                snapshot = stream.snapshots[key]
                yield snapshot.records.sources
                yield np.array([snapshot.first[1], *(source for source, _ in snapshot.lost)])

    def state(self) -> list[Plain]:
        correlator = self._correlator
        texts = correlator.intake.texts
        return [
            STATE_VERSION,
            correlator.plan.digest,
            correlator.watermark,
            [packed_text(name) for name in self._names],
            [
                [digest, [packed_text(text) for text in texts[digest]]]
                for digest in sorted(correlator.groups_in_use())
                if digest in texts
            ],
            [
                [rule, packed_text(source), *counts]
                for (rule, source), counts in sorted(correlator.unplaced.items())
            ],
            [
                self._stream(stream, waiting)
                for stream, waiting in zip(correlator.streams, self._waiting, strict=True)
            ],
        ]

    def _stream(self, stream: Stream, waiting: Rows) -> list[Plain]:
        closed = sorted(stream.done, key=lambda growing: (growing.fired, growing.key))
        losses = stream.losses
        return [
            self._rows(stream.log.rows),
            self._rows(waiting),
            [
                self._growing(growing, is_changed=key in stream.changed)
                for key, growing in sorted(stream.open.items())
            ],
            [self._growing(growing, is_changed=True) for growing in closed],
            [[*key, *self._snapshot(stream.snapshots[key])] for key in sorted(stream.snapshot_keys())],
            [losses.without_group, losses.without_value, losses.let_go],
            [stream.waiting.dropped, stream.waiting.dropped_from],
        ]

    def _rows(self, rows: Rows) -> list[Plain]:
        return [
            rows.times.astype(_INT64).tobytes(),
            self._sources(rows.sources),
            rows.numbers.astype(_INT64).tobytes(),
            rows.feeds.astype(_INT32).tobytes(),
            rows.weights.astype(_INT32).tobytes(),
            [_column(column) for column in rows.columns],
        ]

    def _sources(self, codes: Array) -> bytes:
        return self._new_codes[codes].astype(_INT32).tobytes()

    def _growing(self, growing: Growing, *, is_changed: bool) -> list[Plain]:
        evidence = growing.evidence
        return [
            growing.key,
            growing.fired,
            growing.last,
            self._first(growing.first),
            growing.count,
            str(growing.value),
            str(growing.extreme),
            self._records(evidence.whole()),
            self._pairs(evidence.lost),
            evidence.is_full,
            growing.is_closed,
            is_changed,
        ]

    def _snapshot(self, snapshot: Snapshot) -> list[Plain]:
        return [self._records(snapshot.records), self._pairs(snapshot.lost), self._first(snapshot.first)]

    def _first(self, first: tuple[int, int, int]) -> list[Plain]:
        return [first[0], int(self._new_codes[first[1]]), first[2]]

    def _records(self, records: Records) -> list[Plain]:
        return [
            self._sources(records.sources),
            records.rules.astype(_INT32).tobytes(),
            records.numbers.astype(_INT64).tobytes(),
        ]

    def _pairs(self, pairs: set[tuple[int, int]] | frozenset[tuple[int, int]]) -> list[Plain]:
        return [list(pair) for pair in sorted((int(self._new_codes[source]), rule) for source, rule in pairs)]


def _column(column: Array) -> Plain:
    if column.dtype == np.int64:
        return column.astype(_INT64).tobytes()
    # Exact numbers can be longer than what MessagePack holds.
    return [None if number is None else str(number) for number in column.tolist()]


def _read(correlator: Correlator, state: list[Any]) -> None:
    _version, _digest, watermark, names, texts, unplaced, streams = state
    correlator.watermark = int(watermark)
    for name in names:
        correlator.code_of(unpacked_text(name))
    for digest, parts in texts:
        correlator.intake.texts[int(digest)] = tuple([unpacked_text(part) for part in parts])
    for rule, source, untimed, late in unplaced:
        correlator.unplaced[int(rule), unpacked_text(source)] = [int(untimed), int(late)]
    for stream, packed in zip(correlator.streams, streams, strict=True):
        _read_stream(stream, packed)


def _read_stream(stream: Stream, packed: Sequence[Any]) -> None:
    held, waiting, still_open, closed, snapshots, losses, dropped = packed
    judged_already = _read_rows(held, stream.judged.columns)
    if len(judged_already):
        stream.fill(judged_already)
    rows = _read_rows(waiting, stream.judged.columns)
    if len(rows):
        stream.waiting.put(rows)
    for time, source, number, records, lost, first in snapshots:
        stream.snapshots[time, source, number] = Snapshot(
            _read_records(records), frozenset(_read_pairs(lost)), _read_first(first)
        )
    for each in (*still_open, *closed):
        growing, is_changed = _read_growing(each, stream.bounds.named)
        stream.restore(growing, is_changed=is_changed)
    stream.losses = Losses(*losses)
    stream.waiting.dropped, stream.waiting.dropped_from = dropped


def _read_rows(packed: Sequence[Any], columns: Sequence[Column]) -> Rows:
    times, sources, numbers, feeds, weights, packed_columns = packed
    rows = Rows(
        _array(times, _INT64),
        _array(sources, _INT32),
        _array(numbers, _INT64),
        _array(feeds, _INT32),
        _array(weights, _INT32),
        tuple(
            [
                _read_numbers(each) if column.is_number else _array(each, _INT64)
                for column, each in zip(columns, packed_columns, strict=True)
            ]
        ),
    )
    lengths = {len(rows), *map(len, (rows.sources, rows.numbers, rows.feeds, rows.weights, *rows.columns))}
    if len(lengths) > 1:
        raise ValueError("columns of different lengths")
    return rows


def _array(data: bytes, kind: np.dtype[Any]) -> Array:
    # A copy: what is read from bytes cannot be written to.
    return np.frombuffer(data, kind).astype(kind.newbyteorder("="))


def _read_numbers(packed: Sequence[str | None]) -> Array:
    column = np.empty(len(packed), object)
    column[:] = [None if number is None else int(number) for number in packed]
    return column


def _read_growing(packed: Sequence[Any], cap: int) -> tuple[Growing, bool]:
    key, fired, last, first, count, value, extreme, records, lost, is_full, is_closed, is_changed = packed
    evidence = Evidence(cap)
    evidence.add(_read_records(records))
    evidence.lost |= _read_pairs(lost)
    evidence.is_full |= bool(is_full)
    growing = Growing(
        key, fired, last, _read_first(first), count, Fraction(value), Fraction(extreme), evidence, is_closed
    )
    return growing, is_changed


def _read_records(packed: Sequence[Any]) -> Records:
    sources, rules, numbers = packed
    return Records(_array(sources, _INT32), _array(rules, _INT32), _array(numbers, _INT64))


def _read_pairs(packed: Sequence[Any]) -> set[tuple[int, int]]:
    return {(int(source), int(rule)) for source, rule in packed}


def _read_first(packed: Sequence[Any]) -> tuple[int, int, int]:
    time, source, number = packed
    return int(time), int(source), int(number)
