"""``hisn guard`` as people and scripts call it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from tests.unit.elections.calendars import VESNA

from hisn.cli.main import run

ATTACK = (
    '203.0.113.7 - - [03/Nov/2026:20:00:00 +0000] "GET /status?id=1%27%20UNION%20SELECT%20name,pin'
    '%20FROM%20voters-- HTTP/1.1" 200 12 "-" "curl/8"\n'
)
ORDINARY = '203.0.113.8 - - [03/Nov/2026:20:00:01 +0000] "GET /results HTTP/1.1" 200 12 "-" "Mozilla/5.0"\n'


@pytest.fixture
def attacked(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(ORDINARY + ATTACK)
    return path


def test_exit_codes(attacked: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run(["guard", str(attacked)]) == 0
    assert run(["guard", str(attacked), "--fail-on", "low"]) == 1
    (tmp_path / "notes.bin").write_bytes(bytes(range(256)))
    assert run(["guard", str(tmp_path)]) == 3
    assert run(["guard", str(tmp_path), "--fail-on", "low"]) == 1
    assert b"INCOMPLETE" in capsysbinary.readouterr().out.split(b"judged")[-1]
    attacked.write_text(ORDINARY)
    assert run(["guard", str(attacked), "--fail-on", "informational"]) == 0


def test_jsonl_findings_carry_what_scripts_need(
    attacked: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    run(["guard", str(attacked), "--jsonl"])
    *findings, coverage = map(json.loads, capsysbinary.readouterr().out.splitlines())
    assert findings
    for finding in findings:
        assert finding["source"] == "access.log"
        assert finding["records"] == [2]
        assert re.fullmatch("f-[0-9a-f]{32}", finding["id"])
        assert finding["rule_id"]
    assert coverage["complete"] is True


def test_results_go_to_the_file_and_nothing_else_does(
    attacked: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    run(["guard", str(attacked), "--csv"])
    printed = capsysbinary.readouterr().out
    run(["guard", str(attacked), "--csv", "-o", str(tmp_path / "out.csv")])
    assert capsysbinary.readouterr().out == b""
    assert (tmp_path / "out.csv").read_bytes() == printed
    assert list(csv.reader(printed.decode("utf-8-sig").splitlines()))


def test_output_that_cannot_be_written_is_a_storage_error(
    attacked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["guard", str(attacked), "-o", str(tmp_path / "none" / "out")]) == 6
    text = capsys.readouterr().err
    assert "E5020" in text
    assert "unchanged" in text


def test_html_report_is_written_beside_the_text(attacked: Path, tmp_path: Path) -> None:
    assert run(["guard", str(attacked), "--html", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "<html" in page
    assert "<script" not in page


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--from", "yesterday"], "E1003"),
        (["--assume-zone", "CET"], "E1004"),
        (["--exclude", "*"], "E1005"),
        (["--sources", "none.toml"], "E1007"),
        (["--level", "terrible"], "E1000"),
    ],
)
def test_wrong_options_are_named(
    attacked: Path, words: list[str], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["guard", str(attacked), *words]) == 2
    assert code in capsys.readouterr().err


def test_arabic_output_is_arabic_and_keeps_technical_values(
    attacked: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert run(["guard", str(attacked), "--lang", "ar"]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert "التغطية" in text
    assert "access.log" in text


def test_help_begins_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guard", "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert any(line.startswith("hisn guard") for line in lines[1:4])


def test_a_calendar_adds_surges_and_a_wrong_one_stops_everything(
    attacked: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    calendar = tmp_path / "calendar.toml"
    calendar.write_text(VESNA)
    assert run(["guard", str(attacked), "--calendar", str(calendar), "--json"]) == 0
    rules = json.loads(capsysbinary.readouterr().out)["coverage"]["rules"]
    assert [row["status"] for row in rules if row["id"] == "hisn.web-surge"] == ["judged"]
    calendar.write_text(VESNA.replace("+01:00", "+03:00"))
    assert run(["guard", str(attacked), "--calendar", str(calendar)]) == 3
    printed = capsysbinary.readouterr()
    assert printed.out == b""
    assert b"calendar.toml:19: " in printed.err
    assert b"E2654" in printed.err
