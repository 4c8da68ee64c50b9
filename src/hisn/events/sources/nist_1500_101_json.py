"""Read NIST SP 1500-101 election event logs in JSON (``EventLogging.ElectionEventLog``).

A document that is whole is decoded at once.  From a damaged or truncated one every event that can
still be decoded is read, and the damage is a hole: a device that loses power writes half a file.
The documentation root (``ElectionEventLogDocumentation``) is the vendor's dictionary and holds no
events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from hisn.core import limits
from hisn.errors import InputError
from hisn.events.election_devices import DEVICE_FIELDS, EVENT_FIELDS, KIND, LOG_FIELDS, named, parse_events
from hisn.events.schema import Cell, Declaration, Unparsed
from hisn.events.source import Parsed
from hisn.events.sources.json_lines import decode_line

NAME = "nist-1500-101-json"

_STRETCH = 8_192
_MAX_RESYNCS = 100
"""Damaged places after which the rest of a document is given up: each costs a look ahead."""

_ROOT = re.compile(rb'"@type"\s*:\s*"EventLogging\.ElectionEventLog"')
_SHAPE = (
    re.compile(rb'"Event"\s*:\s*\[\s*\{'),
    re.compile(rb'"Sequence"\s*:\s*["\d]'),
    re.compile(rb'"TimeStamp"\s*:\s*"'),
    re.compile(rb'"Disposition"\s*:\s*"'),
)
_EVENTS = re.compile(r'"Event"\s*:\s*\[')
_BETWEEN = re.compile(r"\s*,?\s*")
_NEXT_EVENT = re.compile(r"\}\s*,\s*(?=\{)")
_TEXT = re.compile(r'"(\w{1,32})"\s*:\s*"((?:[^"\\]|\\.)*)"')


class _Device(msgspec.Struct):
    Id: Any = None
    Type: Any = None
    OtherType: Any = None
    Manufacturer: Any = None
    Model: Any = None
    Version: Any = None
    Event: list[msgspec.Raw] = []


class _Log(msgspec.Struct):
    GeneratedTime: Any = None
    ElectionId: Any = None
    Device: list[_Device] = []


class NistJsonFormat:
    """Recognise and read election event logs in JSON."""

    name = NAME
    kind = KIND

    def sniff(self, head: bytes) -> float:
        """Return 1 for a JSON object that names the specification's root, or begins like one."""
        if not head.lstrip(b" \t\r\n").startswith(b"{"):
            return 0.0
        if _ROOT.search(head):
            return 1.0
        # Without the types that the schema wants, the shape of an event must do.
        return 0.9 if all(part.search(head) for part in _SHAPE) else 0.0

    def read(self, stream: BinaryIO, declaration: Declaration) -> Iterator[Parsed]:
        """Read a document of bounded size; see `DocumentFormat`."""
        data = stream.read(limits.MAX_DOCUMENT_BYTES + 1)
        if len(data) > limits.MAX_DOCUMENT_BYTES:
            raise InputError("E2051", "document is larger than the limit", hint="split it by device")
        try:
            log = msgspec.json.decode(data, type=_Log)
        except (ValueError, RecursionError) as error:
            yield from _Damaged(data, declaration).read(str(error))
            return
        about = named(LOG_FIELDS, msgspec.structs.asdict(log))
        number = 1
        for device in log.Device:
            around = about | named(DEVICE_FIELDS, msgspec.structs.asdict(device))
            for start in range(0, len(device.Event), _STRETCH):
                raws = [bytes(raw) for raw in device.Event[start : start + _STRETCH]]
                yield _parse(raws, number, around, declaration)
                number += len(raws)


def _parse(raws: Sequence[bytes], first: int, about: dict[str, Cell], declaration: Declaration) -> Parsed:
    events, numbers, kept, holes = [], [], [], []
    for number, raw in enumerate(raws, first):
        try:
            event = named(EVENT_FIELDS, decode_line(raw))
        except (ValueError, AttributeError, TypeError):
            holes.append(Unparsed("not a JSON object", number=number))
            continue
        events.append(event)
        numbers.append(number)
        kept.append(raw)
    parsed = parse_events(events, about, declaration, numbers=numbers, raws=kept)
    return Parsed(parsed.blocks, tuple(holes), parsed.records)


class _Damaged:
    """Read the events of a damaged document one by one; each damaged place is a hole."""

    def __init__(self, data: bytes, declaration: Declaration) -> None:
        self._text = data.decode("utf-8", "replace")
        self._declaration = declaration
        self._decoder = json.JSONDecoder(strict=False)
        self._resyncs = 0

    def read(self, reason: str) -> Iterator[Parsed]:
        about: dict[str, Cell] = {}
        number, end = 1, 0
        for opening in _EVENTS.finditer(self._text):
            if opening.start() < end:
                continue
            before, _, device = self._text[end : opening.start()].rpartition("{")
            about |= named(LOG_FIELDS, dict(_TEXT.findall(before)))
            around = about | named(DEVICE_FIELDS, dict(_TEXT.findall(device)))
            found = list(self._events(opening.end()))
            end = found[-1][1] if found else opening.end()
            raws = [raw for raw, _ in found]
            yield _parse(raws, number, around, self._declaration)
            number += len(raws)
        yield Parsed((), (Unparsed(f"damaged document: {reason}"[:200], number=number, count=0),))

    def _events(self, at: int) -> Iterator[tuple[bytes, int]]:
        """Yield each event that can be decoded, and where it ends."""
        between = _BETWEEN.match(self._text, at)
        while between and self._text.startswith("{", between.end()):
            start = between.end()
            try:
                _, at = self._decoder.raw_decode(self._text, start)
            except (ValueError, RecursionError):
                self._resyncs += 1
                following = _NEXT_EVENT.search(self._text, start)
                if following is None or self._resyncs > _MAX_RESYNCS:
                    return
                at = following.end()
            else:
                yield self._text[start:at].encode("utf-8", "replace"), at
            between = _BETWEEN.match(self._text, at)


FORMAT = NistJsonFormat()
