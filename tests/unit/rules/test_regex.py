from __future__ import annotations

import pytest

from hisn.core import limits
from hisn.errors import InputError
from hisn.rules.regex import compile_re2, with_flags


def test_flags_stand_in_front() -> None:
    assert with_flags("a", "") == "a"
    assert with_flags("a", "is") == "(?is)a"


def test_flags_count() -> None:
    assert compile_re2("A.b", "is").search("xa\nB")
    assert not compile_re2("A.b", "").search("xa\nB")
    assert compile_re2("^b$", "m").search("a\nb\nc")


@pytest.mark.parametrize(
    "pattern",
    ["(", "(?=a)", r"\1", "a" * (limits.MAX_REGEX_CHARS + 1), r"(\pL{500}){1000}", "\ud800", "(?P<n"],
)
def test_what_re2_refuses_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(InputError) as caught:
        compile_re2(pattern)
    assert caught.value.code == "E2104"
