"""Do the main job: logs in, findings and coverage out."""

from __future__ import annotations

import fnmatch
import functools
import heapq
import os
import time
from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from hisn import __version__
from hisn.app.judge import BatchLimits, Judge, Part, Timings
from hisn.app.pool import Group, judge_groups
from hisn.app.wiring import load_databases, load_plan, load_rule_pack
from hisn.core import limits
from hisn.engine.correlate.episode import Tally
from hisn.engine.coverage import Coverage, RuleCoverage
from hisn.engine.databases import Databases
from hisn.engine.ledger import CoverageLedger
from hisn.engine.plan import Plan
from hisn.engine.scan import Scanner, Window
from hisn.errors import UsageError
from hisn.events.declare import Declarations
from hisn.events.mapping import Mapping, load_mapping
from hisn.events.open import discover
from hisn.events.tasks import Task
from hisn.findings.build import FindingBuilder
from hisn.findings.correlated import order_of
from hisn.findings.model import Activity, Finding
from hisn.rules.correlation import Correlation
from hisn.rules.pack import Pack, Rule, leave_out

if TYPE_CHECKING:
    from hisn.app.correlated import RunCorrelations

    # A run that seals nothing does not load the ledger: half of a small run would be its start.
    from hisn.app.sealed import SealSummary
    from hisn.app.sealer import RunSealer, SealTarget
    from hisn.app.surges import RunSurges
    from hisn.elections.countries import Countries
    from hisn.elections.phases import ElectionCalendar

_SMALL_RUN_BYTES = 4 * limits.MiB
_GROUP_BYTES = 64 * limits.MiB


class Progress(Protocol):
    """Be told how far a run has come."""

    def start(self, total_bytes: int) -> None:
        """Say how many bytes there are to read (compressed size for archives)."""

    def advance(self, size_bytes: int, records: int, hits: int) -> None:
        """Say what one more batch gave."""

    def close(self) -> None:
        """Say that the run is over."""


@dataclass(frozen=True, slots=True)
class GuardRequest:
    """Say what to judge and how. `processes` 0: as many as the machine has and the work deserves.

    With a `calendar` surges of web requests are looked for, too.
    """

    paths: tuple[str, ...]
    declarations: Declarations
    rules: tuple[Path, ...] = ()
    placeholders: Path | None = None
    exclude: tuple[str, ...] = ()
    window: Window | None = None
    processes: int = 0
    use_hyperscan: bool = True
    batch: BatchLimits = field(default_factory=BatchLimits)
    calendar: ElectionCalendar | None = None
    countries: Countries | None = None


@dataclass(frozen=True, slots=True)
class GuardResult:
    """Hold a run's findings, coverage and figures; only the figures may differ from run to run."""

    findings: tuple[Finding, ...]
    activity: tuple[Activity, ...]
    coverage: Coverage
    pack: Pack
    mapping_digest: str
    records: int
    size_bytes: int
    hits: int
    elapsed_s: float
    stages: dict[str, float]
    sealed: SealSummary | None = None


def guard(
    request: GuardRequest, progress: Progress | None = None, seal_to: SealTarget | None = None
) -> GuardResult:
    """Judge every record under the paths by every rule. Raises UsageError, InputError, StorageError.

    With `seal_to`, every file is taken in before it is parsed, every batch is in the member's log
    before it is judged, and every finding is an act of the member.
    """
    clock = _Stopwatch()
    discovery = discover(request.paths, request.declarations)
    clock.lap("discover")
    mapping = load_mapping()
    taking = seal_to.begin(discovery, request.declarations, mapping.digest) if seal_to else None
    pack, excluded = choose(load_rule_pack(request.rules, request.placeholders), request.exclude)
    clock.lap("rules")
    plan = load_plan(pack)
    databases = load_databases(plan) if request.use_hyperscan else None
    clock.lap("plan")
    sealing: RunSealer | None = None
    if taking:
        discovery, sealing = taking()
        clock.lap("take in")
    results = _Results(pack, mapping, request)
    for note in discovery.notes:
        results.ledger.add_note(note)
    processes = _processes(request, discovery.tasks)
    wanted, silenced = results.looked_at()
    make_judge = functools.partial(
        _make_judge, plan, databases, mapping, request, wanted=wanted, silenced=silenced
    )
    if progress:
        progress.start(sum(task.size_bytes for task in discovery.tasks))
    for part in judge_groups(_groups(discovery.tasks, processes), make_judge, processes, sealing):
        hits = results.add(part)
        if progress:
            progress.advance(part.size_bytes, part.records, hits)
        # Its marks hold cells, and with them the texts of a whole batch while the next one is read.
        del part
    if progress:
        progress.close()
    clock.lap("judge")
    findings, tally = results.findings()
    coverage = results.with_checks(results.ledger.build(pack, excluded, tally))
    clock.lap("findings")
    if sealing:
        sealing.record_findings(findings, request.window)
        clock.lap("record")
    timings = results.timings
    stages = clock.laps | {"read": timings.read_s, "seal": timings.seal_s, "scan": timings.scan_s}
    return GuardResult(
        findings=findings,
        activity=results.builder.activity(),
        coverage=coverage,
        pack=pack,
        mapping_digest=mapping.digest,
        records=results.records,
        size_bytes=results.size_bytes,
        hits=results.hits,
        elapsed_s=clock.total(),
        stages=stages,
        sealed=sealing.summary() if sealing else None,
    )


