"""Take over no more acts of another member in an hour than the charter allows (`quota.acts_per_hour`).

An act is taken over when it is folded: from then on its answers count here, and its body is
fetched.  The hour is that of this node's own clock when the act came, for the time that an act
claims is its author's to choose.  Nothing is dropped: what goes beyond the quota waits for the next
hours, in the order of the log.  So a flood delays its own author's acts and nobody else's, and all
nodes come to hold the same.  The witness and the mirror are not slowed by this: they keep every
entry as it comes, and so the flood is proven.

What a log holds when it is first seen is taken over at once; a member that joins an old unit would
wait for days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hisn.core.canon import canonical, parse_canonical
from hisn.core.instant import Instant
from hisn.errors import StorageError, VerificationError
from hisn.node.known import origin_hash
from hisn.node.quota import Overrun
from hisn.tlog.ports import Conflict, Register

HOUR_US = 3_600 * 1_000_000
_ROW = "admitted/"
_MAX_ROW_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class Admission:
    """Say how many entries of a log may be taken over, and whether its author overran this hour's quota."""

    limit: int
    overrun: Overrun | None = None


@dataclass(frozen=True, slots=True)
class _Hour:
    """Hold one hour of a log: entries known and taken over when it began, and known and taken over now."""

    window: int
    known_before: int
    taken_before: int
    known: int
    taken: int


def admit(register: Register, origin: str, size: int, quota: int, now: Instant) -> Admission:
    """Count the entries that came; return how many may be taken over now. Raises StorageError (E5400)."""
    while True:
        raw = register.get(name := _ROW + origin_hash(origin))
        hour = _turned(_parse(name, raw) if raw else _Hour(now // HOUR_US, size, size, size, size), now)
        known = max(hour.known, size)
        taken = max(hour.taken, min(known, hour.taken_before + quota))
        row = _format(replace(hour, known=known, taken=taken))
        if row != raw:
            try:
                register.swap(name, raw, row)
            except Conflict:
                continue  # another process of this node counts, too
        came = known - hour.known_before
        start = Instant(hour.window * HOUR_US)
        return Admission(taken, Overrun(origin, start, came - quota) if came > quota else None)


def _turned(last: _Hour, now: Instant) -> _Hour:
    """Return the hour that it is.

    A clock that goes back a little opens no hour a second time; one that was far ahead, and was put
    right, must not keep a log waiting for what it showed.
    """
    window = now // HOUR_US
    if last.window - 1 <= window <= last.window:
        return last
    return _Hour(window, last.known, last.taken, last.known, last.taken)


def _parse(name: str, raw: bytes) -> _Hour:
    try:
        match parse_canonical(raw, max_bytes=_MAX_ROW_BYTES):
            case [int(window), int(known_before), int(taken_before), int(known), int(taken)]:
                return _Hour(window, known_before, taken_before, known, taken)
            case _:
                pass
    except VerificationError:
        pass
    raise StorageError(
        "E5400",
        f"the row {name} of the register is damaged",
        hint="stop the node, keep the register's file, and run: hisn node doctor",
        unchanged="nothing was taken over",
    )


def _format(hour: _Hour) -> bytes:
    return canonical([hour.window, hour.known_before, hour.taken_before, hour.known, hour.taken])
