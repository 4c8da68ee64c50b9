from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.present.samples import correlated, report, whole

from hisn.present.csv_out import COLUMNS, csv_cell, render_csv
from hisn.present.report import Report


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_every_finding_is_a_row() -> None:
    found = rows(render_csv(report()))
    assert [row["level"] for row in found] == ["critical", "low", "medium"]
    assert found[0]["records"] == "17 18"
    assert {row["run_complete"] for row in found} == {"INCOMPLETE"}


def test_a_correlation_has_its_evidence_in_a_cell() -> None:
    (row,) = rows(render_csv(correlated("x", 1)))
    records = " ".join(str(record) for record in range(17, 37))
    assert row["evidence"] == f"x.evtx 00000000-0000-4000-8000-000000000000: {records}"
    assert row["group"] == "x=x"
    (cut,) = rows(render_csv(correlated("x", 1, is_complete=False)))
    assert (cut["evidence"], cut["records_complete"]) == (f"{row['evidence']} …", "no")


@pytest.mark.parametrize("make", [report, correlated])
def test_no_cell_can_become_a_formula(make: Callable[[str], Report]) -> None:
    for start in ("=", "+", "-", "@", "\t=", "\r="):
        data = render_csv(make(f"{start}cmd|' /c calc'!A0"))
        for row in rows(data):
            assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values())


def test_an_empty_table_says_what_it_means() -> None:
    (row,) = rows(render_csv(whole()))
    assert (row["level"], row["title"], row["run_complete"]) == (
        "none",
        "no findings at or above medium",
        "yes",
    )
    judged = [rule.status for rule in whole().coverage.rules].count("judged")
    assert f"rules judged: {judged}; no such source: " in row["sentence"]


def test_a_cell_longer_than_a_spreadsheet_takes_is_cut_visibly() -> None:
    row = rows(render_csv(report("x" * 40_000)))[0]
    assert row["asset"].endswith("… (+8000)")
    assert list(row) == list(COLUMNS)


@given(st.text(alphabet="=+-@\t\r\n aA1\u202e"))
def test_no_cell_is_a_formula(text: str) -> None:
    assert not csv_cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
