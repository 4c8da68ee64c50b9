"""Keep the coverage ledger: what was read and judged, and everything that was not.

Parts of a run keep ledgers of their own; merged in any order they give the same coverage.
Memory is bounded by the number of chunks and by `core.limits`, whatever times and host names the
records claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.engine.asset_ledger import AssetLedger
from hisn.engine.correlate.episode import Tally
from hisn.engine.coverage import Coverage, SourceCoverage
from hisn.engine.rule_rows import correlation_reasons, rule_rows, shortfalls_of, uncorrelated_hits
from hisn.engine.source_ledger import SourceLedger
from hisn.events.batch import Chunk, Int64s
from hisn.events.schema import Logsource
from hisn.events.source import SourceNote
from hisn.rules.correlation import Correlation
from hisn.rules.pack import Pack, Rule


class ScanFacts(Protocol):
    """Say what coverage needs of a scan: records by log source, times by asset, records not judged."""

    @property
    def seen(self) -> Mapping[Logsource, int]:
        """Return how many records of each log source were judged."""
        ...

    @property
    def presence(self) -> Sequence[tuple[str, Int64s]]:
        """Return the times of the records of each asset; an asset may come more than once."""
        ...

    @property
    def outside_window(self) -> Mapping[str, int]:
        """Return how many records of each source were left out by the operator's time window."""
        ...


class CoverageLedger:
    """Collect what was seen, in any order; `build` makes the coverage of a run of it."""

    def __init__(self) -> None:
        self._sources: dict[str, SourceLedger] = {}
        self._seen: dict[Logsource, int] = {}
        self._assets = AssetLedger()

    def add_chunk(self, chunk: Chunk) -> None:
        """Enter one stretch of a source; its record numbers count from the start of the source."""
        self._source(chunk.source).add_chunk(chunk)

    def add_note(self, note: SourceNote) -> None:
        """Enter what was said of a whole source."""
        self._source(note.source).add_note(note)

    def add_scan(self, scan: ScanFacts) -> None:
        """Enter what a scan saw."""
        for logsource, count in scan.seen.items():
            self._seen[logsource] = self._seen.get(logsource, 0) + count
        for asset, times in scan.presence:
            self._assets.add(asset, times)
        for source, count in scan.outside_window.items():
            self._source(source).outside_window += count

    def merge(self, other: CoverageLedger) -> None:
        """Enter everything of another ledger of the same run."""
        for name, theirs in other._sources.items():
            self._source(name).merge(theirs)
        for logsource, count in other._seen.items():
            self._seen[logsource] = self._seen.get(logsource, 0) + count
        self._assets.merge(other._assets)

    def newest(self) -> dict[str, int | None]:
        """Return the greatest time of each source's records, None where none has one."""
        return {name: ledger.newest() for name, ledger in self._sources.items()}

    def settle(self) -> None:
        """Hold no more than needed: a watch reads its sources in order, and for ever."""
        for ledger in self._sources.values():
            ledger.settle()

    def dump(self) -> Plain:
        """Return all of it as plain values; the same state gives the same values."""
        sources: list[Plain] = [
            [packed_text(name), each.dump()] for name, each in sorted(self._sources.items())
        ]
        axes = sorted(
            ([sorted(map(packed_text, names)) for names in _axes(logsource)], count)
            for logsource, count in self._seen.items()
        )
        seen: list[Plain] = [[[list(names) for names in each], count] for each, count in axes]
        return [sources, seen, self._assets.dump()]

    @classmethod
    def load(cls, plain: Any) -> CoverageLedger:
        """Return what was dumped."""
        self = cls()
        sources, seen, assets = plain
        self._sources = {unpacked_text(name): SourceLedger.load(each) for name, each in sources}
        self._seen = {
            Logsource(*(frozenset(map(unpacked_text, names)) for names in axes)): count
            for axes, count in seen
        }
        self._assets = AssetLedger.load(assets)
        return self

    def build(
        self, pack: Pack, excluded: Sequence[Rule | Correlation] = (), tally: Tally | None = None
    ) -> Coverage:
        """Return the coverage; `excluded` is what the operator left out, not part of `pack`.

        `tally` says what its correlations did not judge.
        """
        sources = tuple(self._sources[name].build(name) for name in sorted(self._sources))
        uncorrelated = uncorrelated_hits(pack, tally) if tally else ()
        shortfalls = shortfalls_of(pack, tally) if tally else ()
        reasons = (*_incomplete_reasons(sources, pack), *correlation_reasons(uncorrelated, shortfalls))
        return Coverage(
            complete=not reasons,
            incomplete_reasons=reasons,
            sources=sources,
            rules=rule_rows(pack, self._seen, excluded),
            assets=self._assets.build(),
            uncorrelated=uncorrelated,
            shortfalls=shortfalls,
        )

    def _source(self, name: str) -> SourceLedger:
        ledger = self._sources.get(name)
        if ledger is None:
            ledger = self._sources[name] = SourceLedger()
        return ledger


def _axes(logsource: Logsource) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    return logsource.products, logsource.categories, logsource.services


def _incomplete_reasons(sources: Sequence[SourceCoverage], pack: Pack) -> Iterable[str]:
    """Yield why this run is incomplete, in English; views say the same from the counts."""
    skipped = sum(source.status == "skipped" for source in sources)
    partial = sum(source.status == "partial" for source in sources)
    unparsed = sum(source.unparsed_total for source in sources)
    if not sources:
        yield "no source was found"
    if skipped:
        yield f"sources not read: {skipped}"
    if partial:
        yield f"sources read in part: {partial}"
    if unparsed:
        yield f"records that could not be parsed: {unparsed}"
    if pack.refused:
        yield f"rules refused: {len(pack.refused)}"
