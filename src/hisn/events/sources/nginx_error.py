"""Read nginx's error log.

Fields: ``level``, ``pid``, ``tid``, ``connection``, ``message``, and from the trailer of messages
about a request ``c-ip``, ``server``, ``cs-host``, ``upstream``, ``cs-referer``, ``cs-method``,
``cs-uri``, ``cs-uri-decoded``.
"""

from __future__ import annotations

import re

from hisn.events.lines import block_of, decode, head_lines, holes, numbers_from, share, split_lines
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.events.source import Parsed
from hisn.events.times import parse_times
from hisn.events.urls import decoded, split_request

NAME = "nginx-error"
KIND = "nginx"

_LINE = re.compile(
    r"^(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w{1,16})\] (\d{1,10})#(\d{1,20}): "
    r"(?:\*(\d{1,20}) )?([^\n]*)$|^[^\n]*$",
    re.MULTILINE,
)
# nginx appends these in this order. What stands in quotes before them is the client's text, which
# may imitate them.
_CLIENT = re.compile(r'(?:[^",]|"[^"]*"|,(?! client: ))*+, client: ([^,\s]{1,80})')
_TRAILER = re.compile(r', (server|request|upstream|host|referrer): (?:"([^"]*)"|([^,"]*))')
_NAMES = (
    "level", "pid", "tid", "connection", "message", "c-ip", "server", "cs-host", "upstream", "cs-referer",
    "cs-method", "cs-uri", "cs-uri-decoded",
)  # fmt: skip
_MAX_MESSAGE = 65_536


def _request_of(message: str) -> tuple[Cell, ...]:
    """Return the cells from ``c-ip`` on; nulls for a message that is not about a request."""
    client = _CLIENT.match(message) if len(message) <= _MAX_MESSAGE else None
    if client is None:
        return (None,) * 8
    found = {name: quoted or plain for name, quoted, plain in _TRAILER.findall(message, client.end())}
    method, target, _ = split_request(found["request"]) if "request" in found else (None, None, None)
    return (
        client[1], found.get("server"), found.get("host"), found.get("upstream"), found.get("referrer"),
        method, target, None if target is None else decoded(target),
    )  # fmt: skip


class NginxErrorReader:
    """Parse error log lines."""

    def __init__(self, declaration: Declaration) -> None:
        self._zone_s = declaration.zone_s
        declared = Logsource(declaration.products, declaration.categories, declaration.services)
        self._layout = Layout(KIND, _NAMES, declared=declared, asset=declaration.asset)

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        data, raws = split_lines(lines)
        rows = _LINE.findall(decode(data))
        keep = [bool(row[0]) for row in rows]
        bad = [at for at, raw in enumerate(raws) if not keep[at] and raw.strip()]
        if not any(keep):
            return Parsed((), holes(bad, first_number))
        times, level, pid, tid, connection, message = zip(*rows, strict=True)
        columns = [level, pid, tid, [cell or None for cell in connection], message]
        columns += zip(*map(_request_of, message), strict=True)
        block = block_of(
            self._layout, numbers=numbers_from(first_number, len(raws)),
            times=parse_times([time.replace("/", "-") or None for time in times], self._zone_s),
            columns=columns, raws=raws, keep=keep,
        )  # fmt: skip
        return Parsed((block,), holes(bad, first_number), len(block.numbers))


class NginxErrorFormat:
    """Recognise and open nginx's error log."""

    name = NAME
    kind = KIND
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Return the share of the first lines that are error log lines."""
        return share(head_lines(head), lambda line: _LINE.fullmatch(line)[1])  # type: ignore[index]

    def open(self, head: bytes, declaration: Declaration) -> NginxErrorReader:
        """Make a reader; nothing in the head matters to it."""
        del head
        return NginxErrorReader(declaration)


FORMAT = NginxErrorFormat()
