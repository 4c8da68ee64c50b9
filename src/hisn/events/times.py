"""Read written times into microseconds, many at once.

The accepted forms are those that machines write: RFC 3339 and its looser relatives
(``2024-11-05 20:15:00,123 +0100``, ``2024-11-05T20:15:00.1234567Z``, ``… UTC``) and counts since
1970 in seconds, milli-, micro- or nanoseconds, told apart by magnitude.  A whole column is read
with array arithmetic after one look at its first text; what does not fit that template is read
alone by `parse_time`, which is the specification.

A time outside `EARLIEST` … `LATEST` is absurd: a dead battery (1970), an empty FILETIME (1601) or
an attacker who wants a report over eight thousand years.  It becomes `NO_TIME`, the record is
judged all the same, and coverage counts it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

from hisn.events.batch import NO_TIME, Int64s

EARLIEST = 315_532_800_000_000
"""1980-01-01 UTC in microseconds."""
LATEST = 7_258_118_400_000_000
"""2200-01-01 UTC in microseconds."""

_MAX_TEXT = 64
_FEW = 6
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_US = 86_400_000_000
_FILETIME_EPOCH_US = 11_644_473_600_000_000

# RFC 822 section 5.1 and the European ones, which mean one thing each. All others do not.
_ZONES_S = {
    "Z": 0, "z": 0, "UTC": 0, "GMT": 0, "UT": 0, "WET": 0, "WEST": 3600, "CET": 3600, "CEST": 7200,
    "EET": 7200, "EEST": 10800, "EST": -18000, "EDT": -14400, "CST": -21600, "CDT": -18000,
    "MST": -25200, "MDT": -21600, "PST": -28800, "PDT": -25200,
}  # fmt: skip

_ISO = re.compile(
    r"(\d{4})([-/])(\d\d)\2(\d\d)([T ])(\d\d):(\d\d):(\d\d)(?:([.,])(\d{1,12}))?"
    r"( ?)(?:([A-Za-z]{1,5})|([+-])(\d\d)(:?)(\d\d)?)?",
    re.ASCII,
)
_EPOCH = re.compile(r"(\d{9,19})(?:\.(\d{1,12}))?", re.ASCII)


def compose(
    years: Int64s, months: Int64s, days: Int64s, of_day_us: Int64s, *, valid: npt.NDArray[np.bool_]
) -> Int64s:
    """Return int64[n] microseconds of civil dates; NO_TIME where not `valid`, no such day, or absurd.

    `of_day_us` counts microseconds since midnight UTC and may lie outside one day (zone offsets).
    """
    valid = valid & (years >= 1900) & (years <= 2300) & (months >= 1) & (months <= 12) & (days >= 1)
    month = np.where(valid, (years - 1970) * 12 + months - 1, 0)
    first = month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (month + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    valid &= days <= after - first
    times = np.where(valid, (first + days - 1) * _DAY_US + of_day_us, NO_TIME)
    return usable(times)


def usable(times: Int64s) -> Int64s:
    """Return the times with absurd ones replaced by NO_TIME."""
    return np.where((times >= EARLIEST) & (times < LATEST), times, NO_TIME)


def epoch_time(number: int) -> int:
    """Return the microseconds of a count since 1970 (s, ms, µs, ns) or a FILETIME, else NO_TIME."""
    if number < 0:
        return NO_TIME
    for scaled in (number * 1_000_000, number * 1000, number, number // 1000):
        if EARLIEST <= scaled < LATEST:
            return scaled
    scaled = number // 10 - _FILETIME_EPOCH_US
    return scaled if EARLIEST <= scaled < LATEST else NO_TIME


def parse_time(text: str | int | None, zone_s: int | None = None) -> int:
    """Return the microseconds of one written time, or NO_TIME.

    A time without a zone lies in the declared one (`zone_s` seconds east of UTC), else in UTC.
    A zone name that is not in RFC 822 (or a plain European one) needs the declaration.
    """
    if text is None or isinstance(text, int):
        return NO_TIME if text is None else epoch_time(text)
    if len(text) > _MAX_TEXT:
        return NO_TIME
    text = text.strip()
    if epoch := _EPOCH.fullmatch(text):
        whole = epoch_time(int(epoch[1]))
        # Only a count of seconds has a fraction that we can keep.
        in_seconds = epoch[2] is not None and len(epoch[1]) <= 10 and whole != NO_TIME
        return whole + int(epoch[2][:6].ljust(6, "0")) if in_seconds else whole
    match = _ISO.fullmatch(text)
    if match is None:
        return NO_TIME
    offset_s = _offset(match, zone_s)
    hour, minute, second = int(match[6]), int(match[7]), int(match[8])
    if offset_s is None or hour > 23 or minute > 59 or second > 60:
        return NO_TIME
    micros = int((match[10] or "")[:6].ljust(6, "0"))
    days = _days(int(match[1]), int(match[3]), int(match[4]))
    if days is None:
        return NO_TIME
    time = days * _DAY_US + (hour * 3600 + minute * 60 + second - offset_s) * 1_000_000 + micros
    return time if EARLIEST <= time < LATEST else NO_TIME


def parse_times(texts: Sequence[str | int | None], zone_s: int | None = None) -> Int64s:
    """Return int64[n]: what `parse_time` gives for each text, read together."""
    times = np.full(len(texts), NO_TIME, np.int64)
    if len(texts) <= _FEW:
        for row, text in enumerate(texts):
            times[row] = parse_time(text, zone_s)
        return times
    groups: dict[int, list[int]] = {}
    for row, text in enumerate(texts):
        if isinstance(text, str):
            groups.setdefault(len(text), []).append(row)
        elif text is not None:
            times[row] = epoch_time(text)
    for length, rows in groups.items():
        if len(groups) == 1 and len(rows) == len(texts):
            return _parse_alike(texts, length, zone_s)  # type: ignore[arg-type]
        times[rows] = _parse_alike([texts[row] for row in rows], length, zone_s)  # type: ignore[misc]
    return times


def _offset(match: re.Match[str], zone_s: int | None) -> int | None:
    """Return the seconds east of UTC that the text says or the operator declared; None if unknown."""
    if match[12]:
        known = _ZONES_S.get(match[12])
        return zone_s if known is None else known
    if match[13]:
        hours, minutes = int(match[14]), int(match[16] or "0")
        if hours > 18 or minutes > 59:
            return None
        return (hours * 3600 + minutes * 60) * (-1 if match[13] == "-" else 1)
    return zone_s or 0


def _days(year: int, month: int, day: int) -> int | None:
    """Return days since 1970-01-01 of a civil date, None if there is no such day."""
    try:
        return date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        return None


def _parse_alike(texts: Sequence[str], length: int, zone_s: int | None) -> Int64s:
    """Read texts of one length by the template of the first; the others one by one."""
    match = _ISO.fullmatch(texts[0]) if length <= _MAX_TEXT and len(texts) > _FEW else None
    joined = "".join(texts)
    if match is None or not joined.isascii() or match[12] not in (None, "Z", "z", "UTC", "GMT"):
        return np.fromiter((parse_time(text, zone_s) for text in texts), np.int64, len(texts))
    cells = np.frombuffer(joined.encode(), np.uint8).reshape(len(texts), length)
    times, fits = _read_grid(cells, texts[0], match, zone_s)
    for row in np.flatnonzero(~fits):
        times[row] = parse_time(texts[int(row)], zone_s)
    return times


def _read_grid(
    cells: npt.NDArray[np.uint8], first: str, match: re.Match[str], zone_s: int | None
) -> tuple[Int64s, npt.NDArray[np.bool_]]:
    """Read uint8[n, length] by the first text's template; also tell which rows fit it."""
    end = match.end(10) if match[10] else 19
    digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, *range(20, end)]
    if match[13]:
        digits += [*range(match.start(14), match.end(14)), *range(match.start(16), match.end(16))]
    sign = match.start(13)
    fixed = [at for at in range(len(first)) if at not in digits and at != sign]
    template = np.frombuffer(first.encode(), np.uint8)
    fits = (cells[:, fixed] == template[fixed]).all(axis=1)
    values = cells - np.uint8(48)
    fits &= (values[:, digits] <= 9).all(axis=1)

    def number(start: int, stop: int) -> Int64s:
        out = values[:, start].astype(np.int64)
        for at in range(start + 1, stop):
            out = out * 10 + values[:, at]
        return out

    hours, minutes, seconds = number(11, 13), number(14, 16), number(17, 19)
    valid = fits & (hours <= 23) & (minutes <= 59) & (seconds <= 60)
    of_day = hours * 3600 + minutes * 60 + seconds
    if match[13]:
        fits &= (cells[:, sign] == ord("+")) | (cells[:, sign] == ord("-"))
        east, past = number(match.start(14), match.end(14)), np.zeros(len(cells), np.int64)
        if match[16]:
            past = number(match.start(16), match.end(16))
        valid &= fits & (east <= 18) & (past <= 59)
        of_day -= (east * 3600 + past * 60) * np.where(cells[:, sign] == ord("-"), -1, 1)
    elif not match[12]:
        of_day -= zone_s or 0
    of_day *= 1_000_000
    if match[10]:
        kept = min(end, 26)
        of_day += number(20, kept) * 10 ** (26 - kept)
    return compose(number(0, 4), number(5, 7), number(8, 10), of_day, valid=valid), fits
