"""Write findings as CSV for spreadsheets: one row a finding, no cell ever a formula (CWE-1236).

RFC 4180 with CRLF, UTF-8 without a byte order mark; the columns are part of the published form.
The coverage does not fit into rows: the last column repeats on every row whether it is complete,
and a table without findings still has one row that says so, and how much was judged: rules that had
no log to look at find nothing, too.
"""

from __future__ import annotations

import csv
import io
from collections import Counter

from hisn.core.display import shown
from hisn.findings.model import Finding
from hisn.present.report import Report

COLUMNS = (
    "level",
    "title",
    "asset",
    "first",
    "last",
    "count",
    "source",
    "records",
    "records_complete",
    "sentence",
    "confidence",
    "techniques",
    "rule_id",
    "author",
    "licence",
    "id",
    "run_complete",
    "group",
    "evidence",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_MAX_CELL_CHARS = 32_000
"""Excel cuts a cell after 32,767 characters without a word; we cut before and say so."""


def render_csv(report: Report) -> bytes:
    """Return the findings as CSV bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    run_complete = "yes" if report.coverage.complete else "INCOMPLETE"
    for finding in report.findings:
        row = (*_row(finding), run_complete, _group(finding), _evidence(finding))
        writer.writerow([_cell(value) for value in row])
    if not report.findings:
        nothing = dict.fromkeys(COLUMNS, "") | {
            "level": "none",
            "title": f"no findings at or above {report.level}",
            "sentence": _what_was_judged(report),
            "run_complete": run_complete,
        }
        writer.writerow(nothing.values())
    return text.getvalue().encode("utf-8")


def _what_was_judged(report: Report) -> str:
    rules = Counter(rule.status for rule in report.coverage.rules)
    return (
        f"records: {report.figures.records}; "
        f"rules judged: {rules['judged']}; no such source: {rules['no such source']}"
    )


def _row(finding: Finding) -> tuple[str, ...]:
    return (
        finding.level,
        finding.title,
        finding.asset,
        finding.first or "",
        finding.last or "",
        str(finding.count),
        finding.source,
        " ".join(str(record) for record in finding.records),
        "yes" if finding.records_complete else "no",
        finding.sentence,
        finding.confidence,
        " ".join(finding.techniques),
        finding.rule_id,
        finding.author,
        finding.licence,
        finding.id,
    )


def _group(finding: Finding) -> str:
    return "; ".join(f"{name}={value}" for name, value in finding.group)


def _evidence(finding: Finding) -> str:
    """Return everything a correlation rests on: source, rule, records, and whether they are all."""
    return "; ".join(
        f"{part.source} {part.rule_id}: {' '.join(map(str, part.records))}{'' if part.complete else ' …'}"
        for part in finding.evidence
    )


def _cell(text: str) -> str:
    beyond = len(text) - _MAX_CELL_CHARS
    return csv_cell(text if beyond <= 0 else f"{text[:_MAX_CELL_CHARS]}… (+{beyond})")


def csv_cell(text: str) -> str:
    """Return the text for a CSV cell: visible, and never a formula (CWE-1236)."""
    safe = shown(text)
    return "'" + safe if text.startswith(_FORMULA_STARTS) or safe.startswith(_FORMULA_STARTS) else safe
