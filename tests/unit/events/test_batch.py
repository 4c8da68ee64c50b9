"""Columns give back the records that went in."""

from __future__ import annotations

import numpy as np

from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Layout


def test_rows_are_records() -> None:
    layout = Layout("windows", ("Image", "User"), (("Channel", "Security"),))
    block = Block(
        layout,
        np.array([1, 2], np.int64),
        np.array([0, NO_TIME], np.int64),
        (("a.exe", "b.exe"), (None, 7)),
        (b"{}", b"{}"),
    )
    chunk = Chunk("x.json", "windows", (block,), records=2)
    assert [found.fields(row) for found, row in chunk.rows()] == [
        {"Channel": "Security", "Image": "a.exe", "User": None},
        {"Channel": "Security", "Image": "b.exe", "User": 7},
    ]
