"""``guard`` with a calendar: floods in the shape of real ones, over files, whatever the processes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.elections.calendars import vesna
from tests.unit.elections.mmdb import write_countries

from hisn.app.guard import GuardRequest, GuardResult, guard
from hisn.app.judge import BatchLimits
from hisn.core import limits
from hisn.elections.checks import WEB_SURGE
from hisn.elections.countries import Countries
from hisn.engine.scan import Window
from hisn.events.declare import Declarations
from hisn.testing.attacks.web_floods import networks
from hisn.testing.calendar import local
from hisn.testing.floods import flood_day
from hisn.testing.generator import generate


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("knox")
    generate(flood_day("knox", 1, 3_000, factor=2), folder)
    write_countries(folder / "c.mmdb", networks())
    return folder


def request_of(logs: Path) -> GuardRequest:
    return GuardRequest(
        paths=(str(logs / "portal"),),
        declarations=Declarations(),
        calendar=vesna(),
        countries=Countries(logs / "c.mmdb"),
        processes=1,
    )


def surges(result: GuardResult) -> list[object]:
    return [finding for finding in result.findings if finding.rule_id == WEB_SURGE.id]


def test_a_flood_is_among_the_findings_in_their_order(logs: Path) -> None:
    result = guard(request_of(logs))
    (surge,) = [finding for finding in result.findings if finding.rule_id == WEB_SURGE.id]
    assert (surge.level, surge.source) == ("high", "access.log")
    assert re.search(r": 6[0-5] countries that hardly ever asked before", surge.sentence)
    assert [finding.first for finding in result.findings] == sorted(
        finding.first for finding in result.findings if finding.first
    )
    assert [row.status for row in result.coverage.rules if row.id == WEB_SURGE.id] == ["judged"]


def test_batches_and_processes_change_nothing(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = guard(request_of(logs))
    monkeypatch.setattr(limits, "CHUNK_BYTES", 100_000)
    monkeypatch.setattr(limits, "RANGE_BYTES", 300_000)
    small = replace(request_of(logs), processes=2, batch=BatchLimits(rows=700))
    again = guard(small)
    assert again.findings == whole.findings
    assert again.coverage.rules == whole.coverage.rules


def test_without_a_calendar_there_is_neither_finding_nor_check(logs: Path) -> None:
    result = guard(replace(request_of(logs), calendar=None, countries=None))
    assert surges(result) == []
    assert [row for row in result.coverage.rules if row.id == WEB_SURGE.id] == []


def test_the_window_holds_for_surges_too(logs: Path) -> None:
    result = guard(replace(request_of(logs), window=Window(end=local("2026-11-03 19:30"))))
    assert surges(result) == []
