"""Read what the operator says on the command line into typed values."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from hisn.core.instant import Instant, instant_of
from hisn.errors import InputError, Place, UsageError
from hisn.events.declare import Declarations, parse_declarations
from hisn.events.schema import Declaration

_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})")


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


def parse_zone(text: str) -> int:
    """Parse an offset from UTC to seconds. Raises UsageError; names of zones are not taken."""
    if text in ("Z", "UTC"):
        return 0
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        raise UsageError("E1004", f"not an offset from UTC: {text!r}", hint="write Z, +01:00 or -05:00")
    seconds = int(match[2]) * 3600 + int(match[3]) * 60
    return -seconds if match[1] == "-" else seconds


def declarations_from(path: str | None, year: int | None, zone_s: int | None) -> Declarations:
    """Join the declarations file with the assumptions on the command line, which are the default."""
    default = Declaration(year=year, zone_s=zone_s)
    if path is None:
        return Declarations(default=default)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(
            "E1007",
            f"cannot read the declarations: {error.strerror}",
            place=Place(path),
            hint="check --sources",
        ) from error
    return parse_declarations(data, path, default=default)
