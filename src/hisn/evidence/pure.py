"""Hash records to leaves in plain Python: what the native hasher must equal, byte for byte.

Salts of an event come from one call: ``SHAKE-256(label ‖ salt key ‖ u64 index)``, cut into 16
bytes for each slot.  Where the standard library works on whole arrays, it is given whole arrays;
what is left for each field is one concatenation and one SHA-256.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from hashlib import sha256, shake_256

import numpy as np

from hisn.events.batch import Int64s
from hisn.events.schema import Cell
from hisn.evidence.disclosure import EVENT_MAGIC, SALT_BYTES, WHOLE_MAGIC, raw_value
from hisn.evidence.rows import Rows, SlotKind, value_json
from hisn.tlog.merkle import root_of

SALT_LABEL = b"hisn salt/1\n"
RAW_SALT_LABEL = b"hisn raw salt/1\n"

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_SALT_CHARS = 22
_START_CHARS = 32
_HASH_BYTES = 32
_ROWS_TOGETHER = 4_096


def event_salts(salt_key: bytes, index: int, slots: int) -> bytes:
    """Return the salts of an event's slots, 16 bytes each."""
    return shake_256(SALT_LABEL + salt_key + index.to_bytes(8, "big")).digest(SALT_BYTES * slots)


def raw_salt(salt_key: bytes, index: int) -> bytes:
    """Return the salt of an event's raw record."""
    return shake_256(RAW_SALT_LABEL + salt_key + index.to_bytes(8, "big")).digest(SALT_BYTES)


class PureHasher:
    """Hash in plain Python."""

    name = "pure"

    def seal_fields(self, rows: Rows) -> bytes:
        """Return the leaf hashes of events sealed field by field."""
        return b"".join(
            self._seal_some(rows, start, min(start + _ROWS_TOGETHER, len(rows.indexes)))
            for start in range(0, len(rows.indexes), _ROWS_TOGETHER)
        )

    def _seal_some(self, rows: Rows, start: int, stop: int) -> bytes:
        slots = len(rows.plan.kinds)
        indexes = rows.indexes[start:stop].tolist()
        starts = text_starts(b"".join(event_salts(rows.salt_key, index, slots) for index in indexes))
        tails = zip(*_tails(rows, start, stop), strict=True)
        width = _START_CHARS * slots
        hashes = []
        for base, row in zip(range(0, width * len(indexes), width), tails, strict=True):
            digests = [
                sha256(starts[at : at + _START_CHARS] + tail).digest()
                for at, tail in zip(range(base, base + width, _START_CHARS), row, strict=True)
            ]
            hashes.append(sha256(b"\0" + EVENT_MAGIC + b"".join(digests)).digest())
        return b"".join(hashes)

    def seal_whole(self, salt_key: bytes, indexes: Int64s, raws: Sequence[bytes]) -> bytes:
        """Return the leaf hashes of records sealed as wholes."""
        prefix = b"\0" + WHOLE_MAGIC
        return b"".join(
            sha256(prefix + sha256(raw_salt(salt_key, index) + raw).digest()).digest()
            for index, raw in zip(indexes.tolist(), raws, strict=True)
        )

    def root(self, leaf_hashes: bytes) -> bytes:
        """Return the root over leaf hashes."""
        return root_of([leaf_hashes[at : at + _HASH_BYTES] for at in range(0, len(leaf_hashes), _HASH_BYTES)])


def text_starts(salts: bytes) -> bytes:
    """Return the first 32 characters of the disclosure text for each salt of 16 bytes."""
    count = len(salts) // SALT_BYTES
    # With two zero bytes behind it, a salt's base64 begins with its own 22 characters.
    padded = np.zeros((count, SALT_BYTES + 2), np.uint8)
    padded[:, :SALT_BYTES] = np.frombuffer(salts, np.uint8).reshape(count, SALT_BYTES)
    chars = np.frombuffer(_base64url(padded.tobytes()), np.uint8).reshape(count, SALT_BYTES + 8)
    opened = np.empty((count, 2 + _SALT_CHARS), np.uint8)
    opened[:, :2] = np.frombuffer(b'["', np.uint8)
    opened[:, 2:] = chars[:, :_SALT_CHARS]
    return _base64url(opened.tobytes())


def _base64url(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE)


def _tail_text(tail: bytes) -> bytes:
    return _base64url(tail).rstrip(b"=")


def _tails(rows: Rows, start: int, stop: int) -> Iterator[Sequence[bytes]]:
    """Yield for each slot the encoded tails of the rows."""
    columns = iter(rows.columns)
    for kind, head in zip(rows.plan.kinds, rows.plan.heads, strict=True):
        if kind == SlotKind.CONSTANT:
            yield [_tail_text(head)] * (stop - start)
        elif kind == SlotKind.RAW:
            yield [
                _tail_text(b'%b"%b"]' % (head, raw_value(raw_salt(rows.salt_key, index), raw).encode()))
                for index, raw in zip(rows.indexes[start:stop].tolist(), rows.raws[start:stop], strict=True)
            ]
        else:
            yield _column_tails(head, next(columns)[start:stop])


def _column_tails(head: bytes, cells: Sequence[Cell]) -> list[bytes]:
    """Return the encoded tails of a column; each distinct value is encoded once."""
    known = {cell: _tail_text(b"%b%b]" % (head, value_json(cell))) for cell in set(cells)}
    return [known[cell] for cell in cells]
