"""Find surges in the web traffic of many sites, in batch and live, with the same result.

`SurgeWatch` takes the notes of `WebTap` in any order, and judges minutes in the order of time as
the watermark passes them; `finish` passes them all.  A note that comes for a minute which was
judged already is late: it is counted, not judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from hisn.core import limits
from hisn.elections import sketch
from hisn.elections.minutes import MINUTE_US, MinuteNote, unpack
from hisn.elections.phases import ElectionCalendar
from hisn.elections.surge import OpenSurge, SiteState, Surge, level_of
from hisn.elections.waiting import WaitingMinutes

_NEAR_CLOSING_US = 30 * MINUTE_US
_FORMAT = "hisn-surge-watch/1"


class Followed(NamedTuple):
    """Say of one source what was judged: requests and minutes, and what could not be.

    `late` came after their minute was judged, `unfollowed` belong to assets beyond
    `limits.MAX_SITES`; all three are requests.
    """

    source: str
    requests: int
    late: int
    unfollowed: int


class _Facts(msgspec.Struct):
    requests: int = 0
    late: int = 0
    unfollowed: int = 0


class _Site(msgspec.Struct):
    state: SiteState = msgspec.field(default_factory=SiteState)
    waiting: WaitingMinutes = msgspec.field(default_factory=WaitingMinutes)


class _Saved(msgspec.Struct, array_like=True):
    """Hold everything as it is written; texts as bytes, for a file's name may be no UTF-8."""

    format: str
    calendar: str
    judged_to: int | None
    sites: list[tuple[bytes, bytes, _Site]]
    ended: list[tuple[bytes, bytes, OpenSurge]]
    facts: list[tuple[bytes, _Facts]]


