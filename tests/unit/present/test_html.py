from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import jinja2
import pytest
from jinja2 import nodes
from tests.unit.present.catalogue import PACKAGE
from tests.unit.present.samples import correlated, language, report, whole

from hisn.present.html import render_html
from hisn.present.report import Report

TEMPLATES = PACKAGE / "present" / "templates"
MARKER = "q7Zk"
VOID = {"meta", "br", "line", "rect"}
SAFE_FILTERS = {"tech", "prose", "number", "slug", "attribute"}
SAFE_CALLS = {
    "_",
    "asset_name",
    "bar",
    "clause",
    "confidence_name",
    "count_of",
    "duration",
    "level_name",
    "lines",
    "moment",
    "nothing_found",
    "reason",
    "records",
    "rule_status",
    "say",
    "sentence",
    "source_status",
    "span",
    "stylesheet",
    "timeline",
}


class Page(HTMLParser):
    """Read a page strictly: every element closed, texts with the elements they stand in."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, tuple[tuple[str, dict[str, str | None]], ...]]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(data.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((data, tuple(self.open)))


@pytest.mark.parametrize("name", ["en", "ar"])
@pytest.mark.parametrize(
    "made", [report(), correlated("<script>"), whole()], ids=["found", "correlated", "none"]
)
def test_the_page_is_one_file_that_loads_and_runs_nothing(name: str, made: object) -> None:
    with language(name):
        page = Page(render_html(made))  # type: ignore[arg-type]
    tags = {tag for tag, _attributes in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "a", "base", "image", "use"}
    for _tag, attributes in page.tags:
        assert not {key for key in attributes if key.startswith("on") or key in ("src", "href", "style")}
    policy = next(a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert dict(page.tags)["html"] == {"lang": name, "dir": "rtl" if name == "ar" else "ltr"}


@pytest.mark.parametrize("name", ["en", "ar"])
@pytest.mark.parametrize("make", [report, correlated])
def test_no_technical_value_stands_bare(name: str, make: Callable[[str], Report]) -> None:
    with language(name):
        page = Page(render_html(make(MARKER)))
    found = [parents for text, parents in page.texts if MARKER in text]
    assert len(found) > 20
    assert all(parents[-1][0] == "bdi" for parents in found)


def test_templates_print_nothing_but_through_the_gates() -> None:
    environment = jinja2.Environment(autoescape=True)
    bare = []
    for path in sorted(TEMPLATES.glob("*.j2")):
        tree = environment.parse(path.read_text(encoding="utf-8"))
        for output in tree.find_all(nodes.Output):
            for node in output.nodes:
                if isinstance(node, nodes.TemplateData):
                    continue
                name = node.node.name if isinstance(node, nodes.Call) else None  # type: ignore[attr-defined]
                is_gated = isinstance(node, nodes.Filter) and node.name in SAFE_FILTERS
                if not (is_gated or name in SAFE_CALLS):
                    bare.append(f"{path.name}:{node.lineno}: {node}")
    assert bare == []


def test_the_style_sheet_knows_no_left_and_right() -> None:
    # One sheet serves both directions.
    text = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    physical = r"(?<![-\w])(left|right|(margin|padding|border)-(left|right|top|bottom)|width|height|(min|max)-(width|height)|text-align:\s*(left|right)|float)\s*:"
    queries = re.sub(r"@media [^{]*", "", text)
    assert re.findall(physical, queries) == []
    assert "!important" not in text


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read(scheme: int) -> None:
    # WCAG 2.2 AA, 1.4.3: 4.5 to 1 for text; 1.4.11: 3 to 1 for figures.
    text = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))
    for ink in ("ink", "muted", "accent"):
        for paper in ("paper", "card"):
            assert contrast(colours[ink], colours[paper]) >= 4.5
    assert contrast(colours["ink"], colours["value"]) >= 4.5
    assert contrast(colours["warn-ink"], colours["warn-paper"]) >= 4.5
    assert contrast(colours["warn-ink"], colours["paper"]) >= 4.5
    for level in ("critical", "high", "medium", "low", "informational"):
        assert contrast(colours[level], colours["on-level"]) >= 4.5
        assert contrast(colours[level], colours["card"]) >= 3


def test_nothing_found_is_said_with_its_limits() -> None:
    text = render_html(whole()).decode()
    assert "no findings at or above medium in 1 of 1 source" in text
    assert "INCOMPLETE" not in text


def test_the_same_run_gives_the_same_page() -> None:
    assert render_html(report()) == render_html(report())
