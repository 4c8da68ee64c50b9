"""Play the demonstration: generate an election evening, judge it, compare with the ground truth.

What was planted is read from the truth that the generator wrote, never from this module: a rule
that stops working shows here as an attack that was missed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from hisn.app.guard import GuardRequest, GuardResult, Progress, guard
from hisn.elections.pack import bundled_rules
from hisn.events.declare import Declarations
from hisn.events.schema import Declaration
from hisn.findings.model import Finding
from hisn.rules.pack import LEVELS
from hisn.storage.files import write_whole
from hisn.testing.county import VESNA
from hisn.testing.evening import election_evening
from hisn.testing.generator import generate
from hisn.testing.truth import Planted, Truth, write_truth

if TYPE_CHECKING:
    from hisn.app.sealing import SealTo

LOGS = "logs"
REPORT = "report.html"
FINDINGS = "findings.json"

_ID = re.compile(rb"^id: ([0-9a-f-]{36})$", re.MULTILINE)
_ALARM_LEVEL = "high"


class Outcome(Enum):
    """Say what became of a planted attack."""

    FOUND = "found"
    PARTLY = "partly"
    MISSED = "missed"
    BLIND = "blind"
    """No rule can see it, and the truth says so."""


@dataclass(frozen=True, slots=True)
class Check:
    """Hold one planted attack, the rules that saw it, and those that should have."""

    planted: Planted
    outcome: Outcome
    seen_by: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Hold a played demonstration; `false_alarms` are grave findings on ordinary records alone."""

    folder: Path
    truth: Truth
    result: GuardResult
    checks: tuple[Check, ...]
    false_alarms: tuple[Finding, ...]

    @property
    def is_good(self) -> bool:
        """Tell whether everything planted was found and nothing else was grave."""
        expected = (Outcome.FOUND, Outcome.BLIND)
        return not self.false_alarms and all(check.outcome in expected for check in self.checks)


def generate_evening(folder: Path, seed: int, size: int) -> Truth:
    """Write the evening's logs and their ground truth into the folder and return the truth.

    The truth lies beside the logs, not among them: it is no log.  Raises UsageError (size).
    """
    truth = generate(election_evening(seed, size), folder / LOGS)
    write_truth(truth, folder)
    return truth


def declarations() -> Declarations:
    """Return what the county's inventory would say: which asset writes which file.

    Access logs and database logs do not name the host that wrote them.
    """
    return Declarations(
        default=Declaration(),
        by_glob=(
            ("portal/*", Declaration(asset=VESNA.portal_host)),
            ("registry/*", Declaration(asset=VESNA.database_host)),
        ),
    )


def run_demo(
    folder: Path, truth: Truth, progress: Progress | None = None, seal_to: SealTo | None = None
) -> DemoResult:
    """Judge the generated folder with the bundled rules and compare with the truth."""
    request = GuardRequest(paths=(str(folder / LOGS),), declarations=declarations())
    result = guard(request, progress, seal_to)
    identifiers = _identifiers()
    checks = tuple(_check(planted, result.findings, identifiers) for planted in truth.attacks)
    return DemoResult(folder, truth, result, checks, false_alarms(truth, result.findings))


def write_results(demo: DemoResult) -> None:
    """Write the report for people and the findings for programs beside the logs."""
    from hisn.app.render import render, render_html

    write_whole(demo.folder / REPORT, render_html(demo.result, "informational"))
    write_whole(demo.folder / FINDINGS, render(demo.result, "json", "informational"))


def _identifiers() -> dict[str, str]:
    """Return the rule ids of the bundled pack by file stem."""
    found = {}
    for rule in bundled_rules():
        if match := _ID.search(rule.data):
            found[rule.path.removesuffix(".yml")] = match[1].decode()
    return found


def _check(planted: Planted, findings: tuple[Finding, ...], identifiers: dict[str, str]) -> Check:
    records = set(planted.records)
    fired = {
        finding.rule_id
        for finding in findings
        if finding.source == planted.source and not records.isdisjoint(finding.records)
    }
    seen = tuple(stem for stem in planted.expect if identifiers.get(stem) in fired)
    missing = tuple(stem for stem in planted.expect if stem not in seen)
    if not planted.expect:
        outcome = Outcome.BLIND
    elif not missing:
        outcome = Outcome.FOUND
    else:
        outcome = Outcome.PARTLY if seen else Outcome.MISSED
    return Check(planted, outcome, seen, missing)


def false_alarms(truth: Truth, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return grave findings none of whose records belongs to an attack: the surge is no attack."""
    planted: dict[str, set[int]] = {}
    for attack in truth.attacks:
        planted.setdefault(attack.source, set()).update(attack.records)
    floor = LEVELS.index(_ALARM_LEVEL)
    return tuple(
        finding
        for finding in findings
        if LEVELS.index(finding.level) >= floor
        and planted.get(finding.source, set()).isdisjoint(finding.records)
    )
