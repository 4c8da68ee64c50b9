"""Gather what every form of output shows of one run: findings, coverage, summary, figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hisn.engine.coverage import Coverage
from hisn.findings.model import Activity, Finding
from hisn.rules.pack import LEVELS

SCHEMA = "hisn.report.v1"
TOP = 5


@dataclass(frozen=True, slots=True)
class RunFigures:
    """Say what ran. `elapsed_s` alone differs from run to run and stays out of the machine forms."""

    version: str
    rules_digest: str
    mapping_digest: str
    records: int
    size_bytes: int
    hits: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """Count findings and hits, of the findings that are shown.

    `levels` holds (level, findings, hits), most severe first, every level; `assets` and
    `techniques` (name, findings, hits), `hours` (start, hits), each the largest first.
    `below_level` counts findings that the chosen level hides.
    """

    levels: tuple[tuple[str, int, int], ...]
    assets: tuple[tuple[str, int, int], ...]
    techniques: tuple[tuple[str, int, int], ...]
    hours: tuple[tuple[str, int], ...]
    below_level: int


@dataclass(frozen=True, slots=True)
class Report:
    """Hold one run as it is shown: findings from `level` on in their own order, coverage whole."""

    level: str
    findings: tuple[Finding, ...]
    coverage: Coverage
    figures: RunFigures
    summary: Summary
    activity: tuple[Activity, ...] = field(default=())


def report_of(
    findings: Sequence[Finding],
    coverage: Coverage,
    figures: RunFigures,
    level: str = LEVELS[0],
    activity: Sequence[Activity] = (),
) -> Report:
    """Return the report of a run, with the findings from `level` on."""
    shown = tuple(finding for finding in findings if rank(finding.level) >= rank(level))
    active = tuple(row for row in activity if rank(row.level) >= rank(level))
    summary = Summary(
        levels=_by_level(shown),
        assets=_tally((finding.asset, finding.count) for finding in shown),
        techniques=_tally((name, finding.count) for finding in shown for name in finding.techniques),
        hours=_busiest(active),
        below_level=len(findings) - len(shown),
    )
    return Report(
        level=level, findings=shown, coverage=coverage, figures=figures, summary=summary, activity=active
    )


def rank(level: str) -> int:
    """Return the place of a level in `LEVELS`; an unknown one counts as the lowest."""
    return LEVELS.index(level) if level in LEVELS else 0


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with the most severe first, within a level in their own order."""
    return sorted(findings, key=lambda finding: -rank(finding.level))


def _by_level(findings: Sequence[Finding]) -> tuple[tuple[str, int, int], ...]:
    rows = []
    for level in reversed(LEVELS):
        counts = [finding.count for finding in findings if finding.level == level]
        rows.append((level, len(counts), sum(counts)))
    return tuple(rows)


def _tally(pairs: Iterable[tuple[str, int]]) -> tuple[tuple[str, int, int], ...]:
    findings: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for name, count in pairs:
        findings[name] += 1
        hits[name] += count
    order = sorted(findings, key=lambda name: (-hits[name], -findings[name], name))
    return tuple((name, findings[name], hits[name]) for name in order)


def _busiest(activity: Sequence[Activity]) -> tuple[tuple[str, int], ...]:
    hits: Counter[str] = Counter()
    for row in activity:
        hits[row.start] += row.hits
    order = sorted(hits, key=lambda start: (-hits[start], start))
    return tuple((start, hits[start]) for start in order[:TOP])
