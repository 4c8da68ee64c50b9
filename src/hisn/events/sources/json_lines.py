"""Read JSON lines: one object per line."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from hisn.core import limits
from hisn.events.schema import Declaration, Unparsed
from hisn.events.source import Parsed
from hisn.events.sources.json_rows import RowReader

_DECODER = msgspec.json.Decoder(float_hook=str)
_MAX_INT_DIGITS = 40
_MAX_WRAPPER_FIELDS = 4
_WRAPPERS = ("Records", "records", "Events", "events", "value", "items", "logEvents")


def wrapper_of(value: dict[str, Any]) -> str | None:
    """Return the name of the list that holds the records, where a document wraps them."""
    if len(value) > _MAX_WRAPPER_FIELDS:
        return None
    for name in _WRAPPERS:
        items = value.get(name)
        if isinstance(items, list) and all(isinstance(item, dict) for item in items):
            return name
    return None


def decode_line(line: bytes) -> Any:
    """Decode one JSON text, forgiving what real programs get wrong. Raises ValueError.

    Invalid UTF-8 and lone surrogates become U+FFFD: the record is judged and its raw bytes stay
    as they are, or one bad byte in a user agent would hide a request.  Raw control characters in
    strings are taken as they are.
    """
    try:
        return _DECODER.decode(line)
    except (ValueError, RecursionError):
        pass
    try:
        text = line.decode("utf-8", "replace")
        value = json.loads(text, strict=False, parse_float=str, parse_constant=str, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        raise ValueError("not JSON") from error
    if b"\\ud" in line or b"\\uD" in line:
        # Only escapes can bring lone surrogates, which no later room could encode.
        return _mend(value)
    return value


class JsonLinesFormat:
    """Describe JSON lines."""

    name = "json-lines"
    kind = "json"
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Tell whether the first line that is not blank is one JSON object."""
        lines = head.lstrip(b"\r\n\t ").split(b"\n", 2)
        first = lines[0].strip()
        if not first.startswith(b"{"):
            return 0.0
        try:
            value = decode_line(first)
        except ValueError:
            # A first line longer than the head, or damaged: the next one decides.
            follows = len(lines) == 1 or lines[1].lstrip().startswith(b'{"')
            return 0.5 if first.startswith(b'{"') and follows else 0.0
        return 0.8 if isinstance(value, dict) and wrapper_of(value) is None else 0.0

    def open(self, head: bytes, declaration: Declaration) -> JsonLinesReader:
        """Make a reader; nothing in the head matters to it."""
        del head
        return JsonLinesReader(declaration)


class JsonLinesReader:
    """Parse whole lines of JSON objects."""

    def __init__(self, declaration: Declaration) -> None:
        self._rows = RowReader(declaration)

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; blank ones are no records."""
        raws = lines.split(b"\n")
        if raws and not raws[-1]:
            raws.pop()
        try:
            records = _DECODER.decode_lines(lines)
        except (ValueError, RecursionError):
            records = None
        # A value may span lines and a line hold two values; then lines and records do not match.
        # Between two lines of objects stands "}\n{", and it stands nowhere else in valid JSON.
        if (
            records is None
            or len(records) != len(raws)
            or lines.count(b"}\n{") + lines.count(b"}\r\n{") != len(raws) - 1
        ):
            return self._parse_each(raws, first_number)
        if _keys_written(lines) != sum(map(len, records)):
            records = [_with_duplicates(record, raw) for record, raw in zip(records, raws, strict=True)]
        return self._rows.read(records, range(first_number, first_number + len(raws)), raws)

    def _parse_each(self, raws: list[bytes], first_number: int) -> Parsed:
        records, numbers, kept, holes = [], [], [], []
        for number, raw in enumerate(raws, first_number):
            if not raw.strip():
                continue
            try:
                if len(raw) > limits.MAX_LINE_BYTES:
                    raise ValueError("line too long")
                records.append(_with_duplicates(decode_line(raw), raw))
            except ValueError as error:
                holes.append(Unparsed(str(error), number=number))
            else:
                numbers.append(number)
                kept.append(raw)
        parsed = self._rows.read(records, numbers, kept)
        if not holes:
            return parsed
        unparsed = sorted((*holes, *parsed.unparsed), key=lambda hole: hole.number or 0)
        return Parsed(parsed.blocks, tuple(unparsed), parsed.records)


def _keys_written(text: bytes) -> int:
    """Return how many keys a JSON text has: a quote and a colon; within a text the quote is escaped."""
    return text.count(b'":') + text.count(b'" :') - text.count(b'\\":') - text.count(b'\\" :')


def _keys_read(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_keys_read(item) for item in value.values() if isinstance(item, (dict, list)))
    if isinstance(value, list):
        return sum(_keys_read(item) for item in value if isinstance(item, (dict, list)))
    return 0


def _with_duplicates(value: Any, raw: bytes) -> Any:
    """Return the record; a key that was written twice holds both values.

    Decoders keep the last one silently, so an attacker who controls a later field hides an
    earlier one of the same name.
    """
    if not isinstance(value, dict) or _keys_written(raw) <= _keys_read(value):
        return value
    text = raw.decode("utf-8", "replace")
    merged = json.loads(
        text, strict=False, parse_float=str, parse_constant=str, parse_int=_integer, object_pairs_hook=_merged
    )
    return _mend(merged)


def _merged(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        for name in record:
            values = [value for key, value in pairs if key == name]
            if len(values) > 1:
                record[name] = values
    return record


def _integer(text: str) -> int | str:
    """Keep absurdly long integers as text: converting them takes quadratic time."""
    return int(text) if len(text) <= _MAX_INT_DIGITS else text


def _mend(value: Any) -> Any:
    """Replace lone surrogates by U+FFFD in all texts of a value."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mend(item) for item in value]
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    return value


FORMAT = JsonLinesFormat()
