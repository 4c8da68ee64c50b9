"""Turn nested JSON objects into flat records with dotted names, within bounds."""

from __future__ import annotations

from typing import Any

from hisn.core import limits
from hisn.events.schema import Cell, Scalar


class HoleError(Exception):
    """Say why a record cannot be used; the reader makes an `Unparsed` of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def scalar(value: Any) -> Scalar:
    """Return a JSON scalar as a cell: booleans and fractions as they were written."""
    if value is None or type(value) is str or type(value) is int:
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    return str(value)


def flatten(record: dict[str, Any]) -> dict[str, Cell]:
    """Return the record with nested objects as dotted names.

    A list of scalars becomes a tuple.  A list of objects becomes one tuple per dotted name, so
    that a test on the name holds if it holds for one of the objects.  An empty object becomes the
    text ``{}``.  Raises `HoleError` on too much depth or too many fields.
    """
    flat: dict[str, Cell] = {}
    _flatten_into(flat, "", record, 1)
    return flat


def _flatten_into(flat: dict[str, Cell], prefix: str, record: dict[str, Any], depth: int) -> None:
    if depth > limits.MAX_JSON_DEPTH:
        raise HoleError("nested too deeply")
    for key, value in record.items():
        name = prefix + key
        if type(value) is dict:
            if value:
                _flatten_into(flat, name + ".", value, depth + 1)
            else:
                put(flat, name, "{}")
        elif type(value) is list:
            _flatten_list(flat, name, value, depth + 1)
        else:
            put(flat, name, scalar(value))
    if len(flat) > limits.MAX_FIELDS:
        raise HoleError("too many fields")


def _flatten_list(flat: dict[str, Cell], name: str, items: list[Any], depth: int) -> None:
    if depth > limits.MAX_JSON_DEPTH:
        raise HoleError("nested too deeply")
    scalars = []
    for item in items:
        if type(item) is dict:
            _flatten_into(flat, name + ".", item, depth + 1)
        elif type(item) is list:
            _flatten_list(flat, name, item, depth + 1)
        else:
            scalars.append(scalar(item))
    if scalars or not items:
        put(flat, name, tuple(scalars))


def put(flat: dict[str, Cell], name: str, cell: Cell) -> None:
    """Set a field; where the name is taken already, the field gets several values."""
    if name in flat:
        there = flat[name]
        cell = cell if isinstance(cell, tuple) else (cell,)
        cell = (*there, *cell) if isinstance(there, tuple) else (there, *cell)
    flat[name] = cell
