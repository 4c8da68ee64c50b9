"""Let correlations be judged cycle by cycle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hisn import __version__
from hisn.app.judge import Part
from hisn.core.packed import Plain
from hisn.engine.correlate.correlator import Correlator
from hisn.engine.correlate.episode import Tally
from hisn.engine.correlate.plan import compile_correlations
from hisn.engine.coverage import RuleCoverage
from hisn.engine.ledger import CoverageLedger
from hisn.findings.build import Spanned
from hisn.findings.correlated import CorrelatedFindings
from hisn.rules.pack import Pack

_CHAINED = 4
"""A chain of correlations rests on what is so many of the longest time spans old, at most."""


class CorrelationLane:
    """Judge the correlations of a pack as the watermark passes; see `hisn.app.watch.analysis.Lane`."""

    def __init__(self, rules: Pack, mapping_digest: str, declared: Callable[[str], str]) -> None:
        self._plan = compile_correlations(rules)
        self._correlator = Correlator(self._plan)
        self._findings = CorrelatedFindings(rules, mapping_digest, __version__, declared)
        self.wanted = self._plan.wanted
        self.span_us = _CHAINED * max((each.timespan_us for each in rules.correlations), default=0)

    digest = ""
    """The rules decide alone."""

    def report(self, ledger: CoverageLedger) -> None:
        """Enter nothing: `tally` says more."""

    def rows(self) -> tuple[RuleCoverage, ...]:
        """Return nothing: correlations have rows as rules have."""
        return ()

    def add(self, part: Part) -> None:
        """Take the marks of a cycle."""
        self._correlator.add(part.marks)

    def advance(self, watermark_us: int) -> None:
        """Judge all marks up to the watermark."""
        self._correlator.advance(watermark_us)

    def finish(self) -> None:
        """Judge all marks that are left."""
        self._correlator.finish()

    def take(self) -> Iterator[tuple[Spanned, bool]]:
        """Yield the findings of the episodes that changed."""
        for episode in self._correlator.take():
            finding = self._findings.finding(episode)
            if finding is not None:
                spanned = Spanned(finding.asset, episode.first_us, episode.last_us, finding, finding.id)
                yield spanned, episode.is_closed

    def tally(self) -> Tally:
        """Return what was not judged, and why."""
        return self._correlator.tally()

    def dump(self) -> Plain:
        """Return the state."""
        return self._correlator.dump()

    def load(self, plain: Any) -> None:
        """Take back what was dumped."""
        self._correlator = Correlator.load(self._plan, plain)
