from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.unit.present.samples import correlated, language, report, whole

from hisn.present.layout import cells
from hisn.present.report import Report
from hisn.present.terminal import render_text

MARKER = "q7Zk"


def test_a_finding_says_what_where_when_and_why() -> None:
    text = render_text(report())
    block = text.split("\n\n")[0]
    assert block.startswith(" CRITICAL  PowerShell -enc aGk=")
    for part in (
        "Seen 2 times on PowerShell -enc aGk= from 2026-11-03 18:20:00 UTC to 2026-11-03 18:50:00 UTC.",
        "contains PowerShell -enc aGk=",
        "records 17, 18",
        "high confidence",
        "T1003.001",
        "DRL-1.1",
        "Administrators who test their tools",
        "and 2 more tests held",
    ):
        assert part in block


def test_coverage_names_every_hole() -> None:
    text = render_text(report())
    for part in (
        "2 read in part",
        "1 not read",
        "E2003",
        "record 33",
        "byte 9",
        "silent for 3 h 21 min",
        "time steps back 1 time",
        "1 record without a time",
        "7 records outside the window",
        ".yml:3",
    ):
        assert part in text


def test_incomplete_is_the_last_word() -> None:
    last = render_text(report()).rstrip().splitlines()[-1]
    assert last.startswith(" INCOMPLETE ")
    assert "1 rule was refused" in last


def test_nothing_found_is_never_all_clear() -> None:
    text = render_text(whole())
    assert "no findings at or above medium in 1 of 1 source, to 2026-11-03 18:20:00 UTC" in text
    assert "INCOMPLETE" not in text
    assert not re.search(r"all clear|clean|no threats|safe", text, re.IGNORECASE)


def test_findings_below_the_level_are_counted() -> None:
    assert "2 findings below high are not shown" in render_text(report(level="high"))


def test_without_a_terminal_there_is_no_colour_and_no_wrapping() -> None:
    text = render_text(report("word " * 60))
    assert "\x1b" not in text
    assert any(len(line) > 200 for line in text.splitlines())


def test_lines_fit_a_narrow_terminal() -> None:
    text = render_text(report("short"), width=60, colour=True)
    assert "\x1b[1;97;41m" in text
    assert max(cells(line) for line in text.splitlines()) <= 60


@pytest.mark.parametrize("width", [None, 70])
@pytest.mark.parametrize("make", [report, correlated])
def test_in_arabic_no_technical_value_stands_bare(width: int | None, make: Callable[[str], Report]) -> None:
    with language("ar"):
        text = render_text(make(MARKER), width=width)
    for line in text.splitlines():
        depth = 0
        for at, char in enumerate(line):
            depth += (char in "\u2066\u2068") - (char == "\u2069")
            if line.startswith(MARKER, at):
                assert depth == 1, line
        assert depth == 0, line
    assert text.count(MARKER) > 20


def test_in_arabic_no_english_word_of_ours_is_left() -> None:
    with language("ar"):
        text = render_text(report("0"))
    outside = re.sub("[\u2066\u2068][^\u2069]*\u2069", "", text)
    assert re.findall(r"[A-Za-z]{2,}", outside) == []


def test_what_correlations_did_not_judge_is_said() -> None:
    text = render_text(report("x"))
    for said in (
        "00000000-0000-4000-8000-000000000000 in x.evtx: 3 hits without a time",
        "in x.evtx: 4 hits came too late",
        "in many sources: 1 hit without a time",
        "x: 5 events lack a field to group by",
        "x: 6 events lack a value to count or measure",
        "x: 7 events left the windows too early, there were too many",
        "x: 8 events could not be held",
        "4 hits came too late for correlations; 15 events could not be held for correlations",
    ):
        assert said in text
