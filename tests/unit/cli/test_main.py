"""The command line never throws a traceback and always exits with a documented code."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click
import pytest

from hisn.cli import main as main_module
from hisn.cli.main import COMMANDS, exit_code_of, run
from hisn.errors import (
    HisnError,
    InputError,
    PolicyError,
    StorageError,
    UsageError,
    VerificationError,
)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (UsageError, 2),
        (InputError, 3),
        (VerificationError, 4),
        (PolicyError, 5),
        (StorageError, 6),
        (HisnError, 70),
    ],
)
def test_exit_codes_of_errors(kind: type[HisnError], code: int) -> None:
    assert exit_code_of(kind("E1000", "x")) == code


def test_every_command_in_the_table_can_be_imported() -> None:
    group = main_module.build()
    context = click.Context(group)
    for name in COMMANDS:
        assert isinstance(group.get_command(context, name), click.Command)


def test_unknown_command_and_option_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conquer"]) == 2
    assert "E1000" in capsys.readouterr().err
    assert run(["guard", "--conquer", "x"]) == 2
    assert "--help" in capsys.readouterr().err


def test_nothing_asked_is_answered_with_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "hisn guard logs/" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--lang", "ar", "--help"], ["--help", "--lang=ar"]])
def test_language_may_stand_anywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert re.search("[\u0600-\u06ff]", capsys.readouterr().out)


def test_unknown_language_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "tlh", "--help"]) == 2
    assert "E1001" in capsys.readouterr().err
    assert run(["--help", "--lang"]) == 2


def test_file_named_like_the_language_option_can_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guard", "--", "--lang"]) == 3
    assert "E2001" in capsys.readouterr().err


def test_bug_is_reported_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> click.Group:
        raise ZeroDivisionError("by\x1b[31mnothing")

    monkeypatch.setattr(main_module, "build", fail)
    monkeypatch.delenv("HISN_DEBUG", raising=False)
    assert run([]) == 70
    text = capsys.readouterr().err
    assert "E1099" in text
    assert "Traceback" not in text
    assert "\x1b" not in text
    monkeypatch.setenv("HISN_DEBUG", "1")
    assert run([]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_interrupt_is_said_and_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> click.Group:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module, "build", interrupt)
    assert run([]) == 130
    assert "Interrupted" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    """``hisn --help`` answers at once: neither numpy nor the rule parser may be loaded for it."""
    program = (
        "import sys; from hisn.cli.main import run; run(['--help']);"
        "print(sorted({'numpy', 'sigma', 'rich', 'jinja2', 'lxml', 'evtx', 'hyperscan'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_reader_that_goes_away_gets_no_traceback_and_no_false_exit_code() -> None:
    """``hisn guard --help | head -1`` must not print a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "hisn", "guard", "--help"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")
