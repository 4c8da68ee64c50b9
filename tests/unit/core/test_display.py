from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hisn.core.display import is_safe, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb", "a\\u202eb"),
        ("line\r\nline", "line\\r\\nline"),
        ("\x9b31m", "\\x9b31m"),
        ("a\x00b", "a\\x00b"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
        ("naïve سلام", "naïve سلام"),
    ],
)
def test_what_acts_or_hides_is_written_out(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_cut_is_said() -> None:
    assert shown("x" * 10, 4) == "xxxx… (+6)"


@given(st.text())
def test_nothing_active_is_left_in_any_text(text: str) -> None:
    assert all(is_safe(char) for char in shown(text))
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for char in shown(text))
