"""Hash records to leaves with the native library; whatever it refuses, the pure twin does."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from hisn.events.batch import Int64s
from hisn.evidence.pure import PureHasher
from hisn.evidence.rows import Rows, SlotPlan

_HASH_BYTES = 32
_KEY_BYTES = 32
_DONE, _NO_MEMORY = 0, 1
_ENCODER = msgspec.json.Encoder()


class NativeHasher:
    """Hash with the library; `portable` leaves out what only some processors have."""

    name = "native"

    def __init__(self, library: ctypes.CDLL, *, portable: bool = False) -> None:
        self._library = library
        self._portable = int(portable)
        self._twin = PureHasher()

    def seal_fields(self, rows: Rows) -> bytes:
        """Return the leaf hashes of events sealed field by field."""
        count = len(rows.indexes)
        indexes = np.ascontiguousarray(rows.indexes, np.int64)
        raws, sizes = _pointers(rows.raws, count)
        heads, ends = _joined(rows.plan)
        try:
            values = _ENCODER.encode(rows.columns)
        except UnicodeEncodeError:
            return self._twin.seal_fields(rows)
        out = np.empty(_HASH_BYTES * count, np.uint8)
        failed = self._library.hisn_seal_fields(
            _key(rows.salt_key), indexes.ctypes.data, count, raws, sizes.ctypes.data, rows.plan.kinds, heads,
            ends.ctypes.data, len(rows.plan.kinds), values, len(values), self._portable, out.ctypes.data,
        )  # fmt: skip
        return out.tobytes() if _is_done(failed) else self._twin.seal_fields(rows)

    def seal_whole(self, salt_key: bytes, indexes: Int64s, raws: Sequence[bytes]) -> bytes:
        """Return the leaf hashes of records sealed as wholes."""
        count = len(indexes)
        at = np.ascontiguousarray(indexes, np.int64)
        pointers, sizes = _pointers(raws, count)
        out = np.empty(_HASH_BYTES * count, np.uint8)
        self._library.hisn_seal_whole(
            _key(salt_key),
            at.ctypes.data,
            count,
            pointers,
            sizes.ctypes.data,
            self._portable,
            out.ctypes.data,
        )
        return out.tobytes()

    def root(self, leaf_hashes: bytes) -> bytes:
        """Return the root over leaf hashes."""
        count, rest = divmod(len(leaf_hashes), _HASH_BYTES)
        if not count or rest:
            return self._twin.root(leaf_hashes)
        nodes = np.frombuffer(leaf_hashes, np.uint8).copy()
        out = np.empty(_HASH_BYTES, np.uint8)
        self._library.hisn_root(nodes.ctypes.data, count, self._portable, out.ctypes.data)
        return out.tobytes()


def _is_done(failed: int) -> bool:
    if failed == _NO_MEMORY:
        raise MemoryError
    return failed == _DONE


def _key(key: bytes) -> bytes:
    if len(key) != _KEY_BYTES:
        raise ValueError("a salt key has 32 bytes")
    return key


def _pointers(
    raws: Sequence[bytes], count: int
) -> tuple[ctypes.Array[ctypes.c_char_p], npt.NDArray[np.uint64]]:
    """Return addresses and sizes of records; they live as long as the records do."""
    # ctypes makes a type for every length, which takes longer than filling it: few lengths, then.
    pointers = (ctypes.c_char_p * (1 << count.bit_length()))(*raws)
    return pointers, np.fromiter(map(len, raws), np.dtype(np.uintp), count)


@lru_cache(maxsize=1_024)
def _joined(plan: SlotPlan) -> tuple[bytes, npt.NDArray[np.uint64]]:
    return b"".join(plan.heads), np.cumsum([len(head) for head in plan.heads], dtype=np.uintp)
