"""Render a run as one HTML file that needs nothing else: no network, no script, no other file.

The log text in it was written by the attacker.  Templates escape everything; values pass through
`present.tech`; and should markup ever get through, the policy in the page forbids it to load or
run anything: ``default-src 'none'``, and only our own style sheet, by its hash.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hisn.core import limits
from hisn.findings.model import Finding
from hisn.present import charts, wording
from hisn.present.i18n import _, current_language, is_right_to_left, ngettext
from hisn.present.report import Report, by_severity
from hisn.present.tech import Html
from hisn.rules.pack import LEVELS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

HTML = Html()
_TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_LISTS = 12


def render_html(report: Report) -> bytes:
    """Return the page as UTF-8 bytes, in the language of this context."""
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            stylesheet=lambda: _trusted(style),
            style_hash=_hash(style),
            language=current_language(),
            direction="rtl" if is_right_to_left() else "ltr",
            **_content(report),
        )
    )
    return page.encode("utf-8")


def _content(report: Report) -> dict[str, object]:
    findings = by_severity(report.findings)
    sources = report.coverage.sources
    assets = report.summary.assets[:_LONGEST_LISTS]
    techniques = report.summary.techniques[:_LONGEST_LISTS]
    bars = charts.bars_of(report.activity)
    gaps = [(source.name, gap) for source in sources for gap in source.gaps]
    return {
        "report": report,
        "findings": findings[: limits.MAX_FINDINGS_ON_PAGE],
        "more_findings": max(0, len(findings) - limits.MAX_FINDINGS_ON_PAGE),
        "first": wording.first_moment(sources),
        "last": wording.last_moment(sources),
        "sources": sources[: limits.MAX_ROWS_ON_PAGE],
        "more_sources": max(0, len(sources) - limits.MAX_ROWS_ON_PAGE),
        "refused": [rule for rule in report.coverage.rules if rule.status == "refused"],
        "rule_counts": _rule_counts(report),
        "uncorrelated": list(wording.uncorrelated(HTML, report.coverage))[: limits.MAX_ROWS_ON_PAGE],
        "gaps": sorted(gaps, key=lambda pair: (-pair[1].seconds, pair[0], pair[1].after)),
        "assets_seen": report.coverage.assets,
        "bars": bars,
        "assets": charts.shares(assets, charts.levels_by(findings, "asset")),
        "techniques": charts.shares(techniques, charts.levels_by(findings, "techniques")),
        "incomplete": list(wording.incomplete_reasons(report.coverage)),
    }


def _rule_counts(report: Report) -> list[tuple[str, int]]:
    rules = report.coverage.rules
    counts = [(status, sum(rule.status == status for rule in rules)) for status in wording.RULE_STATUS_NAMES]
    return [(status, count) for status, count in counts if count or status == "judged"]


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        tech=HTML.tech,
        prose=HTML.prose,
        number=wording.number,
        attribute=_attribute,
        slug=lambda level: level if level in LEVELS else LEVELS[0],
    )
    environment.globals.update(
        _=_,
        ngettext=ngettext,
        moment=functools.partial(wording.moment, HTML),
        span=functools.partial(wording.span, HTML),
        level_name=functools.partial(wording.level_name, HTML),
        confidence_name=functools.partial(_named, wording.CONFIDENCE_NAMES),
        source_status=functools.partial(_named, wording.SOURCE_STATUS_NAMES),
        rule_status=functools.partial(_named, wording.RULE_STATUS_NAMES),
        asset_name=functools.partial(wording.asset_name, HTML),
        sentence=functools.partial(wording.sentence, HTML),
        clause=functools.partial(wording.clause, HTML),
        records=_records,
        lines=_lines,
        reason=functools.partial(wording.reason, HTML),
        duration=functools.partial(wording.duration, HTML),
        nothing_found=functools.partial(wording.nothing_found, HTML),
        count_of=_count_of,
        size=lambda size_bytes: HTML.tech(wording.size(size_bytes)),
        timeline=charts.timeline,
        bar=lambda share: share.bar,
        say=HTML.say,
        levels=tuple(reversed(LEVELS)),
    )
    return environment


def _named(names: dict[str, str], name: str) -> Markup:
    return HTML.say(_(names[name])) if name in names else HTML.tech(name)


def _records(finding: Finding) -> Markup:
    return _lines(wording.places(HTML, finding))


def _lines(lines: Iterable[str]) -> Markup:
    """Return lines that have passed a gate, each on one of its own."""
    from markupsafe import Markup

    return Markup("<br>").join(lines)


def _count_of(singular: str, plural: str, count: int) -> str:
    return HTML.say(ngettext(singular, plural, count), count=wording.number(count))


def _attribute(text: str) -> str:
    """Return one of our own words for an attribute; never used for a text from outside."""
    if not text.isascii() or any(char in " \"'<>&" for char in text):
        msg = f"not a word of ours: {text!r}"
        raise ValueError(msg)
    return text


def _trusted(style: str) -> Markup:
    from markupsafe import Markup

    # Our own file, and without a way to end the element it stands in.
    if "<" in style:
        msg = "the style sheet must not contain markup"
        raise ValueError(msg)
    return Markup(style)  # noqa: S704


def _hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
