"""Hold what a watch knows: open findings, windows, coverage, the watermark. A function of its cycles.

Nothing here reads a clock or asks a feed: `apply` is given a recorded cycle and what its pieces
gave.  So playing recorded cycles again leads to the same state, byte for byte, and `dump` of two
equal states gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from hisn import __version__
from hisn.acts.statement import Ref
from hisn.app.judge import Part
from hisn.app.sealed import SealedChunk
from hisn.app.watch.batches import Batches
from hisn.app.watch.checks import CheckPolicy, Checks
from hisn.app.watch.cycle import Cycle
from hisn.app.watch.cycle_sealer import FindingAct
from hisn.app.watch.noticed import Noticed
from hisn.app.watch.pieces import JudgedPieces, left_out
from hisn.app.watch.watermark import Watermark
from hisn.core import limits
from hisn.core.packed import Plain, pack, packed_text, unpack, unpacked_text
from hisn.engine.correlate.episode import Tally
from hisn.engine.coverage import Coverage, RuleCoverage
from hisn.engine.ledger import CoverageLedger
from hisn.findings.build import FindingBuilder, Spanned
from hisn.findings.follow import Change, Follower
from hisn.rules.correlation import Correlation
from hisn.rules.pack import Pack, Rule

_FORMAT = 2
_GAP_US = limits.FINDING_GAP_S * 1_000_000


class Lane(Protocol):
    """Make findings of more than single records, cycle by cycle: correlations, surges of requests."""

    @property
    def span_us(self) -> int:
        """Return how far back the records lie that something new may rest on."""
        ...

    @property
    def digest(self) -> str:
        """Return a digest over what decides its findings, beside the rules: a state is of use to it only."""
        ...

    def add(self, part: Part) -> None:
        """Take what the pieces of a cycle gave."""
        ...

    def advance(self, watermark_us: int) -> None:
        """Judge everything up to the watermark."""
        ...

    def finish(self) -> None:
        """Judge everything that is left."""
        ...

    def take(self) -> Iterable[tuple[Spanned, bool]]:
        """Return what changed since the last call, and whether it will change no more."""
        ...

    def report(self, ledger: CoverageLedger) -> None:
        """Enter into a ledger what was not judged, and why."""
        ...

    def rows(self) -> tuple[RuleCoverage, ...]:
        """Return what coverage says of checks that are no rules."""
        ...

    def dump(self) -> Plain:
        """Return the state as plain values."""
        ...

    def load(self, plain: Plain) -> None:
        """Take back what was dumped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Say what a watch waits for, in microseconds; see docs/howto/watch-a-server.md.

    With `is_once` no watermark passes before the end: the findings are those of one run over files.
    """

    lateness_us: int = 5_000_000
    silent_after_us: int = 60_000_000
    pause_us: int = 60_000_000
    checks: CheckPolicy = field(default_factory=CheckPolicy)
    is_once: bool = False


class Analysis:
    """Judge the cycles of a watch."""

    def __init__(
        self,
        rules: Pack,
        mapping_digest: str,
        declared: Callable[[str], str],
        policy: Policy,
        *,
        lanes: Sequence[Lane] = (),
        left_out: Sequence[Rule | Correlation] = (),
        tally: Callable[[], Tally] | None = None,
    ) -> None:
        """Judge by rules; `left_out` are those that the operator does not want.

        `tally` says what was not correlated.
        """
        self._tally = tally
        self._rules = rules
        self._left_out = tuple(left_out)
        self._policy = policy
        # How often something is told decides no finding.
        lasting = replace(policy, is_once=False, pause_us=0)
        others = " ".join(lane.digest for lane in lanes)
        self._identity = f"{__version__} {rules.digest} {mapping_digest} {lasting!r} {others}"
        self._builder = FindingBuilder(rules.rules, mapping_digest, __version__, declared)
        self._follower = Follower(policy.pause_us)
        self._lanes = tuple(lanes)
        self._ledger = CoverageLedger()
        self._noticed = Noticed()
        self._checks = Checks(policy.checks)
        self._batches = Batches()
        self._threads: dict[str, Ref] = {}
        self.watermark = Watermark(policy.lateness_us, policy.silent_after_us)
        self.records = 0

    def apply(
        self, cycle: Cycle, judged: JudgedPieces, batches: Iterable[tuple[SealedChunk, Ref]] = ()
    ) -> tuple[Change, ...]:
        """Take a cycle; return what is to be told of findings, in their order."""
        part = judged.part
        self._enter(cycle, judged)
        for chunk, place in batches:
            self._batches.add(chunk, place)
        for block in part.hits:
            self._builder.add(block)
        for lane in self._lanes:
            lane.add(part)
        if cycle.is_closing:
            self._close()
        elif self._policy.is_once:
            # Nothing is told before the end: what comes may yet change everything.
            self._builder.forget_changes()
            return ()
        else:
            self._pass(cycle.now_us)
        self._see_builder()
        for lane in self._lanes:
            for spanned, is_closed in lane.take():
                self._follower.see(spanned, is_closed=is_closed)
        for spanned, is_closed in self._checks.take():
            self._follower.see(spanned, is_closed=is_closed)
        return self._follower.take(cycle.now_us)

    def _enter(self, cycle: Cycle, judged: JudgedPieces) -> None:
        """Enter what a cycle says of its sources: what was read, what was not, up to when."""
        for note in cycle.notes:
            self._noticed.add(note)
        for place, how in cycle.unread:
            self._ledger.merge(left_out(cycle.pieces[place].source, how, "E1006"))
        for place in judged.unjudged:
            source = cycle.pieces[place].source
            self._ledger.merge(left_out(source, "a piece of it killed the process that judged it", "E1006"))
        self.records += judged.part.records
        newest = judged.part.ledger.newest()
        self._ledger.merge(judged.part.ledger)
        self._ledger.settle()
        for source in sorted({piece.source for piece in cycle.pieces}):
            self.watermark.see(source, newest.get(source), cycle.now_us)
        if not self._policy.is_once:
            # What a run over files that are there was told of clocks and silence would be nonsense.
            for seen in self._checks.see(cycle, newest, judged.sequences):
                self._noticed.add(seen)

    def _close(self) -> None:
        """Let everything close: nothing comes any more."""
        for lane in self._lanes:
            lane.finish()
        self._builder.forget_changes()
        for spanned in self._builder.take_rest():
            self._follower.see(spanned, is_closed=True)

    def _pass(self, now_us: int) -> None:
        passed = self.watermark.advance(now_us)
        silent = frozenset(self.watermark.silent(now_us))

        def horizon_of(source: str) -> int:
            own = self.watermark.of(source)
            return max(own, passed) if source in silent else own

        for lane in self._lanes:
            lane.advance(passed)
        self._see_builder()
        for spanned in self._builder.take_closed(horizon_of):
            self._follower.see(spanned, is_closed=True)
        span = max([_GAP_US, *(lane.span_us for lane in self._lanes)])
        self._batches.forget(lambda source: min(horizon_of(source), passed) - span, self._follower.records)

    def _see_builder(self) -> None:
        for spanned in self._builder.changed():
            self._follower.see(spanned)

    def acts(self, changes: Sequence[Change]) -> tuple[FindingAct, ...]:
        """Return the acts of changes: a finding is one when it opens, and when it closes and has grown."""
        return tuple(
            FindingAct(
                change.finding,
                self._batches.evidence(change.finding),
                change.thread,
                self._threads.get(change.thread),
                change.formerly,
            )
            for change in changes
            if change.state != "grown"
        )

    def acted(self, changes: Sequence[Change], place_of: Callable[[str], Ref | None]) -> None:
        """Take note of where the acts of changes stand, by the ids of their findings."""
        for change in changes:
            if change.state == "opened" and (place := place_of(change.finding.id)) is not None:
                self._threads[change.thread] = place
            elif change.state == "closed":
                self._threads.pop(change.thread, None)

    @property
    def open_findings(self) -> int:
        """Return how many findings may still change."""
        return len(self._follower)

    def coverage(self) -> Coverage:
        """Return the coverage so far."""
        ledger = CoverageLedger.load(unpack(pack(self._ledger.dump())))
        for note in self._noticed.notes():
            ledger.add_note(note)
        for lane in self._lanes:
            lane.report(ledger)
        coverage = ledger.build(self._rules, self._left_out, self._tally() if self._tally else None)
        rows = tuple(row for lane in self._lanes for row in lane.rows())
        return msgspec.structs.replace(coverage, rules=(*coverage.rules, *rows))

    def noticed(self, *kinds: str) -> int:
        """Return how much feeds have noticed of some kinds."""
        return self._noticed.counts(kinds)

    def dump(self) -> bytes:
        """Return the whole state; equal states give equal bytes."""
        threads: list[Plain] = [
            [thread, packed_text(place.origin), place.index, place.leaf_hash]
            for thread, place in sorted(self._threads.items())
        ]
        return pack(
            [
                [_FORMAT, self._identity],
                [
                    self._builder.dump(),
                    self._follower.dump(),
                    self._ledger.dump(),
                    self._noticed.dump(),
                    self._checks.dump(),
                    self._batches.dump(),
                    self.watermark.dump(),
                    threads,
                    self.records,
                    [lane.dump() for lane in self._lanes],
                ],
            ]
        )

    def load(self, data: bytes) -> bool:
        """Take back what was dumped; False: by other rules, or another version. Raises StorageError."""
        header, state = unpack(data)
        if header != [_FORMAT, self._identity]:
            return False
        builder, follower, ledger, noticed, checks, batches, watermark, threads, self.records, lanes = state
        self._builder.load(builder)
        self._follower.load(follower)
        self._ledger = CoverageLedger.load(ledger)
        self._noticed.load(noticed)
        self._checks.load(checks)
        self._batches.load(batches)
        self.watermark.load(watermark)
        self._threads = {
            thread: Ref(unpacked_text(origin), index, leaf) for thread, origin, index, leaf in threads
        }
        for lane, each in zip(self._lanes, lanes, strict=True):
            lane.load(each)
        return True
