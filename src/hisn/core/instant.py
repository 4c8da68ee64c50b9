"""Hold points in time: microseconds since 1970 UTC, as plain integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00:00Z; negative before."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MIN_INSTANT = Instant(-62_135_596_800_000_000)
MAX_INSTANT = Instant(253_402_300_799_999_999)


def format_instant(instant: Instant | int) -> str:
    """Return RFC 3339 UTC with microseconds and ``Z``. Raises OverflowError outside years 1 to 9999."""
    moment = _EPOCH + timedelta(microseconds=int(instant))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"


def instant_of(moment: datetime) -> Instant:
    """Return the instant of an aware datetime."""
    delta = moment.astimezone(UTC) - _EPOCH
    return Instant(delta // timedelta(microseconds=1))
