r"""Hold what readers of line formats share: decoding, splitting, sampling the head, dropping rows.

A line is what stands between two ``\n`` bytes; a ``\r`` before it belongs to the line break.
U+2028, form feeds and other breaks of Python's `str.splitlines` are text: an attacker who sends
one must not shift our line numbers.

Bytes that are not UTF-8 become their escapes (``\xff``), which is also how web servers write
them.  The raw line keeps the bytes themselves, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress

import numpy as np

from hisn.events.batch import Block, Int64s
from hisn.events.schema import Cell, Layout, Unparsed

_SAMPLE = 50

NO_SUCH_LINE = "line does not have the form of this format"


def decode(data: bytes) -> str:
    r"""Return UTF-8 text; bytes that are none become escapes such as ``\xff``. Never raises."""
    return data.decode("utf-8", "backslashreplace")


def split_lines(data: bytes) -> tuple[bytes, list[bytes]]:
    r"""Return the stretch without its last line break, and its lines.

    ``\r\n`` is one line break.  The text of the stretch has exactly as many ``\n`` as there are
    lines, less one.
    """
    if b"\r\n" in data:
        data = data.replace(b"\r\n", b"\n")
    if data.endswith(b"\n"):
        data = data[:-1]
    return data, data.split(b"\n")


def head_lines(head: bytes, limit: int = _SAMPLE) -> list[str]:
    """Return the first non-empty lines of a head as texts; a last line that was cut is left out."""
    whole, newline, rest = head.rpartition(b"\n")
    data = whole if newline else rest
    lines: list[str] = []
    for line in data.split(b"\n"):
        if line.strip():
            lines.append(decode(line.rstrip(b"\r")))
        if len(lines) == limit:
            break
    return lines


def share(lines: Sequence[str], is_record: Callable[[str], object]) -> float:
    """Return the share (0 to 1) of the lines for which the test gives something true."""
    return sum(1 for line in lines if is_record(line)) / len(lines) if lines else 0.0


def numbers_from(first: int, count: int) -> Int64s:
    """Return int64[count] of consecutive line numbers."""
    return np.arange(first, first + count, dtype=np.int64)


def holes(rows: Sequence[int], first: int, reason: str = NO_SUCH_LINE) -> tuple[Unparsed, ...]:
    """Name the lines (0-based rows of the stretch) that are no records."""
    return tuple(Unparsed(reason, number=first + row) for row in rows)


def block_of(
    layout: Layout,
    *,
    numbers: Int64s,
    times: Int64s,
    columns: Sequence[Sequence[Cell]],
    raws: Sequence[bytes | str],
    keep: Sequence[bool] | None = None,
) -> Block:
    """Make a block, leaving out the rows for which `keep` is false."""
    if keep is None or all(keep):
        return Block(layout, numbers, times, columns, raws)
    mask = np.asarray(keep, dtype=np.bool_)
    kept = [list(compress(column, keep)) for column in columns]
    return Block(layout, numbers[mask], times[mask], kept, list(compress(raws, keep)))
