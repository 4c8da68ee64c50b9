"""Say up to which instant everything has come that will count: the watermark.

A source's own mark is the greatest time of its events so far, less the lateness that its operator
allows; when nothing came for as long as that, it is that time itself.  The watermark is the least
of the marks of all sources that are alive: what is correlated may come from several of them.  A
source that gave nothing for `silent_after_us` of recorded time stops holding it back, as does one
that has never given an event with a time.  It never goes back.

An event of the future would move the mark past everything that is still to come: no event's time
counts beyond the recorded time of the cycle it came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hisn.core.packed import Plain, packed_text, unpacked_text

MIN_US = -(1 << 62)
"""The watermark before anything has come."""


@dataclass(slots=True)
class _Source:
    greatest_us: int
    heard_us: int


class Watermark:
    """Keep the marks of all sources."""

    def __init__(self, lateness_us: int, silent_after_us: int) -> None:
        self._lateness_us = lateness_us
        self._silent_after_us = silent_after_us
        self._sources: dict[str, _Source] = {}
        self.passed_us = MIN_US

    def see(self, source: str, greatest_us: int | None, now_us: int) -> None:
        """Take note that a source gave events in the cycle of `now_us`; None: none of them has a time."""
        seen = self._sources.get(source)
        greatest = MIN_US if greatest_us is None else min(greatest_us, now_us)
        if seen is None:
            self._sources[source] = _Source(greatest, now_us)
        else:
            seen.greatest_us, seen.heard_us = max(seen.greatest_us, greatest), now_us

    def advance(self, now_us: int) -> int:
        """Return the watermark of the cycle."""
        timed = [each for each in self._sources.values() if each.greatest_us > MIN_US]
        alive = [each for each in timed if now_us - each.heard_us < self._silent_after_us]
        if alive:
            mark = min(self._mark(each, now_us) for each in alive)
        else:
            mark = max((self._mark(each, now_us) for each in timed), default=MIN_US)
        self.passed_us = max(self.passed_us, mark)
        return self.passed_us

    def _mark(self, each: _Source, now_us: int) -> int:
        is_quiet = now_us - each.heard_us >= self._lateness_us
        return each.greatest_us if is_quiet else each.greatest_us - self._lateness_us

    def of(self, source: str) -> int:
        """Return the source's own mark: before it, nothing of this source counts any more."""
        seen = self._sources.get(source)
        if seen is None or seen.greatest_us == MIN_US:
            return MIN_US
        return seen.greatest_us - self._lateness_us

    def silent(self, now_us: int) -> tuple[str, ...]:
        """Return the sources that gave nothing for so long that they hold nothing back."""
        return tuple(
            sorted(
                name
                for name, each in self._sources.items()
                if now_us - each.heard_us >= self._silent_after_us
            )
        )

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        rows: list[Plain] = [
            [packed_text(name), each.greatest_us, each.heard_us]
            for name, each in sorted(self._sources.items())
        ]
        return [self.passed_us, rows]

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        self.passed_us, rows = plain
        self._sources = {
            unpacked_text(name): _Source(greatest_us, heard_us) for name, greatest_us, heard_us in rows
        }
