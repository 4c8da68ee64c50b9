"""Read syslog files: RFC 3164, RFC 5424, and rsyslog's ISO 8601 variant of the first.

Fields: ``host``, ``program``, ``pid``, ``message``; ``facility`` and ``severity`` where the line
has a priority; for RFC 5424 ``msgid``, ``structured_data`` as written and each of its parameters
as ``<sd-id>.<name>``; and what `events/programs` reads from sshd, sudo, su, cron and others, and
`events/sysmon_linux` from Sysmon.  The constant ``log_class`` says which of these it is; the mapping
makes log sources of it.

RFC 3164 says neither year nor zone.  The declared year is that of the source's first line.  A line
whose date lies more than 31 days before that of the first line belongs to the year after: one
comparison with the head, so that a source can be cut anywhere.  A source that spans more than
eleven months cannot be told apart this way.  Without a declared year the records have no time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hisn.events.batch import NO_TIME, Block, Int64s
from hisn.events.lines import decode, head_lines, holes, share, split_lines
from hisn.events.log_times import MONTHS, bsd_time, read_all
from hisn.events.programs import fields_of, program_class, read_message
from hisn.events.schema import Cell, Declaration, Layout, Logsource
from hisn.events.source import Parsed
from hisn.events.sysmon_linux import PROGRAM_CLASS as SYSMON
from hisn.events.sysmon_linux import read_event
from hisn.events.times import parse_times

NAME = "syslog"
KIND = "syslog"

_BSD = r"(?:<(\d{1,3})>)?(?:([A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d)|"
_ISO = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?))"
_TAIL = r" ([^ \n]+) (?:([^ \[:\n]{1,128})(?:\[([^\]\n]{0,64})\]: ?|:(?: |$)))?([^\n]*)$"
_LINE = re.compile(r"^" + _BSD + _ISO + _TAIL + r"|^[^\n]*$", re.MULTILINE)

# RFC 5424 section 6. A closing bracket inside a value is escaped, so the end is certain.
_PARAM = r'[^ =\]"\n]{1,32}="[^"\\\n]*(?:\\.[^"\\\n]*)*"'
_STRUCTURED = re.compile(
    r"<(\d{1,3})>\d{1,2} ([^ \n]+) ([^ \n]+) ([^ \n]+) ([^ \n]+) ([^ \n]+) "
    r"(-|(?:\[[^ =\]\"\n]{1,64}(?: " + _PARAM + r")*\])+)(?: ([^\n]*))?"
)
_ELEMENT = re.compile(r"\[([^ =\]\"\n]{1,64})((?: " + _PARAM + r")*)\]")
_NAME_VALUE = re.compile(r' ([^ =\]"\n]{1,32})="([^"\\\n]*(?:\\.[^"\\\n]*)*)"')
_SD_ESCAPE = re.compile(r'\\(["\\\]])')

_FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "security", "console", "solaris-cron", *(f"local{number}" for number in range(8)),
)  # fmt: skip
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_MAX_PRIORITY = 191
_DAYS_BACK = 31
_MAX_LAYOUTS = 256
"""Sets of structured-data names told apart in one stretch; further ones stay text: names are free."""

_BASE = ("host", "program", "pid", "message")
_PRIORITY = ("facility", "severity")
_EXTRA = ("msgid", "structured_data")


def _null(text: str) -> str | None:
    return None if text in ("", "-") else text


def _priority(text: str) -> tuple[str | None, str | None]:
    """Return facility and severity of a priority value (RFC 5424 section 6.2.1)."""
    value = int(text) if text else _MAX_PRIORITY + 1
    if value > _MAX_PRIORITY:
        return None, None
    return _FACILITIES[value >> 3], _SEVERITIES[value & 7]


def _parameters(structured: str) -> dict[str, Cell]:
    """Return the parameters of structured data; a name that comes twice has several values."""
    found: dict[str, Cell] = {}
    for element in _ELEMENT.finditer(structured):
        for name, raw in _NAME_VALUE.findall(element[2]):
            key, value = f"{element[1]}.{name}", _SD_ESCAPE.sub(r"\1", raw)
            before = found.get(key)
            if before is None:
                found[key] = value
            else:
                found[key] = (*(before if isinstance(before, tuple) else (before,)), value)
    return found


class _Said(NamedTuple):
    """Hold what one line says beyond the common parts: RFC 5424's, or an event of Sysmon's."""

    extra: tuple[str | None, str | None] | None
    parameters: Mapping[str, Cell]


class _Key(NamedTuple):
    """Tell the layouts of a stretch apart."""

    log_class: str
    has_priority: bool
    is_structured: bool = False
    event_id: str = ""
    parameters: tuple[str, ...] = ()


_Row = tuple[str, ...]
_NOTHING = _Said(None, {})


class _Stretch:
    """Hold one stretch of lines while it is sorted into layouts."""

    def __init__(self, lines: bytes, first_number: int) -> None:
        data, self.raws = split_lines(lines)
        self.first = first_number
        self.rows: list[_Row] = _LINE.findall(decode(data))
        self.said: dict[int, _Said] = {}
        self.groups: dict[_Key, list[int]] = {}
        self.bad: list[int] = []
        plain: dict[tuple[str, bool], list[int]] = {}
        for at, row in enumerate(self.rows):
            short = (row[4], row[0] != "")
            if short in plain and row[3]:
                plain[short].append(at)
            elif not row[3]:
                self._add_structured(at)
            elif program_class(row[4]) == SYSMON:
                self._add_sysmon(at, _Key(SYSMON, short[1]))
            else:
                plain[short] = self._group(_Key(program_class(row[4]), short[1]))
                plain[short].append(at)

    def _add_structured(self, at: int) -> None:
        raw = self.raws[at]
        match = _STRUCTURED.fullmatch(decode(raw)) if raw.startswith(b"<") else None
        if match is None:
            if raw.strip():
                self.bad.append(at)
            return
        message = (match[8] or "").removeprefix("\ufeff")
        program, pid = ("" if text == "-" else text for text in (match[4], match[5]))
        self.rows[at] = (match[1], "", match[2], match[3], program, pid, message)
        said = self.said[at] = _Said((_null(match[6]), _null(match[7])), _parameters(match[7]))
        # Sysmon's fields would stand beside structured data that it never writes: either, not both.
        self._add(_Key(program_class(program), has_priority=True, is_structured=True), at, said)

    def _add_sysmon(self, at: int, key: _Key) -> None:
        event = read_event(self.rows[at][6])
        if event is None:
            self._add(key, at)
            return
        said = self.said[at] = _Said(None, event[1])
        self._add(key._replace(event_id=event[0]), at, said)

    def _add(self, key: _Key, at: int, said: _Said = _NOTHING) -> None:
        if said.parameters:
            full = key._replace(parameters=tuple(said.parameters))
            if full in self.groups or len(self.groups) < _MAX_LAYOUTS:
                key = full
        self._group(key).append(at)

    def _group(self, key: _Key) -> list[int]:
        return self.groups.setdefault(key, [])


class SyslogReader:
    """Parse syslog lines with the year that the operator declared."""

    def __init__(self, declaration: Declaration, first_day: int | None) -> None:
        """Take the declaration and the day of the year (month * 31 + day) of the first line."""
        self._year = declaration.year
        self._zone_s = declaration.zone_s
        self._first_day = first_day
        self._declared = Logsource(declaration.products, declaration.categories, declaration.services)
        self._asset = declaration.asset

    def parse(self, lines: bytes, first_number: int) -> Parsed:
        """Parse whole lines; see `LineReader`."""
        stretch = _Stretch(lines, first_number)
        blocks = tuple(self._block(stretch, key, ats) for key, ats in stretch.groups.items())
        records = sum(len(block.numbers) for block in blocks)
        return Parsed(blocks, holes(stretch.bad, first_number), records)

    def _block(self, stretch: _Stretch, key: _Key, ats: list[int]) -> Block:
        whole = len(ats) == len(stretch.rows)
        rows = stretch.rows if whole else [stretch.rows[at] for at in ats]
        priority, bsd, iso, host, program, pid, message = zip(*rows, strict=True)
        names, columns = [*_BASE], [host, _nulls(program), _nulls(pid), message]
        constants: list[tuple[str, Cell]] = [("log_class", key.log_class)]
        times = self._times(bsd, iso)
        if key.has_priority:
            names += _PRIORITY
            columns += zip(*map(_priority, priority), strict=True)
        said = [stretch.said[at] for at in ats] if key.is_structured or key.event_id else []
        if key.is_structured:
            names += _EXTRA
            columns += zip(*(line.extra for line in said if line.extra), strict=True)
        if key.event_id:
            constants.append(("EventID", int(key.event_id)))
            exact = parse_times([str(line.parameters.get("SystemTime", "")) for line in said])
            times = np.where(exact == NO_TIME, times, exact)
        names += key.parameters
        columns += [[line.parameters[name] for line in said] for name in key.parameters]
        if own := fields_of(key.log_class):
            names += own
            columns += zip(*(read_message(key.log_class, text) for text in message), strict=True)
        layout = Layout(KIND, tuple(names), tuple(constants), self._declared, self._asset)
        numbers = np.array(ats, np.int64) + stretch.first
        raws = stretch.raws if whole else [stretch.raws[at] for at in ats]
        return Block(layout, numbers, times, columns, raws)

    def _times(self, bsd: Sequence[str], iso: Sequence[str]) -> Int64s:
        if not any(iso):
            return read_all(bsd, len(bsd), self._bsd_time)
        times = parse_times([text or None for text in iso], self._zone_s)
        if any(bsd):
            old = read_all(bsd, len(bsd), self._bsd_time)
            times = np.where(times == NO_TIME, old, times)
        return times

    def _bsd_time(self, text: str) -> int:
        day = _day_of_year(text)
        if day is None or self._year is None:
            return NO_TIME
        is_next = self._first_day is not None and day < self._first_day - _DAYS_BACK
        return bsd_time(text, self._year + is_next, self._zone_s)


def _nulls(texts: Sequence[str]) -> list[str | None]:
    return [text or None for text in texts]


def _day_of_year(text: str) -> int | None:
    """Return month * 31 + day of ``Nov  5 …``: enough to compare dates."""
    month, day = MONTHS.get(text[:3]), text[4:6].strip()
    return month * 31 + int(day) if month and day.isdigit() else None


def _is_syslog(line: str) -> bool:
    match = _LINE.fullmatch(line)
    if match and match[4]:
        # An application's own log can begin with an ISO time, too: ask for a program behind it.
        return match[2][:3] in MONTHS if match[2] else bool(match[5])
    return line.startswith("<") and _STRUCTURED.fullmatch(line) is not None


class SyslogFormat:
    """Recognise and open syslog files."""

    name = NAME
    kind = KIND
    splittable = True

    def sniff(self, head: bytes) -> float:
        """Return the share of the first lines that are syslog lines."""
        return share(head_lines(head), _is_syslog)

    def open(self, head: bytes, declaration: Declaration) -> SyslogReader:
        """Make a reader that knows the date of the first line."""
        matches = (_LINE.fullmatch(line) for line in head_lines(head))
        days = (_day_of_year(match[2]) for match in matches if match and match[2])
        return SyslogReader(declaration, next(days, None))


FORMAT = SyslogFormat()
