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
from hisn.engine.correlate.evidence import Evidence, First, Records, Snapshot
from hisn.engine.correlate.plan import STATE_VERSION
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
        _Reader(correlator).read(state)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
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
                for digest in sorted(correlator.texts_in_use())
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
            rows.assets.astype(_INT64).tobytes(),
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

    def _first(self, first: First) -> list[Plain]:
        return [first[0], int(self._new_codes[first[1]]), first[2], first[3]]

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


class _Reader:
    """Read the parts of a state; codes are looked at, because what they point to must be there."""

    def __init__(self, correlator: Correlator) -> None:
        self._correlator = correlator

    def read(self, state: list[Any]) -> None:
        correlator = self._correlator
        _version, _digest, watermark, names, texts, unplaced, streams = state
        correlator.watermark = _int64(watermark)
        for name in names:
            correlator.code_of(unpacked_text(name))
        for digest, parts in texts:
            correlator.intake.texts[_int64(digest)] = tuple([unpacked_text(part) for part in parts])
        for rule, source, untimed, late in unplaced:
            correlator.unplaced[int(rule), unpacked_text(source)] = [int(untimed), int(late)]
        for stream, packed in zip(correlator.streams, streams, strict=True):
            self._stream(stream, packed)

    def _stream(self, stream: Stream, packed: Sequence[Any]) -> None:
        held, waiting, still_open, closed, snapshots, losses, dropped = packed
        for time, source, number, records, lost, first in snapshots:
            snapshot = Snapshot(self._records(records), frozenset(self._pairs(lost)), self._first(first))
            stream.snapshots[int(time), int(source), int(number)] = snapshot
        for each, put in ((held, stream.fill), (waiting, stream.waiting.put)):
            rows = self._rows(each, stream)
            if len(rows):
                put(rows)
        if not stream.snapshot_keys() <= stream.snapshots.keys():
            raise ValueError("an episode without its records")
        for each in (*still_open, *closed):
            growing, is_changed = self._growing(each, stream)
            stream.restore(growing, is_changed=is_changed)
        stream.losses = Losses(*[int(count) for count in losses])
        count, since = dropped
        stream.waiting.dropped, stream.waiting.dropped_from = int(count), since and int(since)

    def _rows(self, packed: Sequence[Any], stream: Stream) -> Rows:
        times, sources, numbers, feeds, weights, assets, packed_columns = packed
        rows = Rows(
            _array(times, _INT64),
            self._sources(sources),
            _array(numbers, _INT64),
            _within(_array(feeds, _INT32), 0, len(stream.judged.feeds)),
            _within(_array(weights, _INT32), 1, 1 << 31),
            _array(assets, _INT64),
            tuple(
                [
                    _read_numbers(each) if column.is_number else _array(each, _INT64)
                    for column, each in zip(stream.judged.columns, packed_columns, strict=True)
                ]
            ),
        )
        others = (rows.sources, rows.numbers, rows.feeds, rows.weights, rows.assets, *rows.columns)
        if {len(each) for each in others} != {len(rows)} or bool((np.diff(rows.times) < 0).any()):
            raise ValueError("columns that do not fit together")
        return rows

    def _sources(self, data: bytes) -> Array:
        codes = _array(data, _INT32)
        return _within(codes, -len(self._correlator.streams), len(self._correlator.sources))

    def _growing(self, packed: Sequence[Any], stream: Stream) -> tuple[Growing, bool]:
        key, fired, last, first, count, value, extreme, records, lost, is_full, is_closed, is_changed = packed
        texts = self._correlator.intake.texts
        if len(texts[key]) != len(stream.judged.group_by) or len(texts[first[3]]) != 1:
            raise ValueError("texts of something else")
        evidence = Evidence(stream.bounds.named)
        evidence.add(self._records(records))
        evidence.lost |= self._pairs(lost)
        evidence.is_full |= bool(is_full)
        growing = Growing(
            key=_int64(key),
            fired=_int64(fired),
            last=_int64(last),
            first=self._first(first),
            count=int(count),
            value=Fraction(str(value)),
            extreme=Fraction(str(extreme)),
            evidence=evidence,
            is_closed=bool(is_closed),
        )
        return growing, bool(is_changed)

    def _records(self, packed: Sequence[Any]) -> Records:
        sources, rules, numbers = packed
        digests = self._correlator.plan.rule_digests
        records = Records(
            self._sources(sources), _within(_array(rules, _INT32), 0, len(digests)), _array(numbers, _INT64)
        )
        if {len(records.sources), len(records.rules)} != {len(records)}:
            raise ValueError("columns that do not fit together")
        return records

    def _pairs(self, packed: Sequence[Any]) -> set[tuple[int, int]]:
        sources, digests = self._correlator.sources, self._correlator.plan.rule_digests
        return {(range(len(sources))[int(source)], range(len(digests))[int(rule)]) for source, rule in packed}

    def _first(self, packed: Sequence[Any]) -> First:
        time, source, number, asset = packed
        code = range(len(self._correlator.sources))[int(source)]
        return _int64(time), code, _int64(number), _int64(asset)


def _array(data: bytes, kind: np.dtype[Any]) -> Array:
    # A copy: what is read from bytes cannot be written to.
    return np.frombuffer(data, kind).astype(kind.newbyteorder("="))


def _within(codes: Array, low: int, high: int) -> Array:
    if len(codes) and not low <= int(codes.min()) <= int(codes.max()) < high:
        raise ValueError("a code of nothing")
    return codes


def _int64(value: Any) -> int:
    return int(np.int64(value))


def _read_numbers(packed: Sequence[str | None]) -> Array:
    column = np.empty(len(packed), object)
    column[:] = [None if number is None else int(number) for number in packed]
    return column
