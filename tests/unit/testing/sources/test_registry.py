from __future__ import annotations

import csv

from hisn.testing.calendar import EVENING, VESNA_2026, local
from hisn.testing.county import VESNA
from hisn.testing.dice import Dice
from hisn.testing.sources import registry
from hisn.testing.stream import Stage


def test_every_line_has_the_26_columns_of_csvlog() -> None:
    stage = Stage(VESNA, VESNA_2026, EVENING, Dice(3, "db"))
    rows = list(csv.reader(record.text for record in registry.background(stage, 2_000)))
    assert {len(row) for row in rows} == {26}
    assert {row[11] for row in rows} == {"LOG", "ERROR"}
    assert all(row[0].endswith(" UTC") for row in rows)


def test_a_statement_with_commas_stays_one_field_of_the_audit_message() -> None:
    message = registry.audit("READ", "SELECT", "public.voters", 'SELECT a, "b" FROM voters')
    (fields,) = csv.reader([message.removeprefix("AUDIT: ")])
    assert fields[3:] == [
        "READ", "SELECT", "TABLE", "public.voters", 'SELECT a, "b" FROM voters', "<not logged>",
    ]  # fmt: skip


def test_a_command_without_a_table_leaves_both_object_fields_empty() -> None:
    message = registry.audit("MISC", "ALTER SYSTEM", "", "ALTER SYSTEM RESET ALL")
    (fields,) = csv.reader([message.removeprefix("AUDIT: ")])
    assert fields[5:7] == ["", ""]


def test_the_error_carries_its_statement() -> None:
    text = registry.line(
        local("2026-11-03 20:00"), "registration", registry.WEB, "SELECT", "syntax error",
        severity="ERROR", state="42601", query="SELECT 'a\"b",
    )  # fmt: skip
    (row,) = csv.reader([text])
    assert (row[0], row[4], row[11:14], row[19], row[22]) == (
        "2026-11-03 19:00:00.000 UTC", "10.20.2.10:40100", ["ERROR", "42601", "syntax error"],
        "SELECT 'a\"b", "voter-portal",
    )  # fmt: skip
