"""Choose the hasher: the native one where it has been built, else the pure one; the same bytes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

import numpy as np

from hisn.events.schema import Cell, Layout
from hisn.evidence.native.hasher import NativeHasher
from hisn.evidence.native.library import find_library, load_library
from hisn.evidence.pure import PureHasher
from hisn.evidence.rows import Hasher, Rows, slot_plan


@cache
def best_hasher() -> Hasher:
    """Return the fastest hasher that is there; ``HISN_PURE=1`` leaves only the pure one."""
    path = None if os.environ.get("HISN_PURE") == "1" else find_library()
    if path is not None:
        try:
            native = NativeHasher(load_library(path))
        except (OSError, AttributeError):
            return PureHasher()
        if agrees(native):
            return native
    return PureHasher()


def agrees(hasher: Hasher) -> bool:
    """Tell whether a hasher gives what the pure one gives, on a few records that use every part.

    Asked once for each process: a compiler's slip or a bad processor must not end up in a log.
    """
    key, indexes = bytes(range(32)), np.arange(5)
    raws = [b"", b"x" * 47, b"x" * 48, b"line \xff", bytes(500)]
    plan = slot_plan(Layout("generic", ("text", "number"), (("constant", 'a "quoted" one'),)))
    columns: list[Sequence[Cell]] = [
        [0, 1, 2, 3, 4],
        [None, None, "2026-11-03T20:00:00Z", "", None],
        [0, -1, 2**63, ("a", None, 3), ()],
        ["plain", "plain", 'esc\\aped " \n\x00', "ü€😀" * 40, "long " * 300],
    ]
    rows = Rows(plan, key, indexes, columns, raws)
    pure = PureHasher()
    leaves = pure.seal_fields(rows)
    return (
        hasher.seal_fields(rows) == leaves
        and hasher.seal_whole(key, indexes, raws) == pure.seal_whole(key, indexes, raws)
        and hasher.root(leaves) == pure.root(leaves)
    )
