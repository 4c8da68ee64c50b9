"""Count what feeds noticed of their sources: holes in what was seen, and how they came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hisn.core.instant import format_instant
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.events.source import SourceNote

HOLES = {
    "truncated": "it was cut off or replaced",
    "gap": "was never seen",
    "hole": "was zeros",
    "overlong": "was a line beyond the limit",
    "cut": "was a record without its end",
    "dropped": "came while nothing could be taken",
    "refused": "was refused",
    "unreadable": "it could not be read",
    "silent": "nothing came for longer than is possible",
    "sequence": "numbers that its devices give do not follow each other",
}
"""What makes a source's coverage partial."""
SAID = {
    "skew": "its clock is off",
    "began": "was there before, and was not asked for",
    "duplicate": "came again, and was left out",
    "possible-duplicate": "came again, perhaps a sender's second try, and was kept",
    "waiting": "it was held back, because nothing more was taken",
    "ignored": "something beside it is not followed",
}
"""What coverage says besides; the other kinds are nothing to worry about."""
MAX_SOURCES = 10_000
"""Sources whose holes are counted apart: names of senders can be anybody's."""
OTHERS = "*"


class Notice(Protocol):
    """Say what was noticed: by a feed (`FeedNote`), or by a check of ours (`Seen`)."""

    @property
    def source(self) -> str:
        """Return the name of the source."""
        ...

    @property
    def kind(self) -> str:
        """Return what it is."""
        ...

    @property
    def at_us(self) -> int:
        """Return when it was noticed."""
        ...

    @property
    def count(self) -> int:
        """Return how much it is."""
        ...

    @property
    def unit(self) -> str:
        """Return what is counted."""
        ...

    @property
    def reason(self) -> str:
        """Return more words; they may be hostile."""
        ...

    @property
    def code(self) -> str:
        """Return the error code that explains it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Say what a check of ours has noticed."""

    source: str
    kind: str
    at_us: int
    count: int = 0
    unit: str = ""
    reason: str = ""
    code: str = ""


@dataclass(slots=True)
class _Count:
    times: int = 0
    count: int = 0
    unit: str = ""
    first_us: int = 0
    last_us: int = 0
    reason: str = ""
    code: str = ""


class Noticed:
    """Hold the counts by source and kind."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Count] = {}

    def add(self, note: Notice) -> None:
        """Count a note."""
        key = (note.source, note.kind)
        if key not in self._counts and len(self._counts) >= MAX_SOURCES:
            key = (OTHERS, note.kind)
        each = self._counts.setdefault(key, _Count(first_us=note.at_us))
        each.times += 1
        each.count += note.count
        each.unit = note.unit or each.unit
        each.first_us, each.last_us = min(each.first_us, note.at_us), max(each.last_us, note.at_us)
        each.reason, each.code = note.reason[:200] or each.reason, note.code or each.code

    def notes(self) -> Iterator[SourceNote]:
        """Yield what coverage has to say of the holes, by source and kind."""
        for (source, kind), each in sorted(self._counts.items()):
            if kind not in HOLES and kind not in SAID:
                continue
            span = format_instant(each.first_us)
            if each.last_us != each.first_us:
                span += f" to {format_instant(each.last_us)}"
            count = f"{each.count:,} {each.unit} " if each.count else ""
            times = f", {each.times:,} times" if each.times > 1 else ""
            why = f": {each.reason}" if each.reason else ""
            is_hole = kind in HOLES
            text = f"{count}{HOLES[kind] if is_hole else SAID[kind]} ({span}{times}){why}"
            code = each.code or ("E2641" if is_hole else "")
            yield SourceNote(source, "", "partial" if is_hole else "read", text, code)

    def counts(self, kinds: Sequence[str]) -> int:
        """Return how much was counted of some kinds, over all sources."""
        return sum(each.count or each.times for (_s, kind), each in self._counts.items() if kind in kinds)

    def dump(self) -> Plain:
        """Return all of it as plain values."""
        return [
            [
                [packed_text(source), kind],
                [each.times, each.count, each.first_us, each.last_us],
                [each.unit, packed_text(each.reason), each.code],
            ]
            for (source, kind), each in sorted(self._counts.items())
        ]

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        for (source, kind), (times, count, first_us, last_us), (unit, reason, code) in plain:
            self._counts[unpacked_text(source), kind] = _Count(
                times, count, unit, first_us, last_us, unpacked_text(reason), code
            )
