"""Make findings of hits: a function of the set of hits, the rules, the mapping and the engine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hisn.core import limits
from hisn.core.histogram import Histogram
from hisn.core.instant import MIN_INSTANT, format_instant
from hisn.core.packed import Plain, packed_text, unpacked_text
from hisn.core.spans import MAX_GRADE
from hisn.engine.hits import Decisive, HitBlock, runs_of
from hisn.events.batch import NO_TIME
from hisn.events.schema import Cell, texts_of
from hisn.findings.confidence import confidence_of
from hisn.findings.join import Hits, Opening, Strand
from hisn.findings.model import SCHEMA, Activity, Finding, Reason
from hisn.findings.sentence import english
from hisn.rules.pack import Rule

_HOUR_US = 3_600_000_000
_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4}(?:\.[0-9]{3})?)")
_LEAST_CELLS = 1 << (MAX_GRADE + 3)
"""All of years 1 to 9999 is about 1,100 cells at the widest gap; a lower limit could not be kept."""


def _nothing_declared(_source: str) -> str:
    return ""


class Spanned(NamedTuple):
    """Hold a finding and where it stands: the asset's name in the strand, first and last time.

    `group` keeps findings of one rule and asset apart that may overlap: those of correlations.
    """

    asset: str
    first: int
    last: int
    finding: Finding
    group: str = ""


class FindingBuilder:
    """Collect hits in any order and from any number of parts, and make findings of them.

    `rules` is `Pack.rules`, which `HitBlock.rule` indexes.  Hits without a usable time form one
    finding for each rule, asset and source: nothing says how far apart they are.  `declared` gives
    the digest of what the operator declared about a source, which is part of how it was mapped.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        mapping_digest: str,
        engine_version: str,
        declared: Callable[[str], str] = _nothing_declared,
    ) -> None:
        self._rules = rules
        self._mapping_digest = mapping_digest
        self._declared = declared
        self._engine_version = engine_version
        self._strands: dict[tuple[int, str], Strand] = {}
        self._activity: dict[str, Histogram] = {}
        self._touched: dict[tuple[int, str], dict[tuple[str, int], None]] = {}
        self._records_limit = limits.MAX_RECORDS_PER_FINDING
        self._cells_limit = limits.MAX_JOIN_CELLS
        self._records_held = 0
        self._cells_held = 0

    def add(self, block: HitBlock) -> None:
        """Put in the hits of one rule in one source on one asset, out of one batch."""
        if not len(block.numbers):
            return
        key = (block.rule, block.source)
        strand = self._strands.get(key)
        if strand is None:
            strand = self._strands[key] = Strand()
        before = self._measure(strand)
        touched = self._touched.setdefault(key, {})
        for first, last, hits in _runs(block):
            strand.add(block.asset, first, last, hits)
            touched[block.asset, first] = None
        self._settle(strand, before)
        self._activity_of(self._rules[block.rule].level).add(block.times[block.times != NO_TIME])

    def merge(self, other: FindingBuilder) -> None:
        """Put in everything another builder for the same rules, mapping and engine has collected."""
        self._lower(other._records_limit, other._cells_limit)
        for key, theirs in other._strands.items():
            strand = self._strands.get(key)
            if strand is None:
                strand = self._strands[key] = Strand()
            before = self._measure(strand)
            strand.merge(theirs)
            self._settle(strand, before)
        for level, histogram in other._activity.items():
            self._activity_of(level).merge(histogram)

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings in the order of (first time, source, first record, rule); untimed last."""
        made: list[tuple[tuple[int, int, str, int, str, str], Finding]] = []
        for (rule, source), strand in self._strands.items():
            strand.trim(self._records_limit, now=True)
            for asset, first, last, hits in strand:
                finding = self._finding(self._rules[rule], source, asset, (first, last), hits)
                order = (first == NO_TIME, first, source, finding.records[0], finding.rule_id, finding.id)
                made.append((order, finding))
        made.sort(key=lambda pair: pair[0])
        return tuple(finding for _order, finding in made)

    def changed(self) -> tuple[Spanned, ...]:
        """Return what got hits since the last call, as it stands now, in the order of `findings`."""
        made = []
        for (rule, source), touched in self._touched.items():
            strand = self._strands.get((rule, source))
            if strand is None:
                continue
            strand.trim(self._records_limit, now=True)
            places = {found[:3]: found[3] for place in touched if (found := strand.at(*place)) is not None}
            made += [
                self._spanned((rule, source), asset, (first, last), hits)
                for (asset, first, last), hits in places.items()
            ]
        self._touched.clear()
        return _in_order(made)

    def forget_changes(self) -> None:
        """Let `changed` begin from now."""
        self._touched.clear()

    def take_closed(self, horizon_of: Callable[[str], int]) -> tuple[Spanned, ...]:
        """Drop the findings that no more hits can join, and return them, in the order of `findings`.

        `horizon_of` gives for a source the time before which no hits of it come any more.  What is
        dropped is not in `findings` any longer.
        """
        made = []
        for key, strand in list(self._strands.items()):
            before = self._measure(strand)
            taken = strand.take_before(horizon_of(key[1]), self._records_limit)
            made += [self._spanned(key, asset, (first, last), hits) for asset, first, last, hits in taken]
            after = (0, 0) if strand.is_empty() else self._measure(strand)
            self._records_held += after[0] - before[0]
            self._cells_held += after[1] - before[1]
            if strand.is_empty():
                del self._strands[key]
        return _in_order(made)

    def take_rest(self) -> tuple[Spanned, ...]:
        """Drop everything, and return it, in the order of `findings`."""
        made = []
        for key, strand in self._strands.items():
            strand.trim(self._records_limit, now=True)
            made += [self._spanned(key, asset, (first, last), hits) for asset, first, last, hits in strand]
        self._strands.clear()
        self._records_held = self._cells_held = 0
        return _in_order(made)

    def dump(self) -> Plain:
        """Return all that was collected as plain values; the same state gives the same values."""
        strands: list[Plain] = [
            [rule, packed_text(source), strand.dump()]
            for (rule, source), strand in sorted(self._strands.items())
        ]
        activity: list[Plain] = [
            [level, histogram.dump()] for level, histogram in sorted(self._activity.items())
        ]
        return [self._records_limit, self._cells_limit, strands, activity]

    def load(self, plain: Any) -> None:
        """Take back what a builder for the same rules has dumped; this one has collected nothing yet."""
        self._records_limit, self._cells_limit, strands, activity = plain
        for rule, source, each in strands:
            strand = self._strands[rule, unpacked_text(source)] = Strand.load(each)
            records, cells = self._measure(strand)
            self._records_held += records
            self._cells_held += cells
        for level, each in activity:
            self._activity_of(level).load(each)

    def _spanned(self, key: tuple[int, str], asset: str, span: tuple[int, int], hits: Hits) -> Spanned:
        rule = self._rules[key[0]]
        return Spanned(asset, *span, self._finding(rule, key[1], asset, span, hits))

    def activity(self) -> tuple[Activity, ...]:
        """Return the hits by level and hour, sorted by (start, level); untimed hits are not in it."""
        rows = [
            Activity(
                level=level,
                start=format_instant(max(start, MIN_INSTANT)),
                seconds=histogram.width // 1_000_000,
                hits=hits,
            )
            for level, histogram in self._activity.items()
            for start, hits in histogram.starts()
        ]
        return tuple(sorted(rows, key=lambda row: (row.start, row.level)))

    def _activity_of(self, level: str) -> Histogram:
        histogram = self._activity.get(level)
        if histogram is None:
            histogram = self._activity[level] = Histogram(_HOUR_US, limits.MAX_ACTIVITY_CELLS)
        return histogram

    # What may be held is settled after every step.  `_records_held` and `_cells_held` are upper
    # bounds that only grow with more hits, whatever has been given up meanwhile: see `join`.

    def _measure(self, strand: Strand) -> tuple[int, int]:
        cells = self._cells_limit if strand.grade else min(strand.cells, self._cells_limit)
        return min(strand.count, self._records_limit), cells

    def _settle(self, strand: Strand, before: tuple[int, int]) -> None:
        strand.coarsen(self._cells_limit)
        strand.trim(self._records_limit)
        records, cells = self._measure(strand)
        self._records_held += records - before[0]
        self._cells_held += cells - before[1]
        while (
            self._records_held > limits.MAX_RECORDS_HELD
            and self._records_limit > limits.MIN_RECORDS_PER_FINDING
        ):
            self._lower(max(limits.MIN_RECORDS_PER_FINDING, self._records_limit // 4), self._cells_limit)
        while self._cells_held > limits.MAX_JOIN_CELLS_HELD and self._cells_limit > _LEAST_CELLS:
            self._lower(self._records_limit, max(_LEAST_CELLS, self._cells_limit // 4))

    def _lower(self, records_limit: int, cells_limit: int) -> None:
        if records_limit >= self._records_limit and cells_limit >= self._cells_limit:
            return
        self._records_limit = min(records_limit, self._records_limit)
        self._cells_limit = min(cells_limit, self._cells_limit)
        self._records_held = self._cells_held = 0
        for strand in self._strands.values():
            strand.coarsen(self._cells_limit)
            strand.trim(self._records_limit, now=True)
            records, cells = self._measure(strand)
            self._records_held += records
            self._cells_held += cells

    def _finding(self, rule: Rule, source: str, asset: str, span: tuple[int, int], hits: Hits) -> Finding:
        is_timed = span[0] != NO_TIME
        first, last = (format_instant(span[0]), format_instant(span[1])) if is_timed else (None, None)
        records = tuple(hits.numbers[0].tolist())
        why = tuple(_reason(decisive) for decisive in hits.opening.why)
        identity = (
            SCHEMA,
            rule.digest,
            self._mapping_digest,
            self._declared(source),
            self._engine_version,
            source,
            asset,
            first,
            records[0],
        )
        return Finding(
            id=_digest(identity),
            rule_id=rule.id,
            rule_digest=rule.digest,
            title=rule.info.title,
            level=rule.level,
            confidence=confidence_of(rule),
            asset=asset,
            source=source,
            first=first,
            last=last,
            count=hits.count,
            records=records,
            records_complete=len(records) == hits.count,
            why=why,
            sentence=english(asset, (first, last), hits.count, why),
            tags=rule.info.tags,
            techniques=techniques_of(rule.info.tags),
            falsepositives=rule.info.falsepositives,
            author=rule.info.author,
            licence=rule.info.licence,
        )


def _in_order(made: Sequence[Spanned]) -> tuple[Spanned, ...]:
    def order(each: Spanned) -> tuple[bool, int, str, int, str, str]:
        finding = each.finding
        first = each.first
        return first == NO_TIME, first, finding.source, finding.records[0], finding.rule_id, finding.id

    return tuple(sorted(made, key=order))


def techniques_of(tags: Sequence[str]) -> tuple[str, ...]:
    """Return the ATT&CK techniques among a rule's tags, as ATT&CK writes them: ``T1059.001``."""
    matches = (_TECHNIQUE.fullmatch(tag.lower()) for tag in tags)
    return tuple(sorted({match[1].upper() for match in matches if match}))


