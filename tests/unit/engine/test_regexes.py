from __future__ import annotations

import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine.databases import Databases
from hisn.engine.plan import compile_plan
from hisn.engine.regexes import AllRegexes, hyperscan_flags, is_plain, is_same_in_hyperscan
from hisn.rules.expr import Regex


@pytest.mark.parametrize(
    ("pattern", "flags"),
    [
        ("ſ", "i"),  # folds to s in RE2 only
        (r"[^\v]", ""),  # one character in RE2, all vertical space in PCRE
        (r"\pL", ""),
        (r"\C", ""),
        ("^a", "m"),
        ("(?im)^a", ""),
        ("a\0b", ""),  # cut off in C strings
        (r"\\\v", ""),
    ],
)
def test_expressions_that_hyperscan_reads_otherwise_are_left_to_re2(pattern: str, flags: str) -> None:
    assert not is_same_in_hyperscan(Regex("F", pattern, flags))


@pytest.mark.parametrize("pattern", [r"a\d+", r"\\vmware", r"\\\\C", "(?i)abc$"])
def test_ordinary_expressions_are_not(pattern: str) -> None:
    assert is_same_in_hyperscan(Regex("F", pattern))


@pytest.mark.parametrize("text", ["é", "a\x0b", "\ud800"])
def test_values_that_the_two_see_differently_are_not_plain(text: str) -> None:
    assert not is_plain(text)


def test_without_hyperscan_any_expression_may_match() -> None:
    assert AllRegexes().candidates("a", b"a") is None


def test_candidates_are_all_that_could_match() -> None:
    hyperscan = pytest.importorskip("hyperscan")
    regexes = [
        Regex("F", "abc"),
        Regex("F", "x$"),
        Regex("F", "", ""),
        Regex("F", "q", "i"),
        Regex("F", "ſ", "i"),
    ]
    finder = Databases(compile_plan(pack_of(*regexes))).regexes(0, regexes)
    assert set(finder.candidates("abcQ", b"abcQ") or ()) == {0, 2, 3, 4}
    assert set(finder.candidates("x\n", b"x\n") or ()) >= {1}  # one more: RE2 decides
    assert finder.candidates("é", "é".encode()) is None
    assert hyperscan_flags("is") & hyperscan.HS_FLAG_DOTALL
