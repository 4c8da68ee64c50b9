"""Read what the operator says on the command line into typed values."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hisn.core.instant import Instant, instant_of
from hisn.core.place import Place
from hisn.errors import InputError, UsageError
from hisn.events.declare import Declarations, parse_declarations, parse_zone
from hisn.events.schema import Declaration

if TYPE_CHECKING:
    from hisn.elections.countries import Countries
    from hisn.elections.phases import ElectionCalendar

_NUMBERS = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_MOST_NUMBERS = 100_000


def parse_moment(text: str) -> Instant:
    """Parse an ISO date or date and time; without a zone it is UTC. Raises UsageError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "E1003", f"not a time: {text!r}", hint="write 2026-11-03T20:00 or 2026-11-03T20:00+01:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return instant_of(moment)


def zone_of(text: str) -> int:
    """Return an offset from UTC in seconds. Raises UsageError; names of zones are not taken."""
    try:
        return parse_zone(text)
    except InputError as error:
        raise UsageError("E1004", f"not an offset from UTC: {text!r}", hint=error.hint) from None


def declarations_from(path: str | None, year: int | None, zone_s: int | None) -> Declarations:
    """Join the declarations file with the assumptions on the command line, which are the default."""
    default = Declaration(year=year, zone_s=zone_s)
    if path is None:
        return Declarations(default=default)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(
            "E1007",
            f"cannot read the declarations: {error.strerror}",
            place=Place(path),
            hint="check --sources",
        ) from error
    return parse_declarations(data, path, default=default)


def phases_from(
    calendar: str | None, countries: str | None
) -> tuple[ElectionCalendar | None, Countries | None]:
    """Read an election calendar and open a country database, which is of use with a calendar only.

    Raises UsageError (E1008), InputError (E2650 to E2672).
    """
    if calendar is None:
        if countries is not None:
            raise UsageError(
                "E1008",
                "--countries is of use with --calendar only",
                hint="give a calendar, or leave --countries out",
            )
        return None, None
    from hisn.elections.calendar import load_calendar
    from hisn.elections.countries import Countries

    return load_calendar(Path(calendar)), Countries(Path(countries)) if countries else None


def numbers_in(text: str) -> tuple[int, ...]:
    """Return the record numbers of ``3,7,100-120``, ascending. Raises UsageError."""
    found: set[int] = set()
    for part in text.split(","):
        match = _NUMBERS.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not first <= last < first + _MOST_NUMBERS:
            raise UsageError("E1313", f"not record numbers: {part.strip()!r}", hint="write 3,7 or 100-120")
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def address_in(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[::1]:port``. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise UsageError("E1304", f"not an address: {text!r}", hint="write 127.0.0.1:8470 or [::1]:8470")
    return host.strip("[]"), int(port)
