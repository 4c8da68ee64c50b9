"""Turn what is wrong with a source into findings: silence, holes, a wrong clock, missing numbers.

An attacker who cannot be seen has stopped the log, cut records out of it, or set its clock.  All of
it stands in the coverage; where the configuration gives a level, it is a finding, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hisn import __version__
from hisn.app.watch.cycle import Cycle
from hisn.app.watch.noticed import Seen
from hisn.core.instant import Instant, format_instant
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.events.sequences import Sequence
from hisn.findings.build import Spanned
from hisn.findings.model import SCHEMA, Finding, Reason
from hisn.findings.sentence import english
from hisn.live.piece import FeedNote

_HOLES = ("gap", "truncated", "hole", "overlong", "cut", "dropped", "refused", "unreadable")
_MOST_DEVICES = 10_000
_SETTLED_US = 60_000_000
"""A source that was first heard so long ago does not catch up any more: its records should be new."""
_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPolicy:
    """Say what is a finding, and of which level; an empty level: it is coverage only."""

    silence_us: int = 0
    silence: str = ""
    gap: str = ""
    skew_us: int = 300_000_000
    skew: str = ""
    sequence: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """Describe a check as a finding shows it."""

    id: str
    title: str
    tags: tuple[str, ...]
    falsepositives: tuple[str, ...]


SILENT = Kind(
    "hisn.source-silent",
    "A source is silent",
    ("attack.defense-evasion", "attack.t1562.008"),
    ("Nothing happens there at this hour", "The machine was shut down as planned"),
)
HOLE = Kind(
    "hisn.source-hole",
    "Part of a source was not seen",
    ("attack.defense-evasion", "attack.t1070.002"),
    ("Logs are rotated faster than they are read", "A sender is faster than the network"),
)
SKEW = Kind(
    "hisn.clock-skew",
    "The clock of a source is off",
    ("attack.defense-evasion", "attack.t1070.006"),
    ("A machine without time synchronisation", "The zone of a source is not declared"),
)
BREAK = Kind(
    "hisn.sequence-break",
    "Records of a device are missing",
    ("attack.defense-evasion", "attack.t1070"),
    ("The device was started anew and counts from the beginning",),
)


@dataclass(slots=True)
class _Source:
    first_heard_us: int
    heard_us: int
    record: int
    silent_us: int = 0
    skew_us: int = 0


class _At(NamedTuple):
    source: str
    first_us: int
    last_us: int
    record: int


class Checks:
    """Check the sources of a watch, cycle by cycle."""

    def __init__(self, policy: CheckPolicy) -> None:
        self._policy = policy
        self._sources: dict[str, _Source] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._findings: list[tuple[Spanned, bool]] = []

    def see(
        self, cycle: Cycle, newest: Mapping[str, int | None], numbers: Iterable[Sequence]
    ) -> Iterator[Seen]:
        """Look at a cycle; yield what coverage has to know of it."""
        yield from self._silences(cycle)
        for piece in cycle.pieces:
            known = self._sources.get(piece.source)
            if known is None:
                known = self._sources[piece.source] = _Source(cycle.now_us, cycle.now_us, 0)
            known.heard_us, known.record = cycle.now_us, piece.first_record
        yield from self._skews(cycle, newest)
        for note in cycle.notes:
            if note.kind in _HOLES:
                self._hole(note)
        for each in numbers:
            yield from self._breaks(each, cycle.now_us)

    def _silences(self, cycle: Cycle) -> Iterator[Seen]:
        if not self._policy.silence_us:
            return
        heard = {piece.source for piece in cycle.pieces}
        for name, source in sorted(self._sources.items()):
            silence_us = cycle.now_us - source.heard_us
            if name in heard and source.silent_us:
                self._tell(
                    SILENT,
                    self._policy.silence,
                    _At(name, source.heard_us, cycle.now_us, source.record),
                    _silence(silence_us),
                )
                source.silent_us = 0
            elif name not in heard and not source.silent_us and silence_us >= self._policy.silence_us:
                source.silent_us = cycle.now_us
                yield Seen(source=name, kind="silent", at_us=cycle.now_us)
                at = _At(name, source.heard_us, source.heard_us, source.record)
                self._tell(
                    SILENT, self._policy.silence, at, _silence(self._policy.silence_us), is_closed=False
                )

    def _skews(self, cycle: Cycle, newest: Mapping[str, int | None]) -> Iterator[Seen]:
        for name in sorted({piece.source for piece in cycle.pieces}):
            time, source = newest.get(name), self._sources[name]
            if time is None:
                continue
            skew_us = time - cycle.now_us
            is_new = cycle.now_us - source.first_heard_us < _SETTLED_US
            is_off = skew_us > self._policy.skew_us or (skew_us < -self._policy.skew_us and not is_new)
            if is_off and not source.skew_us:
                reason = f"{abs(skew_us) // _US} s {'ahead of' if skew_us > 0 else 'behind'} this machine"
                yield Seen(source=name, kind="skew", at_us=cycle.now_us, reason=reason)
                limit = f"{self._policy.skew_us // _US} s"
                self._tell(
                    SKEW,
                    self._policy.skew,
                    _At(name, cycle.now_us, cycle.now_us, source.record),
                    Reason(field="clock", test="clock", pattern=limit, value=reason),
                )
            source.skew_us = skew_us if is_off else 0

    def _hole(self, note: FeedNote) -> None:
        known = self._sources.get(note.source)
        count = f"{note.count} {note.unit}".strip() if note.count else note.kind
        reason = Reason(
            field="source", test=note.kind, pattern="", value=f"{note.kind}: {count} {note.reason}"[:400]
        )
        record = known.record if known else 0
        self._tell(HOLE, self._policy.gap, _At(note.source, note.at_us, note.at_us, record), reason)

    def _breaks(self, each: Sequence, now_us: int) -> Iterator[Seen]:
        key = (each.source, each.device)
        last = self._numbers.get(key)
        if last is None and len(self._numbers) >= _MOST_DEVICES:
            return
        self._numbers[key] = each.last
        breaks = [(found.record, found.expected, found.found) for found in each.breaks]
        if last is not None and each.first != last + 1:
            breaks.insert(0, (each.first_record, last + 1, each.first))
        for record, expected, found in breaks:
            what = f"{found} after {expected - 1}, device {each.device or '?'}"
            missing = max(0, found - expected)
            yield Seen(
                source=each.source, kind="sequence", at_us=now_us, count=missing, unit="records", reason=what
            )
            reason = Reason(field="sequence", test="sequence", pattern=str(expected), value=what)
            self._tell(BREAK, self._policy.sequence, _At(each.source, now_us, now_us, record), reason)

    def _tell(
        self,
        kind: Kind,
        level: str,
        at: _At,
        reason: Reason,
        *,
        is_closed: bool = True,
    ) -> None:
        if not level:
            return
        source, record = at.source, at.record
        first, last = (format_instant(Instant(each)) for each in (at.first_us, at.last_us))
        digest = hashlib.sha256(f"{kind.id} 1 {self._policy!r}".encode()).hexdigest()
        identity = (SCHEMA, digest, __version__, source, first, record, reason.pattern)
        data = b"\0".join(ascii(part).encode() for part in identity)
        finding = Finding(
            id="f-" + hashlib.sha256(data).hexdigest()[:32],
            rule_id=kind.id,
            rule_digest=digest,
            title=kind.title,
            level=level,
            confidence="moderate",
            asset=source,
            source=source,
            first=first,
            last=last,
            count=1,
            records=(record,),
            records_complete=True,
            why=(reason,),
            sentence=english(source, (first, last), 1, (reason,)),
            tags=kind.tags,
            falsepositives=kind.falsepositives,
            author="Hisn project",
            licence="Apache-2.0",
        )
        self._findings.append((Spanned(source, at.first_us, at.last_us, finding, finding.id), is_closed))

    def take(self) -> list[tuple[Spanned, bool]]:
        """Return the findings since the last call, and whether they will change no more."""
        taken, self._findings = self._findings, []
        return taken

    @property
    def digest(self) -> str:
        """Return what decides the findings."""
        return repr(self._policy)

    def dump(self) -> Plain:
        """Return the state as plain values."""
        sources: list[Plain] = [
            [packed_text(name), each.first_heard_us, each.heard_us, each.record, each.silent_us, each.skew_us]
            for name, each in sorted(self._sources.items())
        ]
        numbers: list[Plain] = [
            [packed_text(source), packed_text(device), str(number)]
            for (source, device), number in sorted(self._numbers.items())
        ]
        return [sources, numbers]

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        sources, numbers = plain
        self._sources = {unpacked_text(name): _Source(*rest) for name, *rest in sources}
        self._numbers = {
            (unpacked_text(source), unpacked_text(device)): int(number) for source, device, number in numbers
        }


def _silence(silence_us: int) -> Reason:
    return Reason(field="source", test="silence", pattern="", value=f"silent for {silence_us // _US} s")
