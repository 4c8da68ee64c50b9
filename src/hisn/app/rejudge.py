"""Judge the batches of a finding again, and compare what comes out with what was said, field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from hisn import __version__
from hisn.acts.statement import Ref
from hisn.app.correlated import RunCorrelations
from hisn.app.reread import BatchAct, Reread
from hisn.app.sealed import sealed_chunk
from hisn.app.sealing import Basis, Evidence, Sealed, evidence_of, finding_fields
from hisn.core.limits import MIN_RECORDS_PER_FINDING
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner, Window
from hisn.events.batch import Int64s
from hisn.events.mapping import Mapping as EventMapping
from hisn.evidence.disclosure import Value
from hisn.findings.build import FindingBuilder
from hisn.findings.join import MANY_ASSETS
from hisn.findings.model import Finding
from hisn.rules.correlation_shape import only_grows
from hisn.rules.pack import Pack


class Outcome(Enum):
    """Say how a recheck ended."""

    SAME = "same"
    DIFFERENT = "different"
    INCOMPARABLE = "incomparable"


class Reason(Enum):
    """Say why two findings cannot be compared; that is no dissent."""

    ENGINE = "engine"
    MAPPING = "mapping"
    RULE = "rule"
    CUT = "cut"
    JOINED = "joined"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold a field that came out differently; None where one of the two does not have it."""

    field: str
    expected: Value
    got: Value


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold the outcome, with what differs, or why nothing could be compared."""

    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Hold what a finding says: all its fields, and the batches it names with the events in each."""

    fields: Mapping[str, Value]
    batches: tuple[BatchAct, ...]
    events: Mapping[int, tuple[int, ...]]

    def text(self, name: str) -> str:
        """Return a field as text, empty where it is absent or null."""
        value = self.fields.get(name)
        return "" if value is None else str(value)

    @property
    def window(self) -> Window | None:
        """Return what was judged of the batches; None: all of it."""
        match self.fields.get("window"):
            case (start, end):
                return Window(
                    start if isinstance(start, int) else None, end if isinstance(end, int) else None
                )
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Found:
    """Hold one finding that came out, with what it rests on."""

    finding: Finding
    evidence: Sequence[Evidence]

    @property
    def events(self) -> dict[int, tuple[int, ...]]:
        """Return the events it rests on, by entry of their batch."""
        return {place.index: events for place, _chunk, events in self.evidence}


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold everything that a rule gives in some batches, and the records of each batch that it hits.

    With `may_miss`, what the batches do not hold could give something else.
    """

    found: tuple[Found, ...]
    hits: Mapping[int, frozenset[int]]
    may_miss: bool = False


@dataclass(frozen=True, slots=True)
class By:
    """Hold what a finding is judged by: a rule, or a correlation with everything that it rests on."""

    digest: str
    pack: Pack

    @property
    def may_miss(self) -> bool:
        """Tell whether records outside the batches that a finding names can decide about it.

        So it is where fewer events are asked for, where one must be absent, or where correlations
        judge correlations: an episode may have begun with records that the last one does not name.
        """
        several = self.pack.correlations
        return len(several) > 1 or not all(map(only_grows, several))


def judge_again(
    by: By, mapping: EventMapping, window: Window | None, batches: Iterable[Reread], origin: str
) -> Judged:
    """Judge batches of a member's log by one rule, as `guard` does, one batch after another."""
    declared: dict[str, str] = {}

    def declared_of(source: str) -> str:
        return declared.get(source, "")

    pack = by.pack
    builder = FindingBuilder(pack.rules, mapping.digest, __version__, declared_of)
    run = RunCorrelations(pack, mapping.digest, declared_of) if pack.correlations else None
    scanner = Scanner(compile_plan(pack), mapping, window=window, wanted=run.wanted if run else None)
    sealed: dict[str, list[Sealed]] = {}
    hits: dict[int, frozenset[int]] = {}
    for each in batches:
        index, source = each.act.index, each.placed.chunk.source
        declared[source] = str(each.act.field("declared"))
        chunk = sealed_chunk(each.placed, each.batch.sealed)
        # Only the place's index is used: what comes out is never an act.
        sealed.setdefault(source, []).append(Sealed(chunk, Ref(origin, index, b"")))
        scan = scanner.scan([each.placed.chunk])
        numbers: list[Int64s] = [np.empty(0, np.int64), *(block.numbers for block in scan.hits)]
        if run:
            run.add(scan.marks)
        else:
            for block in scan.hits:
                builder.add(block)
        records = np.unique(np.concatenate(numbers)).tolist()
        hits[index] = frozenset(event for record in records if (event := chunk.event_of(record)) is not None)
    findings = run.finish()[0] if run else builder.findings()
    found = (Found(each, evidence_of(each, sealed)) for each in findings if each.rule_digest == by.digest)
    return Judged(tuple(found), hits, by.may_miss)


