from __future__ import annotations

from tests.unit.present.samples import report

from hisn.present.report import by_severity, rank


def test_the_level_hides_findings_and_counts_them() -> None:
    shown = report(level="medium")
    assert [finding.level for finding in shown.findings] == ["critical", "medium"]
    assert shown.summary.below_level == 1
    assert {row.level for row in shown.activity} == {"critical"}


def test_the_summary_counts_hits_and_findings() -> None:
    summary = report().summary
    assert summary.levels[0] == ("critical", 1, 2)
    assert summary.assets == (("PowerShell -enc aGk=", 3, 4),)
    assert summary.techniques == (("T1003.001", 3, 4), ("T1059", 3, 4))
    assert summary.hours[0] == ("2026-11-03T18:00:00.000000Z", 2)


def test_the_most_severe_come_first() -> None:
    assert [finding.level for finding in by_severity(report().findings)] == ["critical", "medium", "low"]
    assert rank("unheard of") == 0
