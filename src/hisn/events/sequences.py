"""Look at the numbers that election devices give their events: a missing one is a record that is gone.

NIST SP 1500-101 gives every event of a device a ``Sequence``; other programs write the same word.
"""

from __future__ import annotations

from typing import NamedTuple

from hisn.events.batch import Block, Chunk
from hisn.events.schema import Cell

_SEQUENCE = ("sequence", "Sequence")
_DEVICE = ("device_id", "DeviceId", "Device.Id", "deviceId")
_MOST_BREAKS = 100
_MOST_DEVICES = 1_000


class Break(NamedTuple):
    """Say that a record has another number than its device's last one led to expect."""

    record: int
    expected: int
    found: int


class Sequence(NamedTuple):
    """Hold the numbers of one device in a piece: first and last, and the breaks between them."""

    source: str
    device: str
    first: int
    first_record: int
    last: int
    breaks: tuple[Break, ...]


def sequences_of(chunk: Chunk) -> tuple[Sequence, ...]:
    """Return the numbers of each device in a chunk, in the order of its records."""
    rows: list[tuple[int, str, int]] = []
    for block in chunk.blocks:
        rows += _rows(block)
    rows.sort()
    found: dict[str, Sequence] = {}
    for record, device, number in rows:
        known = found.get(device)
        if known is None:
            if len(found) < _MOST_DEVICES:
                found[device] = Sequence(chunk.source, device, number, record, number, ())
            continue
        breaks = known.breaks
        if number != known.last + 1 and len(breaks) < _MOST_BREAKS:
            breaks = (*breaks, Break(record, known.last + 1, number))
        found[device] = known._replace(last=number, breaks=breaks)
    return tuple(found[device] for device in sorted(found))


def _rows(block: Block) -> list[tuple[int, str, int]]:
    names = block.layout.names
    name = next((each for each in _SEQUENCE if each in names), None)
    if name is None:
        return []
    constants = dict(block.layout.constants)
    fixed = next((constants[each] for each in _DEVICE if each in constants), None)
    varying = next((names.index(each) for each in _DEVICE if each in names), None)
    numbers = block.columns[names.index(name)]
    rows = []
    for at, record in enumerate(block.numbers.tolist()):
        number = _whole(numbers[at])
        if number is not None:
            device = block.columns[varying][at] if varying is not None else fixed
            rows.append((record, "" if device is None else str(device)[:100], number))
    return rows


def _whole(cell: Cell) -> int | None:
    if isinstance(cell, int):
        return cell
    if isinstance(cell, str) and cell.isascii() and cell.isdecimal() and len(cell) <= 18:
        return int(cell)
    return None
