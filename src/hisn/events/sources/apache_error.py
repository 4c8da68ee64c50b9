"""Read Apache's error log, of versions 1.3 to 2.4.

Fields: ``level``, ``module``, ``pid``, ``tid``, ``c-ip``, ``c-port``, ``message``.  What children
and libraries write beside the server (assertions, backtraces, scripts' errors) has no time and no
fields but ``message``: SigmaHQ's rules look for just such lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hisn.events.lines import block_of, decode, head_lines, numbers_from, share, split_lines
from hisn.events.log_times import asctime, read_all
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.events.source import Parsed

NAME = "apache-error"
KIND = "apache"

_LINE = re.compile(
    r"^\[([A-Z][a-z][a-z] [A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? \d{4})\] "
    r"\[(?:([\w-]{0,64}):)?(\w{1,16})\] (?:\[pid (\d{1,10})(?::tid (\d{1,20}))?\] )?"
    r"(?:\[(?:client|remote) ([^\]\n]{1,80})\] )?([^\n]*)$|^[^\n]*$",
    re.MULTILINE,
)
_NAMES = ("module", "level", "pid", "tid", "c-ip", "c-port", "message")


def _client(text: str, module: str) -> tuple[str | None, str | None]:
    """Split ``192.0.2.1:4022`` or ``2001:db8::7:4022``; Apache 2.2 wrote neither port nor module."""
    host, colon, port = text.rpartition(":")
    if module and colon and host and port.isdigit():
        return host, port
    return text or None, None


class ApacheErrorReader:
    """Parse error log lines; every line is a record."""

    def __init__(self, declaration: Declaration) -> None:
        self._zone_s = declaration.zone_s
        declared = Logsource(declaration.products, declaration.categories, declaration.services)
        self._layout = Layout(KIND, _NAMES, declared=declared, asset=declaration.asset)

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        data, raws = split_lines(lines)
        rows = _LINE.findall(decode(data))
        keep = [bool(raw.strip()) for raw in raws]
        if not any(keep):
            return Parsed(())
        times, module, level, pid, tid, client, message = zip(*rows, strict=True)
        texts = [text if time else decode(raw) for text, time, raw in zip(message, times, raws, strict=True)]
        hosts, ports = zip(*map(_client, client, module), strict=True)
        said = (module, level, pid, tid)
        columns: list[Sequence[Cell]] = [[cell or None for cell in column] for column in said]
        columns += [hosts, ports, texts]
        block = block_of(
            self._layout, numbers=numbers_from(first_number, len(raws)),
            times=read_all(times, len(raws), lambda text: asctime(text, self._zone_s)),
            columns=columns, raws=raws, keep=keep,
        )  # fmt: skip
        return Parsed((block,), (), len(block.numbers))


class ApacheErrorFormat:
    """Recognise and open Apache's error log."""

    name = NAME
    kind = KIND
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Return 0 to 1; a third of the lines with a time is enough: backtraces have none."""
        return min(1.0, 2 * share(head_lines(head), lambda line: _LINE.fullmatch(line)[1]))  # type: ignore[index]

    def open(self, head: bytes, declaration: Declaration) -> ApacheErrorReader:
        """Make a reader; nothing in the head matters to it."""
        del head
        return ApacheErrorReader(declaration)


FORMAT = ApacheErrorFormat()
