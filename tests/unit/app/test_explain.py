"""Every code that users may meet is explained offline."""

from __future__ import annotations

import re

import pytest

from hisn.app.explain import error_entries, explain_code
from hisn.errors import UsageError


def test_every_entry_says_what_and_what_to_do() -> None:
    entries = error_entries()
    assert entries
    for code, entry in entries.items():
        assert re.fullmatch(r"E[1-5]\d{3}", code)
        assert entry.title
        assert entry.text.endswith(".")
        assert entry.hint


def test_code_is_found_however_it_is_typed() -> None:
    assert explain_code(" e1001 ").code == "E1001"


def test_unknown_code_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught:
        explain_code("E0000")
    assert caught.value.code == "E1002"
