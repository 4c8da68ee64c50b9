"""Read what the operator says on the command line into typed values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hisn.core.instant import Instant, instant_of
from hisn.errors import InputError, Place, UsageError
from hisn.events.declare import Declarations, parse_declarations, parse_zone
from hisn.events.schema import Declaration


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
