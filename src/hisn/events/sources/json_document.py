"""Read JSON arrays, single documents, and pretty-printed documents one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.schema import Declaration, Unparsed
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import JsonLinesReader, decode_line, wrapper_of
from hisn.events.sources.json_rows import RowReader
from hisn.events.stretches import stretches

_BLANK = " \t\r\n,\x00\x1e"
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonDocumentFormat:
    """Describe JSON that is not one object a line."""

    name = "json"
    kind = "json"

    def sniff(self, head: bytes) -> float:
        """Tell whether the head begins like an array or an object."""
        text = head.lstrip(b" \t\r\n")
        rest = text[1:].lstrip(b" \t\r\n")
        if text.startswith(b"["):
            return 0.7 if not rest or rest[:1] in b"{[]" else 0.0
        return 0.6 if text.startswith(b"{") and (not rest or rest[:1] in b'"}') else 0.0

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read all documents; numbers count the records. Raises InputError (E2011) if too large."""
        if _is_lines(stream.read(limits.MAX_LINE_BYTES + 1)):
            # A first line longer than the head hid that this is JSON lines, of any size.
            stream.seek(0)
            lines = JsonLinesReader(declaration)
            for stretch in stretches(stream):
                parsed = lines.parse(stretch.lines, stretch.first_number)
                yield Parsed(parsed.blocks, (*stretch.holes, *parsed.unparsed), parsed.records)
            return
        stream.seek(0)
        data = stream.read(limits.MAX_DOCUMENT_BYTES + 1)
        if len(data) > limits.MAX_DOCUMENT_BYTES:
            size = limits.MAX_DOCUMENT_BYTES // limits.MiB
            hint = "write it as one object per line (for example: jq -c '.[]')"
            raise InputError("E2011", f"a JSON document of more than {size} MiB", hint=hint)
        stretch_of_records = _Stretch(declaration)
        for record in _records(data):
            stretch_of_records.add(record)
            if stretch_of_records.size_bytes >= limits.CHUNK_BYTES:
                yield stretch_of_records.parsed()
        if stretch_of_records.size_bytes or stretch_of_records.holes:
            yield stretch_of_records.parsed()


class _Stretch:
    """Collect records of about two megabytes of text and number them."""

    def __init__(self, declaration: Declaration) -> None:
        self._rows = RowReader(declaration)
        self._number = 1
        self._records: list[Any] = []
        self._numbers: list[int] = []
        self._raws: list[bytes] = []
        self.holes: list[Unparsed] = []
        self.size_bytes = 0

    def add(self, raw: bytes | Unparsed) -> None:
        """Take the text of one record, or a hole."""
        if isinstance(raw, Unparsed):
            self.holes.append(Unparsed(raw.reason, self._number, raw.offset))
            self._number += 1
            return
        try:
            if len(raw) > limits.MAX_LINE_BYTES:
                raise ValueError("record too long")
            self._records.append(decode_line(raw))
        except ValueError as error:
            self.holes.append(Unparsed(str(error), self._number))
        else:
            self._numbers.append(self._number)
            self._raws.append(raw)
            self.size_bytes += len(raw)
        self._number += 1

    def parsed(self) -> Parsed:
        """Return what was collected, and begin again."""
        parsed = self._rows.read(self._records, self._numbers, self._raws)
        holes = tuple(self.holes)
        self._records, self._numbers, self._raws, self.holes, self.size_bytes = [], [], [], [], 0
        return Parsed(parsed.blocks, (*holes, *parsed.unparsed), parsed.records)


def _is_lines(head: bytes) -> bool:
    """Tell whether the first line is a whole object that is a record itself."""
    line, newline, _ = head.lstrip().partition(b"\n")
    if not newline or not line.startswith(b"{"):
        return False
    try:
        value = decode_line(line)
    except ValueError:
        return False
    return isinstance(value, dict) and wrapper_of(value) is None


def _records(data: bytes) -> Iterator[bytes | Unparsed]:
    """Yield the text of each record of all documents; a damaged document as a hole."""
    try:
        yield from _of_document(data)
    except (ValueError, RecursionError):
        text = data.decode("utf-8", "replace")
        for document in _documents(text):
            if isinstance(document, Unparsed):
                yield document
                continue
            raw = document.encode("utf-8", "replace")
            try:
                yield from _of_document(raw)
            except (ValueError, RecursionError):
                yield raw


def _of_document(data: bytes) -> list[bytes]:
    """Return the texts of the records in one document. Raises ValueError if it is not one."""
    text = data.lstrip()
    if text.startswith(b"["):
        return [bytes(item) for item in _ARRAY.decode(text)]
    members = _OBJECT.decode(text)
    wrapper = None
    if len(members) < 8:
        wrapper = wrapper_of({name: _shallow(bytes(raw)) for name, raw in members.items()})
    if wrapper is None:
        return [text]
    return [bytes(item) for item in _ARRAY.decode(members[wrapper])]


def _shallow(raw: bytes) -> Any:
    """Return a list with one item of each sort, or None: enough to see a wrapper."""
    if not raw.startswith(b"["):
        return None
    items = _ARRAY.decode(raw)
    return [{} if bytes(item).startswith(b"{") else None for item in items]


def _documents(text: str) -> Iterator[str | Unparsed]:
    """Yield the text of each document; behind a damaged one, go on at the next line that opens one."""
    decoder = json.JSONDecoder(strict=False, parse_float=str, parse_constant=str, parse_int=str)
    at = 0
    while True:
        while at < len(text) and text[at] in _BLANK:
            at += 1
        if at >= len(text):
            return
        try:
            _, stop = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else "not JSON"
            yield Unparsed(reason, offset=len(text[:at].encode("utf-8", "replace")))
            found = [place for mark in ("\n{", "\n[") if (place := text.find(mark, at + 1)) != -1]
            if not found:
                return
            at = min(found) + 1
            continue
        yield text[at:stop]
        at = stop


FORMAT = JsonDocumentFormat()
