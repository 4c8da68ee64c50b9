r"""Write results for machines: one JSON document, or one finding a line.

The same findings give the same bytes: keys are sorted, there are no floats and no clock.  The
output is ASCII: escapes keep control and bidirectional characters of hostile logs from the
terminal of whoever prints the file, and a lone surrogate becomes visible text (``\udc80``),
because strict readers refuse it.
Schemas: ``docs/reference/schema/``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from hisn.engine.coverage import SCHEMA as COVERAGE_SCHEMA
from hisn.engine.coverage import Coverage
from hisn.findings.model import SCHEMA as FINDING_SCHEMA
from hisn.findings.model import Finding
from hisn.present.report import SCHEMA as REPORT_SCHEMA
from hisn.present.report import Report

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\ud[89a-f]")


def render_json(report: Report) -> bytes:
    """Return the whole run as one JSON document (``hisn.report.v1``)."""
    document = {
        "schema": REPORT_SCHEMA,
        "run": _run(report),
        "summary": _summary(report),
        "findings": [_finding(finding) for finding in report.findings],
        "coverage": _coverage(report.coverage),
        "activity": msgspec.to_builtins(report.activity),
    }
    return _encode(document, indent=1) + b"\n"


def render_jsonl(report: Report) -> bytes:
    """Return one finding a line, then one line of coverage; each line names its schema."""
    return b"".join(line + b"\n" for line in _lines(report))


def encoded_line(document: dict[str, Any]) -> bytes:
    """Return a document as one line."""
    return _encode(document) + b"\n"


def plain_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as a document of its schema."""
    return _finding(finding)


def coverage_line(coverage: Coverage) -> bytes:
    """Return a coverage as one line; it names its schema."""
    return encoded_line(_coverage(coverage))


def _lines(report: Report) -> Iterator[bytes]:
    for finding in report.findings:
        yield _encode(_finding(finding))
    yield _encode(_coverage(report.coverage))


def _finding(finding: Finding) -> dict[str, Any]:
    return {"schema": FINDING_SCHEMA, **msgspec.to_builtins(finding)}


def _coverage(coverage: Coverage) -> dict[str, Any]:
    return {"schema": COVERAGE_SCHEMA, **msgspec.to_builtins(coverage)}


def _run(report: Report) -> dict[str, Any]:
    figures = report.figures
    return {
        "program": "hisn",
        "version": figures.version,
        "rules_digest": figures.rules_digest,
        "mapping_digest": figures.mapping_digest,
        "level": report.level,
        "records": figures.records,
        "size_bytes": figures.size_bytes,
        "hits": figures.hits,
    }


def _summary(report: Report) -> dict[str, Any]:
    summary = report.summary
    return {
        "complete": report.coverage.complete,
        "below_level": summary.below_level,
        "levels": [{"level": name, "findings": n, "hits": hits} for name, n, hits in summary.levels],
        "assets": [{"asset": name, "findings": n, "hits": hits} for name, n, hits in summary.assets],
        "techniques": [
            {"technique": name, "findings": n, "hits": hits} for name, n, hits in summary.techniques
        ],
        "busiest_hours": [{"start": start, "hits": hits} for start, hits in summary.hours],
    }


def _encode(value: object, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else (",", ": ")

    def dumped(value: object) -> str:
        return json.dumps(value, sort_keys=True, indent=indent, separators=separators, allow_nan=False)

    text = dumped(value)
    # Walking every value costs more than writing it; an escaped surrogate, lone or not, is rare.
    if _ESCAPED_SURROGATE.search(text):
        text = dumped(_harmless(value))
    return text.encode("ascii")


def _harmless(value: object) -> object:
    """Return the value with lone surrogates made visible, in texts and in keys."""
    if isinstance(value, str):
        if value.isascii() or not _LONE_SURROGATE.search(value):
            return value
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_harmless(key): _harmless(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_harmless(item) for item in value]
    return value