def compare(claim: Claim, judged: Judged, basis: Basis) -> Verdict:
    """Return whether the claim is what came out."""
    chosen = _choose(claim, judged.found)
    if chosen is None:
        differences: tuple[Difference, ...] = (Difference("id", claim.fields.get("id"), None),)
    else:
        differences = _differences(claim, chosen, basis)
    if not differences:
        return Verdict(Outcome.SAME)
    reason = _excuse(claim, judged, differences)
    if reason:
        return Verdict(Outcome.INCOMPARABLE, differences, reason)
    return Verdict(Outcome.DIFFERENT, differences)


def _choose(claim: Claim, found: Sequence[Found]) -> Found | None:
    """Return the finding that the claim is about: the one with its id, else the one most like it."""
    for each in found:
        if each.finding.id == claim.text("id"):
            return each
    named = {(leaf, event) for leaf, events in claim.events.items() for event in events}

    def shared(each: Found) -> tuple[int, bool]:
        events = {(leaf, event) for leaf, events in each.events.items() for event in events}
        return len(named & events), each.finding.asset == claim.text("asset")

    best = max(found, key=shared, default=None)
    return best if best and shared(best)[0] else None


def _differences(claim: Claim, found: Found, basis: Basis) -> tuple[Difference, ...]:
    got = finding_fields(found.finding, basis, found.evidence)
    expected = claim.fields
    names = sorted((expected.keys() | got.keys()) - {"batches"})
    differences = [
        Difference(name, expected.get(name), got.get(name))
        for name in names
        if expected.get(name) != got.get(name)
    ]
    events = found.events
    for leaf in sorted(claim.events.keys() | events.keys()):
        said, seen = claim.events.get(leaf), events.get(leaf)
        if said != seen:
            differences.append(Difference(f"batches.{leaf}.events", said, seen))
    return tuple(differences)


_LOOSE = ("id", "asset", "first", "last", "count", "sentence", "records_complete")
_LOOSE_PARTS = ("why.", "batches.")
_MISSING, _MISSING_PARTS = ("source", "evidence"), ("group.",)
"""What may differ besides where records decide that the finding does not name."""


def _excuse(claim: Claim, judged: Judged, differences: Sequence[Difference]) -> Reason | None:
    """Return why an honest finding may differ so: under a flood a run names fewer records, or joins more.

    Every event that it names must be a hit all the same, or nothing excuses it.
    """
    names = (*_LOOSE, *_MISSING) if judged.may_miss else _LOOSE
    parts = (*_LOOSE_PARTS, *_MISSING_PARTS) if judged.may_miss else _LOOSE_PARTS
    loose = all(each.field in names or each.field.startswith(parts) for each in differences)
    if not loose or not all(set(events) <= judged.hits[leaf] for leaf, events in claim.events.items()):
        return None
    named = sum(map(len, claim.events.values()))
    if claim.text("records_complete") == "false" and named >= MIN_RECORDS_PER_FINDING:
        return Reason.CUT
    if judged.may_miss:
        return Reason.MISSING
    return Reason.JOINED if _is_joined(claim, judged.found) else None


def _is_joined(claim: Claim, found: Sequence[Found]) -> bool:
    """Tell whether the claim is the sum of several findings: a flood of hits is joined more coarsely."""
    first, last, asset = claim.text("first"), claim.text("last"), claim.text("asset")
    parts = [
        each
        for each in found
        if asset in (MANY_ASSETS, each.finding.asset)
        and first <= (each.finding.first or "")
        and (each.finding.last or "") <= last
    ]
    events: dict[int, set[int]] = {}
    for part in parts:
        for leaf, inside in part.events.items():
            events.setdefault(leaf, set()).update(inside)
    same = {leaf: set(inside) for leaf, inside in claim.events.items()} == events
    return same and len(parts) > 1 and sum(each.finding.count for each in parts) == claim.fields.get("count")
