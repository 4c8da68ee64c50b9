"""Read an election calendar: a TOML file with phases and polling hours.

::

    format = "hisn-calendar/1"
    election = "Council of the county of Vesna, 3 November 2026"
    zone = "Europe/Zagreb"               # IANA name

    [[phase]]
    name = "voting"                      # one of `phases.PHASES`, in their order
    begins = 2026-11-03T07:00:00+01:00   # with the offset from UTC

    [[polling]]
    opens = 2026-11-03T07:00:00+01:00
    closes = 2026-11-03T20:00:00+01:00

Every time is written with its offset, and the offset must be that of the zone at that time.  A
slip of one hour around a change to winter time would otherwise move the closing of the polls, and
nobody would see it before the night.  Schema: ``docs/reference/schema/calendar.v1.json``.
"""

from __future__ import annotations

import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from hisn.core import limits
from hisn.core.display import shown
from hisn.core.instant import Instant, instant_of
from hisn.core.place import Place
from hisn.elections.phases import PHASES, ElectionCalendar, Phase, Polling
from hisn.elections.toml_lines import TomlLines, parser_place
from hisn.errors import InputError

FORMAT = "hisn-calendar/1"

_NAMES = ", ".join(PHASES)
_CHARS = 200


def load_calendar(path: Path) -> ElectionCalendar:
    """Read an election calendar. Raises InputError (E2650 to E2657)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            "E2657",
            f"cannot read the calendar: {error.strerror}",
            place=Place(str(path)),
            hint="check --calendar",
        ) from error
    return parse_calendar(data, str(path))


def parse_calendar(data: bytes, path: str) -> ElectionCalendar:
    """Parse a calendar. Raises InputError (E2650 to E2656) with the line and what to do."""
    if len(data) > limits.MAX_CALENDAR_BYTES:
        raise InputError("E2650", "not an election calendar: it is too large", hint=_WRITE, place=Place(path))
    try:
        text = data.decode()
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InputError(
            "E2650",
            "not an election calendar: it is not UTF-8",
            hint="save the file as UTF-8",
            place=Place(path, offset=error.start),
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        wrong, line, column = parser_place(str(error))
        raise InputError(
            "E2650", f"not an election calendar: {shown(wrong, _CHARS)}", hint=_WRITE,
            place=Place(path, line, column),
        ) from None  # fmt: skip
    return _Reader(document, TomlLines(text), path).read()


_WRITE = "write it as docs/howto/describe-your-election-calendar.md shows"


@dataclass(frozen=True, slots=True)
class _At:
    """Point to a key of the document."""

    key: str
    table: str = ""
    at: int = 0


class _Reader:
    def __init__(self, document: dict[str, Any], lines: TomlLines, path: str) -> None:
        self._document = document
        self._lines = lines
        self._path = path

    def read(self) -> ElectionCalendar:
        document = self._document
        self._known(document, {"format", "election", "zone", "phase", "polling"}, _At(""))
        if self._text(document, _At("format")) != FORMAT:
            self._refuse("E2651", "the format is not one that this version reads",
                         f'write format = "{FORMAT}"', _At("format"))  # fmt: skip
        election = self._text(document, _At("election"))
        zone_name = self._text(document, _At("zone"))
        zone = self._zone(zone_name)
        phases = self._phases(zone)
        return ElectionCalendar(election, zone_name, phases, self._polling(zone, phases))

    def _phases(self, zone: zoneinfo.ZoneInfo) -> tuple[Phase, ...]:
        phases: list[Phase] = []
        for at, table in enumerate(self._tables("phase", required=True)):
            self._known(table, {"name", "begins"}, _At("", "phase", at))
            name = self._text(table, _At("name", "phase", at))
            if name not in PHASES:
                self._refuse("E2652", f"there is no phase {shown(name, _CHARS)!r}",
                             f"one of: {_NAMES}", _At("name", "phase", at))  # fmt: skip
            phases.append(Phase(name, self._instant(table, _At("begins", "phase", at), zone)))
        for at, (before, phase) in enumerate(pairwise(phases), 1):
            if PHASES.index(phase.name) <= PHASES.index(before.name):
                self._refuse("E2652", f"the phase {phase.name} cannot come after {before.name}",
                             f"write each phase once, in this order: {_NAMES}",
                             _At("name", "phase", at))  # fmt: skip
            if phase.begins <= before.begins:
                self._refuse("E2652", f"the phase {phase.name} does not begin after {before.name}",
                             "correct one of the two times", _At("begins", "phase", at))  # fmt: skip
        return tuple(phases)

    def _polling(self, zone: zoneinfo.ZoneInfo, phases: tuple[Phase, ...]) -> tuple[Polling, ...]:
        polling: list[Polling] = []
        voting = [
            (phase.begins, after.begins if after else None)
            for phase, after in zip(phases, (*phases[1:], None), strict=True)
            if phase.name in ("early_voting", "voting")
        ]
        for at, table in enumerate(self._tables("polling")):
            self._known(table, {"opens", "closes"}, _At("", "polling", at))
            opens = self._instant(table, _At("opens", "polling", at), zone)
            closes = self._instant(table, _At("closes", "polling", at), zone)
            if closes <= opens:
                self._refuse("E2656", "the polls close before they open",
                             "correct one of the two times", _At("closes", "polling", at))  # fmt: skip
            if polling and opens < polling[-1].closes:
                self._refuse("E2656", "the polls open before they have closed",
                             "write the openings in order of time", _At("opens", "polling", at))  # fmt: skip
            if not any(begins <= opens and (end is None or closes <= end) for begins, end in voting):
                self._refuse("E2656", "the polls are open outside the phases voting and early_voting",
                             "the phase must begin when they open or before, and the next one when "
                             "they close or after", _At("opens", "polling", at))  # fmt: skip
            polling.append(Polling(opens, closes))
        return tuple(polling)

    def _zone(self, name: str) -> zoneinfo.ZoneInfo:
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            self._refuse("E2655", f"this machine knows no time zone {shown(name, _CHARS)!r}",
                         "write the IANA name, such as Europe/Zagreb; on a machine without zone data: "
                         "pip install tzdata", _At("zone"))  # fmt: skip

    def _instant(self, table: Mapping[str, Any], where: _At, zone: zoneinfo.ZoneInfo) -> Instant:
        value = self._value(table, where)
        if not isinstance(value, datetime) or value.tzinfo is None:
            self._refuse("E2653", f"{where.key} is no time with an offset from UTC",
                         "write it without quotes and with the offset: 2026-11-03T20:00:00+01:00",
                         where)  # fmt: skip
        try:
            instant = instant_of(value)
            wanted = value.astimezone(zone).utcoffset()
        except OverflowError:
            self._refuse("E2653", f"{where.key} is out of range", "write a year from 1 to 9999", where)
        if value.utcoffset() != wanted:
            self._refuse("E2654", f"{where.key} has the offset {_offset(value.utcoffset())}, but clocks in "
                         f"{zone.key} then show {_offset(wanted)}",
                         "correct the offset (is it summer time?), or bring this machine's zone data "
                         "up to date: pip install --upgrade tzdata", where)  # fmt: skip
        return instant

    def _text(self, table: Mapping[str, Any], where: _At) -> str:
        value = self._value(table, where)
        if not isinstance(value, str) or not value.strip() or len(value) > _CHARS:
            self._refuse("E2651", f"{where.key} is no text of 1 to {_CHARS} characters",
                         f'write {where.key} = "…"', where)  # fmt: skip
        return value

    def _value(self, table: Mapping[str, Any], where: _At) -> object:
        if where.key not in table:
            inside = f" in [[{where.table}]]" if where.table else ""
            self._refuse("E2651", f"{where.key} is missing{inside}", _WRITE, where)
        return table[where.key]

    def _tables(self, name: str, *, required: bool = False) -> list[dict[str, Any]]:
        tables = self._document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._refuse("E2651", f"{name} is no list of tables", f"write [[{name}]]", _At("", name))
        if required and not tables:
            self._refuse("E2651", "the calendar has no phase", "write [[phase]] with name and begins",
                         _At("", name))  # fmt: skip
        if len(tables) > limits.MAX_POLLING_DAYS:
            self._refuse("E2651", f"more than {limits.MAX_POLLING_DAYS} times [[{name}]]",
                         _WRITE, _At("", name))  # fmt: skip
        return tables

    def _known(self, table: Mapping[str, Any], known: set[str], where: _At) -> None:
        for key in table:
            if key not in known:
                self._refuse("E2651", f"the calendar says nothing by {shown(key, _CHARS)!r}",
                             f"known here: {', '.join(sorted(known))}",
                             _At(key, where.table, where.at))  # fmt: skip

    def _refuse(self, code: str, message: str, hint: str, where: _At) -> NoReturn:
        line = self._lines.of(where.key, where.table, where.at)
        raise InputError(code, message, hint=hint, place=Place(self._path, line))


def _offset(offset: timedelta | None) -> str:
    seconds = round((offset or timedelta(0)).total_seconds())
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    return f"{sign}{hours:02}:{rest // 60:02}" + (f":{rest % 60:02}" if rest % 60 else "")
