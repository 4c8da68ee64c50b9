"""Read whole sources the way the front end does, for the tests of single formats."""

from __future__ import annotations

import io

from hisn.events.mapping import load_mapping
from hisn.events.schema import Cell, Declaration, Logsource, Unparsed
from hisn.events.source import DocumentFormat, LineFormat, Parsed

Found = tuple[int, int, dict[str, Cell]]
"""Record number, time in microseconds, fields."""


def parse(
    form: LineFormat | DocumentFormat, data: bytes, declaration: Declaration | None = None
) -> list[Parsed]:
    """Read a source in one stretch."""
    declared = declaration or Declaration()
    if hasattr(form, "open"):
        return [form.open(data[:65536], declared).parse(data, 1)]
    return list(form.read(io.BytesIO(data), declared))


def records(
    form: LineFormat | DocumentFormat, data: bytes, declaration: Declaration | None = None
) -> list[Found]:
    """Return all records in the order of their numbers."""
    found = [
        (int(block.numbers[row]), int(block.times[row]), block.fields(row))
        for parsed in parse(form, data, declaration)
        for block in parsed.blocks
        for row in range(len(block.numbers))
    ]
    return sorted(found, key=lambda item: item[0])


def holes(form: LineFormat | DocumentFormat, data: bytes) -> list[Unparsed]:
    """Return all holes."""
    return [hole for parsed in parse(form, data) for hole in parsed.unparsed]


def logsource(form: LineFormat | DocumentFormat, data: bytes) -> Logsource:
    """Return the log sources of the first block under the bundled mapping."""
    return load_mapping().shape(parse(form, data)[0].blocks[0].layout).logsource


def mapped(form: LineFormat | DocumentFormat, data: bytes) -> dict[str, Cell]:
    """Return the first record of the first block under all names that rules may use."""
    return load_mapping().record(parse(form, data)[0].blocks[0], 0)
