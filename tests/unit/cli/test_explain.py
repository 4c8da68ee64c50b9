"""``hisn explain`` answers offline, in both languages."""

from __future__ import annotations

import re

import pytest

from hisn.cli.main import run


def test_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "E1005"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("E1005: ")
    assert "hint:" in text


def test_unknown_code_says_where_the_list_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "E9999"]) == 2
    assert "E1002" in capsys.readouterr().err


def test_explanation_in_arabic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "E1005", "--lang", "ar"]) == 0
    assert re.search("[\u0600-\u06ff]{3}", capsys.readouterr().out)
