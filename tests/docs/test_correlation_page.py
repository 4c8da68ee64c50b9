"""Run the examples of the page about correlations: it finds what the page says, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from hisn.app.correlated import RunCorrelations
from hisn.engine.marks import MarkBlock
from hisn.findings.model import Finding
from hisn.rules.correlation import Correlation
from hisn.rules.pack import Pack
from hisn.rules.sigma import RuleFile, build_pack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "correlation.md"
KINDS = ("event_count", "value_count", "value_sum", "value_percentile", "temporal", "temporal_ordered")
_EXAMPLE = re.compile(r"^```yaml\n(.*?)^```\n```events\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EVENT = re.compile(r" *([0-9]+)s  (\w+)((?: +\w+=\S+)*)")


@dataclass(frozen=True)
class Example:
    line: int
    sections: dict[str, Any]
    events: tuple[str, ...]
    findings: tuple[str, ...]


def examples() -> list[Example]:
    text = PAGE.read_text("utf-8")
    found = []
    for match in _EXAMPLE.finditer(text):
        section = yaml.safe_load(match[1])
        lines = match[2].splitlines()
        findings = [line.removeprefix("finding: ") for line in lines if line.startswith("finding: ")]
        found.append(
            Example(
                text.count("\n", 0, match.start()) + 1,
                {"example": section} if "type" in section else section,
                tuple(line for line in lines if not line.startswith("finding: ")),
                tuple(each for each in findings if each != "none"),
            )
        )
        assert findings, match[0]
    return found


def pack_of(example: Example) -> Pack:
    documents: list[dict[str, Any]] = [
        {
            "title": name,
            "name": name,
            "level": "low",
            "logsource": {"product": "any"},
            "detection": {"s": {"Kind": name}, "condition": "s"},
        }
        for name in ("failed", "logon", "cleared", "sent")
    ]
    documents += [
        {"title": name, "name": name, "level": "high", "correlation": section}
        for name, section in example.sections.items()
    ]
    text = "\n---\n".join(json.dumps(document) for document in documents)
    pack = build_pack("page", [RuleFile("page.yml", text.encode())])
    assert pack.refused == ()
    return pack


def findings_of(example: Example) -> tuple[Pack, tuple[Finding, ...]]:
    pack = pack_of(example)
    rules = {rule.info.title: index for index, rule in enumerate(pack.rules)}
    run = RunCorrelations(pack, "", lambda _source: "")
    for number, line in enumerate(example.events):
        match = _EVENT.fullmatch(line)
        assert match is not None, line
        fields = dict(pair.split("=", 1) for pair in match[3].split())
        run.add(
            [
                MarkBlock(
                    rules[match[2]],
                    "s",
                    "",
                    np.array([number]),
                    np.array([int(match[1]) * 1_000_000]),
                    {name: [value] for name, value in fields.items()},
                )
            ]
        )
    return pack, run.finish()[0]


def said(pack: Pack, finding: Finding) -> str:
    correlation: Correlation = next(each for each in pack.correlations if each.digest == finding.rule_digest)
    assert correlation.id == finding.rule_id
    group = [f"{name}={value}" for name, value in finding.group]
    return ", ".join([*group, f"{finding.count} events", f"measure {finding.why[0].value}"])


@pytest.mark.parametrize("example", examples(), ids=lambda example: str(example.line))
def test_an_example_of_the_page_finds_what_the_page_says(example: Example) -> None:
    pack, findings = findings_of(example)
    assert [said(pack, finding) for finding in findings] == list(example.findings)


def test_every_block_of_the_page_is_run_and_every_kind_has_one() -> None:
    text = PAGE.read_text("utf-8")
    assert text.count("```yaml\n") == text.count("```events\n") == len(examples())
    shown = {section["type"] for example in examples() for section in example.sections.values()}
    assert shown >= set(KINDS)