class SurgeWatch:
    """Follow the web traffic of all sites through an election's phases."""

    def __init__(self, calendar: ElectionCalendar) -> None:
        self._calendar = calendar
        self._sites: dict[tuple[str, str], _Site] = {}
        self._judged_to: int | None = None
        self._ended: list[tuple[str, str, OpenSurge]] = []
        self._facts: dict[str, _Facts] = {}
        self._assets: dict[str, dict[str, int]] = {}

    def add(self, notes: Iterable[MinuteNote]) -> None:
        """Take notes of web requests, in any order."""
        for note in notes:
            minute = unpack(note.data)
            facts = self._facts.setdefault(note.source, _Facts())
            if self._judged_to is not None and note.minute < self._judged_to:
                facts.late += minute.whole.requests
                continue
            site = self._site(note.source, note.asset)
            if site is None:
                facts.unfollowed += minute.whole.requests
            else:
                site.waiting.put(note.minute, minute)

    def advance(self, watermark_us: int) -> None:
        """Judge every minute that ended at the watermark (microseconds UTC) or before."""
        self._judge_to(watermark_us // MINUTE_US)

    def finish(self) -> None:
        """Judge everything, and let every surge end."""
        waiting = [last for site in self._sites.values() if (last := site.waiting.last()) is not None]
        if waiting:
            self._judge_to(max(waiting) + 1)
        for (source, asset), site in self._sites.items():
            surge, site.state.surge = site.state.surge, None
            if surge is not None and surge.fired >= 0:
                self._ended.append((source, asset, surge))

    def take(self) -> tuple[Surge, ...]:
        """Return the surges that began, grew or ended since the last call, in the order of time."""
        found = [self._surge(source, asset, surge, closed=True) for source, asset, surge in self._ended]
        self._ended = []
        for (source, asset), site in self._sites.items():
            surge = site.state.surge
            if surge is not None and surge.changed:
                surge.changed = False
                found.append(self._surge(source, asset, surge, closed=False))
        return tuple(sorted(found, key=lambda surge: (surge.first, surge.source, surge.asset)))

    def followed(self) -> tuple[Followed, ...]:
        """Return what was judged of each source and what was not, by name."""
        return tuple(
            Followed(source, facts.requests, facts.late, facts.unfollowed)
            for source, facts in sorted(self._facts.items())
        )

    def _site(self, source: str, asset: str) -> _Site | None:
        """Return the site; None where it is not followed.

        Followed are the assets of a source whose names have the smallest digests: that depends on
        the set of names alone, so that no order of arrival matters.
        """
        assets = self._assets.setdefault(source, {})
        if asset not in assets:
            assets[asset] = sketch.digest64(asset)
            self._sites[source, asset] = _Site()
            if len(assets) > limits.MAX_SITES:
                last = max(assets, key=lambda each: (assets[each], each))
                del assets[last]
                self._facts[source].unfollowed += self._sites.pop((source, last)).waiting.requests()
        return self._sites.get((source, asset))

    def _judge_to(self, number: int) -> None:
        if self._judged_to is not None and number <= self._judged_to:
            return
        self._judged_to = number
        for (source, asset), site in self._sites.items():
            for at, minute in site.waiting.take_before(number):
                self._facts[source].requests += minute.whole.requests
                phase = self._calendar.phase_at(at * MINUTE_US)
                self._end(source, asset, site.state.see(at, phase, minute, site.waiting.bounds))
            # A site may be silent; what counts is that no earlier minute can follow.
            self._end(source, asset, site.state.pass_to(number))

    def _end(self, source: str, asset: str, surge: OpenSurge | None) -> None:
        if surge is not None:
            self._ended.append((source, asset, surge))

    def _surge(self, source: str, asset: str, surge: OpenSurge, *, closed: bool) -> Surge:
        marks = surge.all_marks()
        level, confidence = level_of(marks)
        closings = [
            each.closes
            for each in self._calendar.polling
            if abs(each.closes - surge.begun * MINUTE_US) <= _NEAR_CLOSING_US
        ]
        return Surge(
            source=source,
            asset=asset,
            phase=surge.phase,
            first=surge.first,
            last=surge.last,
            fired=(surge.fired + 1) * MINUTE_US,
            requests=surge.requests,
            minutes=surge.minutes,
            waves=surge.waves,
            peak=surge.peak,
            usual=surge.usual,
            peak_addresses=surge.peak_addresses,
            usual_addresses=surge.usual_addresses,
            endpoint=min(surge.scopes, key=lambda name: (-surge.scopes[name], name)),
            marks=marks,
            level=level,
            confidence=confidence,
            records=tuple(sorted(surge.records)),
            first_record=surge.first_record,
            closed=closed,
            closing=closings[0] if closings else None,
        )

    def dump(self) -> bytes:
        """Return the whole state; the same state gives the same bytes."""
        saved = _Saved(
            format=_FORMAT,
            calendar=self._calendar.digest,
            judged_to=self._judged_to,
            sites=[(_bytes(s), _bytes(a), site) for (s, a), site in sorted(self._sites.items())],
            ended=[(_bytes(s), _bytes(a), surge) for s, a, surge in sorted(self._ended, key=_order)],
            facts=[(_bytes(source), facts) for source, facts in sorted(self._facts.items())],
        )
        # Only names can be sorted while encoding: numbers that are keys become names.
        plain = msgspec.to_builtins(saved, builtin_types=(bytes,), str_keys=True, order="deterministic")
        return msgspec.msgpack.encode(plain)

    def load(self, data: bytes) -> None:
        """Take back a dumped state of the same calendar; this watch has seen nothing yet.

        Raises ValueError for any other bytes.
        """
        plain = msgspec.msgpack.decode(data)
        saved = msgspec.convert(plain, _Saved, builtin_types=(bytes,), str_keys=True)
        if (saved.format, saved.calendar) != (_FORMAT, self._calendar.digest):
            raise ValueError("not a state of this calendar")
        self._judged_to = saved.judged_to
        self._ended = [(_text(source), _text(asset), surge) for source, asset, surge in saved.ended]
        self._facts = {_text(source): facts for source, facts in saved.facts}
        for packed_source, packed_asset, site in saved.sites:
            source, asset = _text(packed_source), _text(packed_asset)
            self._sites[source, asset] = site
            self._assets.setdefault(source, {})[asset] = sketch.digest64(asset)


def _order(ended: tuple[str, str, OpenSurge]) -> tuple[str, str, int]:
    return ended[0], ended[1], ended[2].begun


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
