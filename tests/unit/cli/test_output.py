"""Errors say what happened to which thing, what to do, and what was left unchanged; and stay harmless."""

from __future__ import annotations

import click
import pytest

from hisn.cli.output import report_error, report_usage
from hisn.core.place import Place
from hisn.errors import InputError


def test_error_has_all_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    report_error(
        InputError("E2001", "cannot read", hint="check", unchanged="nothing", place=Place("a.log", 3, 7))
    )
    assert capsys.readouterr().err.splitlines() == [
        "hisn: error[E2001]: a.log:3:7: cannot read",
        "  hint: check",
        "  unchanged: nothing",
        "  more: hisn explain E2001",
    ]


def test_file_name_cannot_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report_error(InputError("E2001", "cannot read", place=Place("a\x1b[2J\u202egol.exe")))
    text = capsys.readouterr().err
    assert "\x1b" not in text
    assert "\u202e" not in text
    report_usage(click.UsageError("no such option \x1b[2J"))
    assert "\x1b" not in capsys.readouterr().err
