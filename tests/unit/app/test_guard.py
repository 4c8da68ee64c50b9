"""The main job: every record under the paths is judged by every rule, and nothing is silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hisn.app.guard import GuardRequest, guard
from hisn.app.judge import BatchLimits
from hisn.core.instant import instant_of
from hisn.engine.scan import Window
from hisn.errors import InputError, UsageError
from hisn.events.declare import Declarations
from hisn.events.schema import Declaration

LINE = '203.0.113.7 - - [03/Nov/2026:20:{minute:02}:00 +0000] "GET {target} HTTP/1.1" 200 12 "-" "curl/8"\n'
RULE = """
title: A marked path
id: 5b0f0d9e-1f0e-4f5e-9a57-3a1c1a3f0001
status: test
logsource:
    category: webserver
detection:
    selection:
        cs-uri-query|contains: marked
    condition: selection
level: high
"""


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, targets in {"a.log": ["/", "/marked", "/x"], "b.log": ["/marked", "/marked"]}.items():
        lines = [LINE.format(minute=at, target=target) for at, target in enumerate(targets)]
        (folder / name).write_text("".join(lines))
    return folder


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules" / "marked.yml"
    path.parent.mkdir()
    path.write_text(RULE)
    return path


def request_of(logs: Path, rules: Path) -> GuardRequest:
    return GuardRequest(paths=(str(logs),), declarations=Declarations(), rules=(rules,))


def test_findings_name_source_and_record_numbers(logs: Path, rules: Path) -> None:
    result = guard(request_of(logs, rules))
    assert [(finding.source, finding.records) for finding in result.findings] == [
        ("b.log", (1, 2)),
        ("a.log", (2,)),
    ]
    assert (result.records, result.hits) == (5, 3)
    assert result.coverage.complete


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_neither_processes_nor_batches_change_anything(
    logs: Path, rules: Path, processes: int, rows: int
) -> None:
    plain = guard(replace(request_of(logs, rules), processes=1))
    other = guard(replace(request_of(logs, rules), processes=processes, batch=BatchLimits(rows=rows)))
    assert (other.findings, other.coverage, other.activity) == (
        plain.findings,
        plain.coverage,
        plain.activity,
    )


def test_records_outside_the_window_are_counted_not_judged(logs: Path, rules: Path) -> None:
    minute = instant_of(datetime(2026, 11, 3, 20, 1, tzinfo=UTC))
    result = guard(replace(request_of(logs, rules), window=Window(start=minute)))
    assert [(finding.source, finding.records) for finding in result.findings] == [
        ("a.log", (2,)),
        ("b.log", (2,)),
    ]
    assert [source.outside_window for source in result.coverage.sources] == [1, 1]


@pytest.mark.parametrize("pattern", ["5b0f0d9e-*0001", "A MARKED path", "*marked.yml"])
def test_excluded_rules_stand_in_coverage(logs: Path, rules: Path, pattern: str) -> None:
    second = rules.with_name("other.yml")
    second.write_text(RULE.replace("3f0001", "3f0002").replace("A marked path", "Other"))
    result = guard(replace(request_of(logs, rules.parent), exclude=(pattern,)))
    statuses = {rule.title: rule.status for rule in result.coverage.rules}
    assert statuses == {"A marked path": "excluded", "Other": "judged"}
    assert {finding.title for finding in result.findings} == {"Other"}


def test_excluding_every_rule_is_an_error_not_a_clean_result(logs: Path, rules: Path) -> None:
    with pytest.raises(UsageError) as caught:
        guard(replace(request_of(logs, rules), exclude=("*",)))
    assert caught.value.code == "E1005"


def test_missing_path_is_an_error(tmp_path: Path, rules: Path) -> None:
    with pytest.raises(InputError) as caught:
        guard(request_of(tmp_path / "none", rules))
    assert caught.value.code == "E2001"


def test_what_the_operator_declares_is_part_of_a_finding_and_of_no_other(logs: Path, rules: Path) -> None:
    """Two members who assume different years must not get the same finding id for different times."""
    declared = Declarations(by_glob=(("a.log", Declaration(year=2025)),))
    plain = {finding.source: finding.id for finding in guard(request_of(logs, rules)).findings}
    other = {
        finding.source: finding.id
        for finding in guard(replace(request_of(logs, rules), declarations=declared)).findings
    }
    assert plain["b.log"] == other["b.log"]
    assert plain["a.log"] != other["a.log"]


def test_refused_rule_makes_the_run_incomplete(logs: Path, rules: Path) -> None:
    rules.with_name("broken.yml").write_text(RULE.replace("condition: selection", "condition: nothing"))
    result = guard(request_of(logs, rules.parent))
    assert not result.coverage.complete
    assert [rule.status for rule in result.coverage.rules] == ["refused", "judged"]