def _runs(block: HitBlock) -> Iterator[tuple[int, int, Hits]]:
    for low, high in runs_of(block.times):
        first, last = int(block.times[low]), int(block.times[high - 1])
        numbers = block.numbers[low:high].astype(np.int64)
        # A block is one run; if it is not, what explains its first hit does not explain a later run.
        opening = Opening(first, int(block.numbers[low]), block.why if low == 0 else ())
        yield first, last, Hits(high - low, high - low, (numbers,), opening)


def _reason(decisive: Decisive) -> Reason:
    return Reason(
        field=decisive.field,
        test=_cut(decisive.test),
        pattern=_cut(decisive.pattern),
        value=_text(decisive.value),
    )


def _text(cell: Cell) -> str | None:
    return None if cell is None else _cut("; ".join(texts_of(cell)))


def _cut(text: str) -> str:
    """Bound what a finding holds of one value, and say what was cut."""
    beyond = len(text) - limits.MAX_REASON_CHARS
    return text if beyond <= 0 else f"{text[: limits.MAX_REASON_CHARS]}… (+{beyond})"


def _digest(identity: tuple[str | int | None, ...]) -> str:
    # File names and damaged logs carry lone surrogates: ASCII escapes keep them apart.
    data = b"\0".join(ascii(part).encode() for part in identity)
    return "f-" + hashlib.sha256(data).hexdigest()[:32]
