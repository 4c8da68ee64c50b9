"""Correlate the marks of one run, and make findings of what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from hisn import __version__
from hisn.engine.correlate.correlator import Correlator
from hisn.engine.correlate.episode import Tally
from hisn.engine.correlate.plan import compile_correlations
from hisn.engine.marks import MarkBlock
from hisn.findings.correlated import CorrelatedFindings
from hisn.findings.model import Finding
from hisn.rules.correlation import silenced
from hisn.rules.pack import Pack


class RunCorrelations:
    """Take the marks of all parts of a run in any order; judge them when all have come.

    `wanted` and `silenced` are what a `Scanner` needs to know.
    """

    def __init__(self, pack: Pack, mapping_digest: str, declared: Callable[[str], str]) -> None:
        plan = compile_correlations(pack)
        self.wanted: Mapping[int, Sequence[str]] = plan.wanted
        self.silenced = silenced(pack)
        self._correlator = Correlator(plan)
        self._findings = CorrelatedFindings(pack, mapping_digest, __version__, declared)

    def add(self, marks: Iterable[MarkBlock]) -> None:
        """Take marks of one part."""
        self._correlator.add(marks)

    def finish(self) -> tuple[tuple[Finding, ...], Tally]:
        """Judge everything; return the findings, and what was not judged."""
        self._correlator.finish()
        return self._findings.findings(self._correlator.take()), self._correlator.tally()