def _make_judge(
    plan: Plan,
    databases: Databases | None,
    mapping: Mapping,
    request: GuardRequest,
    *,
    wanted: MappingOf[int, Sequence[str]],
    silenced: frozenset[int],
) -> Judge:
    scanner = Scanner(
        plan,
        mapping,
        window=request.window,
        use_hyperscan=request.use_hyperscan,
        databases=databases,
        wanted=wanted,
        silenced=silenced,
    )
    judge = Judge(scanner, request.batch)
    if request.calendar:
        from hisn.app.surges import web_tap

        judge.tap = web_tap(mapping, request.calendar, request.countries, request.window)
    return judge


def choose(pack: Pack, patterns: Sequence[str]) -> tuple[Pack, tuple[Rule | Correlation, ...]]:
    """Split the pack into what is judged and what the operator left out; both are in coverage.

    A correlation that rests on a rule that was left out is left out with it.
    """
    everything: tuple[Rule | Correlation, ...] = (*pack.rules, *pack.correlations)
    left = {each.digest for each in everything if patterns and _is_excluded(each, patterns)}
    if left:
        pack = leave_out(pack, left)
    if not pack.rules:
        raise UsageError("E1005", "no rule is left to judge", hint="check --rules and --exclude")
    kept = {rule.digest for rule in pack.rules} | {each.digest for each in pack.correlations}
    return pack, tuple(each for each in everything if each.digest not in kept)


def _is_excluded(each: Rule | Correlation, patterns: Sequence[str]) -> bool:
    names = (each.id, each.path, each.info.title, *each.info.tags)
    return any(
        fnmatch.fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns for name in names
    )


def _processes(request: GuardRequest, tasks: Sequence[Task]) -> int:
    """Return how many processes the work deserves: a small run is over before a second one starts."""
    if request.processes:
        return request.processes
    if sum(task.size_bytes for task in tasks) < _SMALL_RUN_BYTES:
        return 1
    return min(os.cpu_count() or 1, max(1, len(tasks)))


def _groups(tasks: Sequence[Task], processes: int) -> list[Group]:
    """Share the tasks out: as few groups as keep every process busy, since full batches judge faster.

    Each group gets the largest task that is left when it is the smallest group, which keeps them
    about equal; the largest group comes first.
    """
    if processes <= 1:
        return [tuple(tasks)] if tasks else []
    total = sum(task.size_bytes for task in tasks)
    rounds = max(1, round(total / (processes * _GROUP_BYTES)))
    heap: list[tuple[int, int]] = [(0, at) for at in range(processes * rounds)]
    groups: list[list[Task]] = [[] for _ in heap]
    for task in sorted(tasks, key=lambda task: (-task.size_bytes, task.name, task.start)):
        size, at = heap[0]
        groups[at].append(task)
        heapq.heapreplace(heap, (size + task.size_bytes, at))
    largest_first = sorted(heap, key=lambda entry: (-entry[0], entry[1]))
    return [tuple(groups[at]) for _size, at in largest_first if groups[at]]


class _Results:
    """Gather what the parts of a run give."""

    def __init__(self, pack: Pack, mapping: Mapping, request: GuardRequest) -> None:
        declared = request.declarations.digest_of
        self.builder = FindingBuilder(pack.rules, mapping.digest, __version__, declared)
        self.ledger = CoverageLedger()
        self.timings = Timings()
        self.records = self.size_bytes = self.hits = 0
        self._correlations: RunCorrelations | None = None
        if pack.correlations:
            from hisn.app.correlated import RunCorrelations

            self._correlations = RunCorrelations(pack, mapping.digest, declared)
        self._surges: RunSurges | None = None
        self._checks: tuple[RuleCoverage, ...] = ()
        if request.calendar:
            from hisn.app.surges import RunSurges

            self._surges = RunSurges(request.calendar, request.countries, mapping.digest, declared)

    def looked_at(self) -> tuple[MappingOf[int, Sequence[str]], frozenset[int]]:
        """Return the fields that correlations want of the hits of rules, and the rules that are silent."""
        each = self._correlations
        return (each.wanted, each.silenced) if each else ({}, frozenset())

    def add(self, part: Part) -> int:
        """Take in a part; return how many hits it has."""
        for block in part.hits:
            self.builder.add(block)
        if self._correlations:
            self._correlations.add(part.marks)
        if self._surges:
            self._surges.add(part.minutes)
        self.ledger.merge(part.ledger)
        hits = sum(len(block.numbers) for block in part.hits)
        self.records += part.records
        self.size_bytes += part.size_bytes
        self.hits += hits
        self.timings.add(part.timings)
        return hits

    def findings(self) -> tuple[tuple[Finding, ...], Tally | None]:
        """Return all findings in their order, and what correlations did not judge."""
        findings = self.builder.findings()
        tally: Tally | None = None
        if self._correlations:
            correlated, tally = self._correlations.finish()
            findings = (*findings, *correlated)
        if self._surges:
            surges, row = self._surges.finish(self.ledger)
            findings, self._checks = (*findings, *surges), (row,)
        return tuple(sorted(findings, key=order_of)), tally

    def with_checks(self, coverage: Coverage) -> Coverage:
        """Return the coverage with the checks that are no rules."""
        if not self._checks:
            return coverage
        return msgspec.structs.replace(coverage, rules=(*coverage.rules, *self._checks))


class _Stopwatch:
    """Measure stages; figures only, nothing is decided by them."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = now - self._last
        self._last = now

    def total(self) -> float:
        return time.perf_counter() - self._began
