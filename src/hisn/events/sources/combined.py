"""Read access logs of Apache, nginx and their relatives: common, combined, with a virtual host.

Fields, after the W3C names that SigmaHQ's ``webserver`` rules use: ``c-ip``, ``cs-username``,
``cs-method``, ``cs-uri`` (the target as sent), ``cs-uri-stem``, ``cs-uri-query``, ``cs-version``,
``sc-status``, ``sc-bytes``, ``cs-referer``, ``cs-user-agent``, ``cs-host`` and ``s-port`` where the
line begins with a virtual host, ``x-extra`` for what stands behind, and our own decoded views
``cs-uri-decoded`` and ``cs-referer-decoded``.  ``-`` is null.

``cs-uri-query`` has two values, the query and the whole target: of 113 uses in SigmaHQ's rules 64
look for a path there, the others for a query.  Without a query it is the target alone.

One linear expression is run over a whole stretch.  Lines that it refuses (escapes, spaces in the
user name, requests that are none) are taken apart one by one: a malformed request is a record, a
malformed line is a hole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple

from hisn.events.batch import Block
from hisn.events.lines import block_of, decode, head_lines, holes, numbers_from, share, split_lines
from hisn.events.log_times import clf_time, read_all
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.events.source import Parsed
from hisn.events.times import parse_time
from hisn.events.urls import decoded, split_request, unescape

NAME = "combined"
KIND = "web"

_FRONT = r"([^ \n]+) [^ \n]+ ([^ \\\n]+) \[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
_REQUEST = r'"([A-Za-z]+) ([^" \\\n]+) (HTTP/[\d.]+)" (\d{3}) (\d+|-)'
_AGENT = r' "([^"\\\n]*)" "([^"\\\n]*)"'
_REST = r"(?: ([^\n]*))?$|^[^\n]*$"

# For the lines one by one. A remote user can hold `[` but never an unescaped quote.
_WHEN = re.compile(r'\[([^\]\[\n]{1,64})\] "')
_QUOTED = re.compile(r'([^"\\\n]*(?:\\.[^"\\\n]*)*)"')
_RESULT = re.compile(r" (\d{3}|-) (\d+|-)(?= |$)")
_LOOSE_RESULT = re.compile(r'" (\d{3}|-) (\d+|-)(?= |$)')


class _Row(NamedTuple):
    host: str
    address: str
    user: str
    when: str
    method: str | None
    target: str
    version: str | None
    status: str
    size: str
    referer: str
    agent: str
    extra: str


def _careful(line: str, *, has_host: bool) -> _Row | None:
    """Take one line apart in linear time; None if it is no access log line."""
    when = _WHEN.search(line)
    if when is None:
        return None
    front = line[: when.start()].rstrip(" ").split(" ")
    host = front.pop(0) if has_host and len(front) > 3 else ""
    if len(front) < 3 or not front[0]:
        return None
    quoted = _QUOTED.match(line, when.end())
    result = _RESULT.match(line, quoted.end()) if quoted else None
    if quoted and result:
        request = unescape(quoted[1])
    else:
        # A server that does not escape: the request ends where status and size follow.
        result = _LOOSE_RESULT.search(line, when.end())
        if result is None:
            return None
        request = line[when.end() : result.start()]
    method, target, version = split_request(request)
    referer, agent, extra = _tail(line, result.end())
    # Behind proxies the address is a list ("a, b - user"); the first is the client's.
    address, user = front[0].rstrip(","), " ".join(front[2:])
    return _Row(
        host, address, unescape(user), when[1], method, target, version,
        result[1], result[2], unescape(referer), unescape(agent), extra,
    )  # fmt: skip


def _tail(line: str, at: int) -> tuple[str, str, str]:
    """Return referer, agent and what follows; empty texts where they are missing."""
    found: list[str] = []
    start = at
    while len(found) < 2 and line.startswith(' "', at):
        quoted = _QUOTED.match(line, at + 2)
        if quoted is None:
            break
        found.append(quoted[1])
        at = quoted.end()
    if len(found) < 2:
        return "", "", line[start:].strip()
    return found[0], found[1], line[at:].strip()


def _when_us(text: str) -> int:
    return clf_time(text) if "/" in text[:3] else parse_time(text)


def _null(column: Sequence[str]) -> list[str | None]:
    return [None if text == "-" else text for text in column]


class _Targets(dict[str, tuple[str, Cell, str]]):
    """Remember stem, query and decoded view of each target of a stretch."""

    def __missing__(self, target: str) -> tuple[str, Cell, str]:
        stem, mark, query = target.partition("?")
        parts = self[target] = (stem, (query, target) if mark else target, decoded(target))
        return parts


def _host_and_port(text: str) -> tuple[str, str | None]:
    """Split what ``%v:%p`` wrote: an asset is one host, whatever its ports."""
    host, colon, port = text.rpartition(":")
    return (host, port) if colon and port.isdigit() else (text, None)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _begins_with_host(line: str) -> bool:
    """Tell whether a virtual host stands before the address (``%v:%p %h %l %u %t``)."""
    front = line.partition(" [")[0].split(" ")
    return len(front) == 4 and _is_address(front[1]) and not _is_address(front[0])


class CombinedReader:
    """Parse access log lines whose shape (virtual host, referer) was seen in the head."""

    def __init__(self, *, has_host: bool, has_agent: bool, declaration: Declaration) -> None:
        self._has_host = has_host
        self._has_agent = has_agent
        self._declared = Logsource(declaration.products, declaration.categories, declaration.services)
        self._asset = declaration.asset
        pattern = "^" + (r"([^ \n]+) " if has_host else "()") + _FRONT + _REQUEST
        self._fast = re.compile(pattern + (_AGENT if has_agent else "()()") + _REST, re.MULTILINE)

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        data, raws = split_lines(lines)
        rows: list[_Row | tuple[str | None, ...]] = self._fast.findall(decode(data))
        keep: list[bool] | None = None
        bad: list[int] = []
        for at, row in enumerate(rows):
            if row[1]:
                continue
            keep = keep or [True] * len(rows)
            careful = _careful(decode(raws[at]), has_host=self._has_host)
            if careful is not None:
                rows[at] = careful
                continue
            keep[at] = False
            if raws[at].strip():  # An empty line is neither a record nor a hole.
                bad.append(at)
        block = self._block(list(zip(*rows, strict=True)), raws, first_number, keep)
        count = len(block.numbers)
        return Parsed((block,) if count else (), holes(bad, first_number), count)

    def _block(
        self, cells: list[tuple[str, ...]], raws: list[bytes], first: int, keep: list[bool] | None
    ) -> Block:
        host, address, user, when, method, target, version, status, size, referer, agent, extra = cells
        stems, queries, plain = zip(*map(_Targets().__getitem__, target), strict=True)
        columns: dict[str, Sequence[Cell]] = {
            "c-ip": address, "cs-username": _null(user), "cs-method": method, "cs-uri": target,
            "cs-uri-stem": stems, "cs-uri-query": queries, "cs-uri-decoded": plain,
            "cs-version": version, "sc-status": _null(status), "sc-bytes": _null(size),
        }  # fmt: skip
        if self._has_agent or any(agent):
            columns["cs-referer"] = referers = _null(referer)
            columns["cs-user-agent"] = _null(agent)
            columns["cs-referer-decoded"] = [text and decoded(text) for text in referers]
        if self._has_host:
            columns["cs-host"], columns["s-port"] = zip(*map(_host_and_port, host), strict=True)
        if any(extra):
            columns["x-extra"] = extra
        layout = Layout(KIND, tuple(columns), declared=self._declared, asset=self._asset)
        return block_of(
            layout, numbers=numbers_from(first, len(raws)), times=read_all(when, len(raws), _when_us),
            columns=tuple(columns.values()), raws=raws, keep=keep,
        )  # fmt: skip


class CombinedFormat:
    """Recognise and open access logs."""

    name = NAME
    kind = KIND
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Return the share of the first lines that are access log lines."""
        return share(head_lines(head), lambda line: _careful(line, has_host=False))

    def open(self, head: bytes, declaration: Declaration) -> CombinedReader:
        """Make a reader for the shape that most of the first lines have."""
        lines = head_lines(head)
        hosts = Counter(map(_begins_with_host, lines))
        agents = Counter(bool(row.agent) for line in lines if (row := _careful(line, has_host=False)))
        return CombinedReader(
            has_host=hosts[True] > hosts[False], has_agent=agents[True] >= agents[False],
            declaration=declaration,
        )  # fmt: skip


FORMAT = CombinedFormat()
