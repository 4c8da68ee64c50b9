"""Render a run for a terminal: findings as readable blocks, then coverage, then a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hisn.engine.coverage import RuleCoverage, SourceCoverage
from hisn.events.schema import Unparsed
from hisn.findings.model import Finding
from hisn.findings.sentence import MAX_CLAUSES
from hisn.present import wording
from hisn.present.i18n import _, ngettext
from hisn.present.layout import cells, labelled, paint
from hisn.present.report import TOP, Report, by_severity
from hisn.present.tech import TERMINAL, prose, tech

_LISTED = 10
_HOLES_LISTED = 3
_RULE = "─"


def render_text(report: Report, *, width: int | None = None, colour: bool = False) -> str:
    """Return the whole result as text; `width` None (no terminal) wraps nothing."""
    page = _Page(width, colour)
    lines = [
        *_findings(report, page),
        *_coverage(report, page),
        *_summary(report, page),
        *_verdict(report, page),
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Page:
    width: int | None
    colour: bool

    def heading(self, text: str) -> list[str]:
        return ["", self.paint(text, "heading"), self.paint(_RULE * cells(text), "faint")]

    def row(self, label: str, text: str, indent: int = 2) -> list[str]:
        return labelled(label, text, indent=indent, label_width=self.label_width, width=self.width)

    def paint(self, text: str, style: str) -> str:
        return paint(text, style, colour=self.colour)

    @property
    def label_width(self) -> int:
        return 2 + max(cells(label) for label in _labels())


def _labels() -> tuple[str, ...]:
    return (
        _("seen"),
        _("why"),
        _("where"),
        _("rule"),
        _("false alarm if"),
        _("sources"),
        _("time span"),
        _("rules"),
        _("not read"),
        _("read in part"),
        _("not parsed"),
        _("silence"),
        _("clocks"),
        _("refused"),
        _("not correlated"),
        _("by level"),
        _("assets"),
        _("busiest hours"),
        _("judged"),
    )


# Findings


def _findings(report: Report, page: _Page) -> Iterator[str]:
    for finding in by_severity(report.findings):
        yield from _block(finding, page)
        yield ""


def _block(finding: Finding, page: _Page) -> Iterator[str]:
    badge = page.paint(f" {wording.level_name(TERMINAL, finding.level).upper()} ", finding.level)
    yield f"{badge} {page.paint(prose(finding.title), 'heading')}"
    yield from page.row(_("seen"), wording.sentence(TERMINAL, finding))
    label = _("why")
    for reason in finding.why[:MAX_CLAUSES]:
        yield from page.row(label, wording.clause(TERMINAL, reason))
        label = ""
    beyond = len(finding.why) - MAX_CLAUSES
    if beyond > 0:
        template = ngettext("and {count} more test held", "and {count} more tests held", beyond)
        yield from page.row("", template.format(count=beyond))
    label = _("where")
    for place in wording.places(TERMINAL, finding):
        yield from page.row(label, place)
        label = ""
    yield from page.row(_("rule"), " · ".join(_rule_parts(finding)))
    if finding.falsepositives:
        yield from page.row(_("false alarm if"), "; ".join(prose(text) for text in finding.falsepositives))


def _rule_parts(finding: Finding) -> Iterator[str]:
    yield tech(finding.rule_id)
    if finding.author:
        yield _("by {author}").format(author=prose(finding.author))
    if finding.licence:
        yield tech(finding.licence)
    yield _(wording.CONFIDENCE_NAMES.get(finding.confidence, finding.confidence))
    if finding.techniques:
        yield tech(", ".join(finding.techniques))


# Coverage


def _coverage(report: Report, page: _Page) -> Iterator[str]:
    coverage = report.coverage
    yield from page.heading(_("Coverage"))
    yield from page.row(_("sources"), _source_counts(report))
    first, last = wording.first_moment(coverage.sources), wording.last_moment(coverage.sources)
    if first is not None:
        yield from page.row(_("time span"), wording.span(TERMINAL, first, last))
    yield from page.row(_("rules"), _rule_counts(coverage.rules))
    yield from _unread(coverage.sources, page)
    yield from _holes(coverage.sources, page)
    yield from _silences(coverage.sources, page)
    yield from _clocks(coverage.sources, page)
    refused = [rule for rule in coverage.rules if rule.status == "refused"]
    yield from _list(_("refused"), [_refusal(rule) for rule in refused], page)
    yield from _list(_("not correlated"), list(wording.uncorrelated(TERMINAL, coverage)), page)


def _source_counts(report: Report) -> str:
    sources = report.coverage.sources
    counts = {
        status: sum(source.status == status for source in sources)
        for status in ("read", "partial", "skipped")
    }
    parts = [ngettext("{count} read", "{count} read", counts["read"]).format(count=counts["read"])]
    if counts["partial"]:
        template = ngettext("{count} read in part", "{count} read in part", counts["partial"])
        parts.append(template.format(count=counts["partial"]))
    if counts["skipped"]:
        template = ngettext("{count} not read", "{count} not read", counts["skipped"])
        parts.append(template.format(count=counts["skipped"]))
    records = sum(source.records for source in sources)
    parts.append(ngettext("{count} record", "{count} records", records).format(count=wording.number(records)))
    outside = sum(source.outside_window for source in sources)
    if outside:
        template = ngettext(
            "{count} record outside the window", "{count} records outside the window", outside
        )
        parts.append(template.format(count=wording.number(outside)))
    parts.append(tech(wording.size(sum(source.size_bytes for source in sources))))
    return " · ".join(parts)


def _rule_counts(rules: Sequence[RuleCoverage]) -> str:
    counts = [(status, sum(rule.status == status for rule in rules)) for status in wording.RULE_STATUS_NAMES]
    return " · ".join(
        f"{_(wording.RULE_STATUS_NAMES[status])}: {wording.number(count)}"
        for status, count in counts
        if count or status == "judged"
    )


def _unread(sources: Sequence[SourceCoverage], page: _Page) -> Iterator[str]:
    for status, label in (("skipped", _("not read")), ("partial", _("read in part"))):
        rows = [
            f"{tech(source.name, None)}: {wording.reason(TERMINAL, source.reason)}"
            for source in sources
            if source.status == status and source.reason
        ]
        yield from _list(label, rows, page)


def _holes(sources: Sequence[SourceCoverage], page: _Page) -> Iterator[str]:
    rows = []
    for source in sources:
        if not source.unparsed_total:
            continue
        places = "; ".join(_hole(hole) for hole in source.unparsed[:_HOLES_LISTED])
        template = ngettext("{count} record", "{count} records", source.unparsed_total)
        count = template.format(count=wording.number(source.unparsed_total))
        rows.append(f"{tech(source.name, None)}: {count} ({places})")
    yield from _list(_("not parsed"), rows, page)


def _hole(hole: Unparsed) -> str:
    reason = wording.reason(TERMINAL, hole.reason)
    if hole.number is not None:
        return _("record {number}: {reason}").format(number=tech(hole.number), reason=reason)
    if hole.offset is not None:
        return _("byte {offset}: {reason}").format(offset=tech(hole.offset), reason=reason)
    return reason


def _silences(sources: Sequence[SourceCoverage], page: _Page) -> Iterator[str]:
    gaps = [(gap, source.name) for source in sources for gap in source.gaps]
    gaps.sort(key=lambda pair: (-pair[0].seconds, pair[1], pair[0].after))
    yield from _list(_("silence"), [wording.gap(TERMINAL, name, gap) for gap, name in gaps], page, TOP)


def _clocks(sources: Sequence[SourceCoverage], page: _Page) -> Iterator[str]:
    rows = []
    for source in sources:
        said = []
        if source.backward:
            template = ngettext(
                "time steps back {count} time", "time steps back {count} times", source.backward
            )
            said.append(template.format(count=wording.number(source.backward)))
        if source.without_time:
            template = ngettext(
                "{count} record without a time", "{count} records without a time", source.without_time
            )
            said.append(template.format(count=wording.number(source.without_time)))
        if said:
            rows.append(f"{tech(source.name, None)}: {'; '.join(said)}")
    yield from _list(_("clocks"), rows, page, TOP)


def _refusal(rule: RuleCoverage) -> str:
    place = f"{rule.path}:{rule.line}" if rule.line else rule.path
    return f"{tech(place, None)}: {wording.reason(TERMINAL, rule.reason)}"


def _list(label: str, rows: Sequence[str], page: _Page, most: int = _LISTED) -> Iterator[str]:
    for row in rows[:most]:
        yield from page.row(label, row)
        label = ""
    if len(rows) > most:
        yield from page.row("", wording.and_more(len(rows) - most))


# Summary


def _summary(report: Report, page: _Page) -> Iterator[str]:
    summary = report.summary
    yield from page.heading(_("Summary"))
    if report.findings:
        yield from page.row(_("by level"), " · ".join(_level_parts(report, page)))
        yield from page.row(_("assets"), " · ".join(_asset_parts(report)))
    if summary.hours:
        hours = [
            f"{tech(start[:13].replace('T', ' ') + ':00 UTC')} ({wording.hits(hits)})"
            for start, hits in summary.hours
        ]
        yield from page.row(_("busiest hours"), " · ".join(hours[:3]))
    yield from page.row(_("judged"), _speed(report))
    if summary.below_level:
        template = ngettext(
            "{count} finding below {level} is not shown",
            "{count} findings below {level} are not shown",
            summary.below_level,
        )
        level = wording.level_name(TERMINAL, report.level)
        yield from page.row("", template.format(count=wording.number(summary.below_level), level=level))


def _level_parts(report: Report, page: _Page) -> Iterator[str]:
    for level, findings, hits in report.summary.levels:
        if findings:
            name = page.paint(wording.level_name(TERMINAL, level), level)
            yield f"{name} {wording.number(findings)} ({wording.hits(hits)})"


def _asset_parts(report: Report) -> Iterator[str]:
    assets = report.summary.assets
    for name, _findings_of, hits in assets[:TOP]:
        yield f"{wording.asset_name(TERMINAL, name)} ({wording.hits(hits)})"
    if len(assets) > TOP:
        yield wording.and_more(len(assets) - TOP)


def _speed(report: Report) -> str:
    figures = report.figures
    rate = round(figures.records / figures.elapsed_s) if figures.elapsed_s > 0 else 0
    return _("{records} records in {elapsed} ({rate} a second)").format(
        records=wording.number(figures.records),
        elapsed=tech(f"{figures.elapsed_s:.2f} s"),
        rate=wording.number(rate),
    )


def _verdict(report: Report, page: _Page) -> Iterator[str]:
    yield ""
    if not report.findings:
        yield wording.nothing_found(TERMINAL, report.coverage, report.level)
    else:
        total = len(report.findings)
        template = ngettext("{count} finding", "{count} findings", total)
        yield page.paint(template.format(count=wording.number(total)), "heading")
    if not report.coverage.complete:
        said = "; ".join(wording.incomplete_reasons(report.coverage))
        badge = page.paint(f" {_('INCOMPLETE')} ", "warning")
        yield from labelled(badge, said, indent=0, label_width=cells(badge) + 1, width=page.width)
