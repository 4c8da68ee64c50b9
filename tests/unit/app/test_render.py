"""Every form carries the findings from the level on, and the whole coverage."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from hisn.app.guard import GuardResult
from hisn.app.render import Form, render, render_html
from hisn.engine.coverage import Coverage
from hisn.findings.model import Finding
from hisn.rules.pack import Pack


def finding(level: str) -> Finding:
    return Finding(
        id="f-" + "0" * 32,
        rule_id="5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0001",
        rule_digest="0" * 64,
        title=f"A {level} thing",
        level=level,
        confidence="low",
        asset="EMS-01",
        source="a.log",
        first="2026-11-03T20:00:00.000000Z",
        last="2026-11-03T20:00:00.000000Z",
        count=1,
        records=(1,),
        records_complete=True,
        why=(),
        sentence="Seen.",
    )


RESULT = GuardResult(
    findings=(finding("low"), finding("high")),
    activity=(),
    coverage=Coverage(
        complete=False, incomplete_reasons=("1 source was not read",), sources=(), rules=(), assets=()
    ),
    pack=Pack(name="none", digest="0" * 64, rules=()),
    mapping_digest="1" * 64,
    records=2,
    size_bytes=100,
    hits=2,
    elapsed_s=0.5,
    stages={},
)


@pytest.mark.parametrize("form", get_args(Form))
def test_level_hides_lower_findings_and_nothing_else(form: Form) -> None:
    whole, high = render(RESULT, form, "informational"), render(RESULT, form, "high")
    assert b"A low thing" in whole
    assert b"A high thing" in whole
    assert b"A low thing" not in high
    assert b"A high thing" in high


def test_incomplete_cannot_be_overlooked() -> None:
    assert json.loads(render(RESULT, "json", "high"))["coverage"]["complete"] is False
    assert json.loads(render(RESULT, "jsonl", "high").splitlines()[-1])["complete"] is False
    assert b"INCOMPLETE" in render(RESULT, "text", "high")
    assert b"INCOMPLETE" in render_html(RESULT, "high").upper()


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_time_of_the_run_is_not_in_what_machines_read(form: Form) -> None:
    """Two runs over the same logs must give the same bytes."""
    slow = GuardResult(
        **{name: getattr(RESULT, name) for name in RESULT.__slots__ if name != "elapsed_s"}, elapsed_s=99.0
    )
    assert render(RESULT, form, "low") == render(slow, form, "low")
