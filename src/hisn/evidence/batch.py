"""Seal a chunk of a source as one batch: a Merkle tree over its events, in source order.

A batch's boundaries and its tree are functions of the source's bytes and the key alone; how many
processes read, in what order, with which hasher, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hisn.events.batch import Block, Chunk, Int64s
from hisn.events.schema import Layout
from hisn.evidence.disclosure import RAW, Presented, Value, raw_value, slot_count
from hisn.evidence.hasher import best_hasher
from hisn.evidence.pure import event_salts, raw_salt
from hisn.evidence.rows import Hasher, is_writable, raw_bytes, rows_of, sealed_names, time_texts, value_of
from hisn.evidence.sealed_map import RECORD, TIME, SealedMap, present, seal_map
from hisn.tlog.path import node_hash

Mode: TypeAlias = Literal["fields", "whole"]

_BATCH_SALT = b"hisn batch salt/1\n"
_HASH_BYTES = 32
_NONE: Int64s = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """Hold the commitment to one chunk.

    `leaf_hashes`: 32 bytes an event, and `numbers` int64[count]: its record number, in source
    order.  `first_time` and `last_time`: the earliest and latest usable time, microseconds.
    """

    root: bytes
    count: int
    leaf_hashes: bytes
    numbers: Int64s
    first_time: int | None
    last_time: int | None


def salt_key_of(intake_key: bytes, source: str, part: int, ordinal: int) -> bytes:
    """Return the salt key of one batch: of its file's intake key, its source and its place there.

    The source is named, too: the members of an archive share one file and one intake key.
    """
    place = part.to_bytes(8, "big") + ordinal.to_bytes(4, "big") + source.encode("utf-8", "surrogatepass")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_BATCH_SALT + place).derive(intake_key)


def seal_chunk(chunk: Chunk, salt_key: bytes, mode: Mode, hasher: Hasher | None = None) -> SealedBatch:
    """Seal a chunk's records. Every record is in the tree; holes have no leaf."""
    hasher = hasher or best_hasher()
    source = _SourceOrder(chunk)
    seal = _seal_fields if mode == "fields" else _seal_whole
    by_row = np.frombuffer(seal(source, salt_key, hasher), np.uint8)
    leaf_hashes = by_row.reshape(-1, _HASH_BYTES)[source.rows].tobytes()
    usable = source.times[is_writable(source.times)]
    return SealedBatch(
        root=hasher.root(leaf_hashes),
        count=len(source.rows),
        leaf_hashes=leaf_hashes,
        numbers=source.numbers[source.rows],
        first_time=int(usable.min()) if len(usable) else None,
        last_time=int(usable.max()) if len(usable) else None,
    )


def _seal_fields(source: _SourceOrder, salt_key: bytes, hasher: Hasher) -> bytes:
    """Return the leaf hashes of all rows, block by block."""
    texts = time_texts(source.times)
    return b"".join(
        hasher.seal_fields(
            rows_of(block, texts[start:stop], raw_bytes(block.raws), salt_key, source.indexes[start:stop])
        )
        for block, start, stop in source.stretches()
    )


def _seal_whole(source: _SourceOrder, salt_key: bytes, hasher: Hasher) -> bytes:
    """Return the leaf hashes of all rows; to a whole record it is all the same which block it is in."""
    raws = [raw for block, _, _ in source.stretches() for raw in raw_bytes(block.raws)]
    return hasher.seal_whole(salt_key, source.indexes, raws)


class _SourceOrder:
    """Bring the records of all blocks into the order of the source.

    `rows[i]`: the row, counted over all blocks, of event i; `indexes[row]`: the event at a row.
    """

    def __init__(self, chunk: Chunk) -> None:
        self._blocks = chunk.blocks
        self.numbers: Int64s = np.concatenate([_NONE, *(block.numbers for block in chunk.blocks)])
        self.times: Int64s = np.concatenate([_NONE, *(block.times for block in chunk.blocks)])
        self.rows = np.argsort(self.numbers, kind="stable")
        self.indexes: Int64s = np.empty_like(self.rows)
        self.indexes[self.rows] = np.arange(len(self.rows))

    def stretches(self) -> Iterator[tuple[Block, int, int]]:
        """Yield each block with its first row and the row behind its last."""
        start = 0
        for block in self._blocks:
            stop = start + len(block.numbers)
            yield block, start, stop
            start = stop

    def find(self, index: int) -> tuple[Block, int]:
        """Return block and row in it of an event. Raises IndexError."""
        row = int(self.rows[index])
        return next((block, row - start) for block, start, stop in self.stretches() if row < stop)


@dataclass(frozen=True, slots=True)
class ShownFields:
    """Hold an event of which some fields are shown, and its path in the batch's tree."""

    index: int
    presented: Presented
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """Hold an event's whole record with its salt, and its path in the batch's tree."""

    index: int
    record: bytes
    raw_salt: bytes
    path: tuple[bytes, ...]


class OpenBatch:
    """Show events of a batch; made again from the chunk, as it was when it was sealed."""

    def __init__(self, chunk: Chunk, salt_key: bytes, mode: Mode, hasher: Hasher | None = None) -> None:
        self.sealed = seal_chunk(chunk, salt_key, mode, hasher)
        self._order = _SourceOrder(chunk)
        self._salt_key = salt_key
        hashes = self.sealed.leaf_hashes
        self._levels = [[hashes[at : at + _HASH_BYTES] for at in range(0, len(hashes), _HASH_BYTES)]]

    def fields(self, index: int, names: Sequence[str]) -> ShownFields:
        """Show fields of an event by their sealed names. Raises ValueError for one it does not have."""
        return ShownFields(index, present(self.sealed_map(index), names), self._path(index))

    def record(self, index: int) -> ShownRecord:
        """Show an event's whole record."""
        block, row = self._order.find(index)
        (raw,) = raw_bytes(block.raws[row : row + 1])
        return ShownRecord(index, raw, raw_salt(self._salt_key, index), self._path(index))

    def sealed_map(self, index: int) -> SealedMap:
        """Return an event with all its disclosures."""
        block, row = self._order.find(index)
        (raw,) = raw_bytes(block.raws[row : row + 1])
        (time,) = time_texts(block.times[row : row + 1])
        names = sealed_names(block.layout)
        fields: dict[str, Value] = {names[name]: value_of(cell) for name, cell in block.fields(row).items()}
        fields[RAW] = raw_value(raw_salt(self._salt_key, index), raw)
        fields[RECORD] = int(block.numbers[row])
        fields[TIME] = time
        return seal_map(fields, event_salts(self._salt_key, index, slot_count(len(fields))))

    def layout(self, index: int) -> Layout:
        """Return the layout of an event."""
        return self._order.find(index)[0].layout

    def _path(self, index: int) -> tuple[bytes, ...]:
        """Return the path of RFC 6962; the tree is hashed once for all events that are shown."""
        while len(self._levels[-1]) > 1:
            # A node without a right one beside it goes up as it is.
            below = self._levels[-1]
            pairs = [node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)]
            self._levels.append([*pairs, *below[2 * len(pairs) :]])
        beside = ((level, index >> height ^ 1) for height, level in enumerate(self._levels))
        return tuple(level[at] for level, at in beside if at < len(level))
