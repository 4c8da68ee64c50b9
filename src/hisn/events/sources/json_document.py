"""Read JSON arrays, single documents, and pretty-printed documents one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.schema import Declaration, Unparsed
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import decode_line
from hisn.events.sources.json_rows import RowReader

_ROWS_TOGETHER = 2_000
_BLANK = " \t\r\n,\x00\x1e"
_WRAPPERS = ("Records", "records", "Events", "events", "value", "hits", "items")


class JsonDocumentFormat:
    """Describe JSON that is not one object a line."""

    name = "json"
    kind = "json"

    def sniff(self, head: bytes) -> float:
        """Tell whether the head begins like an array or an object."""
        text = head.lstrip(b" \t\r\n")
        if text.startswith(b"["):
            rest = text[1:].lstrip(b" \t\r\n")
            return 0.7 if not rest or rest[:1] in b'{["]' else 0.0
        if text.startswith(b"{"):
            rest = text[1:].lstrip(b" \t\r\n")
            return 0.6 if not rest or rest[:1] in b'"}' else 0.0
        return 0.0

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read all documents; numbers count the records. Raises InputError (E2011) if too large."""
        data = stream.read(limits.MAX_DOCUMENT_BYTES + 1)
        if len(data) > limits.MAX_DOCUMENT_BYTES:
            raise InputError(
                "E2011",
                f"a JSON document of more than {limits.MAX_DOCUMENT_BYTES // limits.MiB} MiB",
                hint="write it as one object per line (for example: jq -c '.[]')",
            )
        rows = RowReader(declaration)
        number = 1
        records: list[Any] = []
        raws: list[bytes | str] = []
        holes: list[Unparsed] = []
        for value, raw, place in _documents(data):
            if isinstance(value, Unparsed):
                holes.append(value)
                continue
            for record, text in _unwrapped(value, raw, place):
                records.append(record)
                raws.append(text)
                if len(records) >= _ROWS_TOGETHER:
                    yield _read(rows, records, number, raws, holes)
                    number += len(records)
                    records, raws, holes = [], [], []
        if records or holes:
            yield _read(rows, records, number, raws, holes)


def _read(
    rows: RowReader, records: list[Any], number: int, raws: Sequence[bytes | str], holes: list[Unparsed]
) -> Parsed:
    parsed = rows.read(records, range(number, number + len(records)), raws)
    return Parsed(parsed.blocks, (*holes, *parsed.unparsed), parsed.records)


def _documents(data: bytes) -> Iterator[tuple[Any, str, int]]:
    """Yield (value, text, offset) of each document; a damaged one as `Unparsed`, then go on behind it."""
    try:
        yield decode_line(data), data.decode("utf-8", "replace"), 0
        return
    except ValueError:
        pass
    text = data.decode("utf-8", "replace")
    decoder = json.JSONDecoder(strict=False, parse_float=str, parse_constant=str)
    at = 0
    while True:
        while at < len(text) and text[at] in _BLANK:
            at += 1
        if at >= len(text):
            return
        try:
            value, stop = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else "not JSON"
            yield Unparsed(reason, offset=at, count=1), "", at
            # Documents begin at the start of a line; so does the next one.
            following = min((found for mark in ("\n{", "\n[") if (found := text.find(mark, at + 1)) != -1), default=-1)
            if following == -1:
                return
            at = following + 1
            continue
        yield value, text[at:stop], at
        at = stop


def _unwrapped(value: Any, raw: str, place: int) -> Iterator[tuple[Any, str]]:
    """Yield the records of a document: those of an array, or of the list that wraps them."""
    del place
    items: Any = value
    if isinstance(value, dict):
        items = None
        if len(value) <= 4:
            items = next((value[key] for key in _WRAPPERS if isinstance(value.get(key), list)), None)
        if items is None:
            yield value, raw
            return
    if not isinstance(items, list):
        yield items, raw
        return
    for item in items:
        yield item, json.dumps(item, ensure_ascii=False, separators=(",", ":"))


FORMAT = JsonDocumentFormat()
