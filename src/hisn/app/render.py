"""Render a guard result in the form that was asked for."""

from __future__ import annotations

from typing import Literal, assert_never

from hisn import __version__
from hisn.app.guard import GuardResult
from hisn.present.report import Report, RunFigures, report_of

Form = Literal["text", "json", "jsonl", "csv"]


def report(result: GuardResult, level: str) -> Report:
    """Return what the renderers need: findings from `level` on, coverage, figures."""
    figures = RunFigures(
        version=__version__,
        rules_digest=result.pack.digest,
        mapping_digest=result.mapping_digest,
        records=result.records,
        size_bytes=result.size_bytes,
        hits=result.hits,
        elapsed_s=result.elapsed_s,
    )
    return report_of(result.findings, result.coverage, figures, level, result.activity)


def render(
    result: GuardResult, form: Form, level: str, *, width: int | None = None, colour: bool = False
) -> bytes:
    """Return the result as bytes of one form; only the renderer that is needed is imported.

    `width` and `colour` are for text on a terminal; without a width nothing is wrapped.
    """
    shown = report(result, level)
    match form:
        case "json":
            from hisn.present.json_out import render_json

            return render_json(shown)
        case "jsonl":
            from hisn.present.json_out import render_jsonl

            return render_jsonl(shown)
        case "csv":
            from hisn.present.csv_out import render_csv

            return render_csv(shown)
        case "text":
            from hisn.present.terminal import render_text

            return render_text(shown, width=width, colour=colour).encode("utf-8", "backslashreplace")
        case _:
            assert_never(form)


def render_html(result: GuardResult, level: str) -> bytes:
    """Return the result as one self-contained HTML file."""
    from hisn.present.html import render_html as render_page

    return render_page(report(result, level))
