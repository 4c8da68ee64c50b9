"""Read the times that Unix logs write: access logs, RFC 3164, `asctime`.

Each reader keeps one memo for a stretch: lines of one second share their text, so most look-ups
cost one dictionary access.  A memo lives for one stretch and is bounded by it.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import date

import numpy as np

from hisn.events.batch import NO_TIME, Int64s
from hisn.events.times import EARLIEST, LATEST

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_SECOND_US = 1_000_000

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}


class TimeMemo(dict[str, int]):
    """Remember the instant of each text that was read by one function."""

    def __init__(self, read: Callable[[str], int]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> int:
        time = self[text] = self._read(text)
        return time


def read_all(texts: Iterable[str], count: int, read: Callable[[str], int]) -> Int64s:
    """Return int64[count] of the times of many texts, reading each distinct text once."""
    return np.fromiter(map(TimeMemo(read).__getitem__, texts), np.int64, count)


def civil(year: int, month: int, day: int, of_day_s: int, micros: int = 0) -> int:
    """Return the microseconds since 1970 of a civil date and seconds of its day in UTC, or NO_TIME."""
    if not (1900 <= year <= 2300 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]):
        return NO_TIME
    days = date(year, month, day).toordinal() - _EPOCH_ORDINAL
    time = (days * 86_400 + of_day_s) * _SECOND_US + micros
    return time if EARLIEST <= time < LATEST else NO_TIME


def of_day_s(text: str) -> int | None:
    """Return the seconds of ``HH:MM:SS`` (a leap second counts), or None."""
    hours, minutes, seconds = text[0:2], text[3:5], text[6:8]
    if len(text) != 8 or text[2] != ":" or text[5] != ":":
        return None
    if not (_digits(hours) and _digits(minutes) and _digits(seconds)):
        return None
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 60:
        return None
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def clf_time(text: str) -> int:
    """Read ``17/May/2015:10:05:03 +0000`` (the time of the Common Log Format), or NO_TIME."""
    month = MONTHS.get(text[3:6])
    seconds = of_day_s(text[12:20])
    zone = text[21:]
    if month is None or seconds is None or len(text) != 26 or text[2] + text[6] + text[11] != "//:":
        return NO_TIME
    if not (_digits(text[0:2]) and _digits(text[7:11]) and zone[0] in "+-" and _digits(zone[1:])):
        return NO_TIME
    offset = (int(zone[1:3]) * 3600 + int(zone[3:5]) * 60) * (-1 if zone[0] == "-" else 1)
    return civil(int(text[7:11]), month, int(text[0:2]), seconds - offset)


def bsd_time(text: str, year: int | None, zone_s: int | None) -> int:
    """Read ``Nov  5 20:15:00`` (RFC 3164) in a declared year and zone, or NO_TIME without a year."""
    month = MONTHS.get(text[0:3])
    seconds = of_day_s(text[7:15])
    day = text[4:6].lstrip(" ")
    if year is None or month is None or seconds is None or not _digits(day):
        return NO_TIME
    return civil(year, month, int(day), seconds - (zone_s or 0))


def asctime(text: str, zone_s: int | None) -> int:
    """Read ``Sun Dec 04 04:47:44 2005``, also with a fraction behind the seconds, or NO_TIME."""
    parts = text.split()
    if len(parts) != 5:
        return NO_TIME
    month = MONTHS.get(parts[1])
    clock, _, fraction = parts[3].partition(".")
    seconds = of_day_s(clock)
    if month is None or seconds is None or not (_digits(parts[2]) and _digits(parts[4])):
        return NO_TIME
    micros = int(fraction[:6].ljust(6, "0")) if _digits(fraction) else 0
    return civil(int(parts[4]), month, int(parts[2]), seconds - (zone_s or 0), micros)


def _digits(text: str) -> bool:
    """Tell whether the text is ASCII digits only: `int` alone would take ``+5`` and ``5_0``."""
    return text.isascii() and text.isdigit()
