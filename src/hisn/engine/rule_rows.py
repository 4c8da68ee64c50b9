"""Say of each rule and correlation what happened to it, and what correlations did not judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hisn.core.instant import format_instant
from hisn.engine.correlate.episode import Tally
from hisn.engine.coverage import RuleCoverage, Shortfall, UncorrelatedHits
from hisn.events.schema import Logsource
from hisn.rules.correlation import TEMPORAL, Correlation, chain_order, silenced, silenced_correlations
from hisn.rules.pack import Pack, Refused, Rule

JUDGED = "judged"
NO_SOURCE = "no such source"


def rule_rows(
    pack: Pack, seen: Mapping[Logsource, int], excluded: Sequence[Rule | Correlation] = ()
) -> tuple[RuleCoverage, ...]:
    """Return a row for everything in a pack, and for what the operator left out of it.

    `seen` counts the records that were judged, by log source.
    """
    rows = [_row(each, "excluded", 0) for each in excluded]
    counts = _counts(pack.rules, seen)
    silent = silenced(pack)
    for index, rule in enumerate(pack.rules):
        count = counts[rule.digest]
        rows.append(_row(rule, JUDGED if count else NO_SOURCE, count, is_silent=index in silent))
    rows += _correlations(pack, counts)
    rows += [_refused(refused) for refused in pack.refused]
    return tuple(sorted(rows, key=lambda row: (row.path, row.line, row.id, row.status)))


def _counts(rules: Iterable[Rule], seen: Mapping[Logsource, int]) -> dict[str, int]:
    by_logsource: dict[tuple[str | None, str | None, str | None], int] = {}
    counts = {}
    for rule in rules:
        wanted = (rule.logsource.product, rule.logsource.category, rule.logsource.service)
        if wanted not in by_logsource:
            # 3,000 rules name some 150 log sources: each is looked up once.
            by_logsource[wanted] = sum(
                count for logsource, count in seen.items() if logsource.satisfies(*wanted)
            )
        counts[rule.digest] = by_logsource[wanted]
    return counts


def _correlations(pack: Pack, counts: Mapping[str, int]) -> list[RuleCoverage]:
    """Return rows in which a correlation has seen what the one of its rules that saw most has seen."""
    counts = dict(counts)
    silent = silenced_correlations(pack)
    rows = []
    for index in chain_order(pack.correlations):
        each = pack.correlations[index]
        by_name = {
            reference.name: max(counts[digest] for digest in reference.digests)
            for reference in each.references
        }
        unseen = sorted(name for name, count in by_name.items() if not count)
        is_blind = bool(unseen) if _needs_all(each) else len(unseen) == len(by_name)
        counts[each.digest] = 0 if is_blind else max(by_name.values())
        reason = f"no log source for: {', '.join(unseen)}" if unseen else ""
        status = NO_SOURCE if is_blind else JUDGED
        row = _row(each, status, counts[each.digest], is_silent=index in silent, reason=reason)
        rows.append(row)
    return rows


def _needs_all(correlation: Correlation) -> bool:
    return correlation.kind in TEMPORAL and not correlation.condition and correlation.expression is None


def uncorrelated_hits(pack: Pack, tally: Tally) -> tuple[UncorrelatedHits, ...]:
    """Return the hits that no correlation could place, by the ids of their rules and by source."""
    counts: dict[tuple[str, str], list[int]] = {}
    for each in tally.unplaced:
        both = counts.setdefault((pack.rules[each.rule].id, each.source), [0, 0])
        both[0] += each.untimed
        both[1] += each.late
    return tuple(
        UncorrelatedHits(rule_id=rule_id, source=source, untimed=untimed, late=late)
        for (rule_id, source), (untimed, late) in sorted(counts.items())
    )


def shortfalls_of(pack: Pack, tally: Tally) -> tuple[Shortfall, ...]:
    """Return what each correlation did not judge; one that judged all is not listed."""
    found = []
    for each in tally.shortfalls:
        if not (each.without_group or each.without_value or each.let_go or each.dropped):
            continue
        correlation = pack.correlations[each.correlation]
        since = each.dropped_from_us
        found.append(
            Shortfall(
                id=correlation.id,
                title=correlation.info.title,
                without_group=each.without_group,
                without_value=each.without_value,
                let_go=each.let_go,
                dropped=each.dropped,
                dropped_from=None if since is None else format_instant(since),
            )
        )
    return tuple(found)


def correlation_reasons(
    uncorrelated: Iterable[UncorrelatedHits], shortfalls: Iterable[Shortfall]
) -> Iterator[str]:
    """Yield why correlations make a run incomplete, in English."""
    late = sum(each.late for each in uncorrelated)
    lost = sum(each.let_go + each.dropped for each in shortfalls)
    if late:
        yield f"hits that came too late for correlations: {late}"
    if lost:
        yield f"events that correlations could not hold: {lost}"


def _row(
    each: Rule | Correlation, status: str, records_seen: int, *, is_silent: bool = False, reason: str = ""
) -> RuleCoverage:
    is_correlation = isinstance(each, Correlation)
    return RuleCoverage(
        id=each.id,
        title=each.info.title,
        path=each.path,
        status=status,
        reason=reason,
        line=each.line if is_correlation else 0,
        records_seen=records_seen,
        kind="correlation" if is_correlation else "rule",
        silent=is_silent,
    )


def _refused(refused: Refused) -> RuleCoverage:
    return RuleCoverage(
        id=refused.id,
        title=refused.title,
        path=refused.path,
        status="refused",
        reason=refused.reason,
        line=refused.line,
        kind="correlation" if refused.code.startswith("E221") else "rule",
    )
