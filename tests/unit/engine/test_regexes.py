from __future__ import annotations

import random

import pytest
import re2
from tests.unit.engine.plain import pack_of

from hisn.engine.databases import Databases
from hisn.engine.plan import compile_plan
from hisn.engine.predicates import compile_regex, encode_text
from hisn.engine.regexes import AllRegexes, HyperscanRegexes, is_plain, is_same_in_hyperscan
from hisn.rules.expr import Regex

PATTERNS = ("a+b", "^x", "b$", "(?i)power", "\\s", "[^\\w]", "é", "\\x0b", "\\pL", "z*", ".{3}")
REGEXES = tuple(Regex("A", pattern) for pattern in PATTERNS)


# Pieces that the two syntaxes share, or seem to.
PIECES = (
    "a", "A", "k", "s", ".", "*", "+", "?", "|", "(", ")", "[^a]", "^", "$", "\\b", "\\B", "\\s", "\\W", "\\d",
    "{2}", "{,2}", "(?i)", "(?-i)", "(?U)", "(?s:", "(?:", "\\z", "\\A", "\\x{41}", "\\012", "\\0", "\\a", "??",
    "[[:^alpha:]]", "[\\s\\d]", "[]a]", "[a-]", "\\xff", "[^\\x80]", "#", " ", "\n", "\\_", "-", "]", "{", "}", "1",
)  # fmt: skip
CHARACTERS = "aAkKsS1_ \n\r\t\f\0-]{},#\\.\x07\x7f\x1c"


def finder_of(*regexes: Regex) -> HyperscanRegexes:
    pytest.importorskip("hyperscan")
    plan = compile_plan(pack_of(*regexes))
    return Databases(plan).regexes(0, regexes)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("cmd /c whoami", True),
        ("", True),
        ("tab\tline\nnul\0", True),
        ("\x0b", False),  # white space to PCRE, not to RE2
        ("\u212a", False),  # KELVIN SIGN folds to k
        ("\u017f", False),  # LONG S folds to s
        ("caf\u00e9", False),
        ("\ud800", False),
    ],
)
def test_values_that_pcre_sees_otherwise_are_not_plain(text: str, plain: bool) -> None:
    assert is_plain(text) is plain


@pytest.mark.parametrize(
    ("pattern", "flags", "same"),
    [
        ("a+b", "", True),
        ("a+b", "is", True),
        ("^b", "m", False),
        ("(?im)^b", "", False),
        ("(?i)b", "", True),
        ("\\v", "", False),
        ("\\\\v", "", True),  # a backslash, then a letter
        ("\\\\\\v", "", False),  # a backslash, then the class
        ("\\pL", "", False),
        ("\\PL", "", False),
        ("\\C", "", False),
        ("\\Qa.b\\E", "", False),
        ("stra\u00dfe", "", False),
        ("a\0b", "", False),  # Hyperscan would read it as "a"
    ],
)
def test_an_expression_that_pcre_reads_otherwise_is_left_to_re2(pattern: str, flags: str, same: bool) -> None:
    assert is_same_in_hyperscan(Regex("A", pattern, flags)) is same


@pytest.mark.parametrize(
    "text", ["", "aab", "xyz\n", "ab\n", "PoWeR", "a b", "\t", "zzz", "no match here", "a\0b", "-", "\r\n"]
)
def test_nothing_that_re2_finds_is_lost_among_the_candidates(text: str) -> None:
    encoded = encode_text(text)
    found = finder_of(*REGEXES).candidates(text, encoded)
    confirmed = {at for at, pattern in enumerate(PATTERNS) if compile_regex(pattern, "")(encoded)}
    assert found is not None
    assert confirmed <= set(found)


def test_expressions_that_nobody_would_write_lose_no_match() -> None:
    dice = random.Random(8)
    regexes: list[Regex] = []
    while len(regexes) < 400:
        regex = Regex("A", "".join(dice.choices(PIECES, k=dice.randint(1, 7))), dice.choice(("", "i", "s")))
        try:
            compile_regex(regex.pattern, regex.flags)
        except re2.error:
            continue
        regexes.append(regex)
    finder = finder_of(*regexes)
    print(f"{len(regexes)} expressions")
    searches = [compile_regex(regex.pattern, regex.flags) for regex in regexes]
    for _ in range(100):
        text = "".join(dice.choices(CHARACTERS, k=dice.randint(0, 8)))
        encoded = encode_text(text)
        found = finder.candidates(text, encoded)
        assert found is not None
        assert {at for at, search in enumerate(searches) if search(encoded)} <= set(found), repr(text)


def test_candidates_are_fewer_than_all_expressions() -> None:
    found = finder_of(*REGEXES).candidates("PoWeRs", b"PoWeRs")
    assert found is not None
    assert PATTERNS.index("(?i)power") in found
    assert PATTERNS.index("a+b") not in found
    assert PATTERNS.index("^x") not in found


@pytest.mark.parametrize("text", ["a\x0bb", "caf\u00e9", "\u017f"])
def test_of_a_value_that_is_not_plain_nothing_is_known(text: str) -> None:
    assert finder_of(*REGEXES).candidates(text, encode_text(text)) is None


def test_without_hyperscan_nothing_is_known_of_any_value() -> None:
    assert AllRegexes().candidates("aab", b"aab") is None


def test_where_hyperscan_takes_no_expression_re2_is_asked_for_all() -> None:
    assert finder_of(Regex("A", "\u00e9"), Regex("A", "\\pL")).candidates("abc", b"abc") is None


def test_a_value_that_matches_a_thousand_times_is_one_candidate() -> None:
    assert finder_of(Regex("A", "a")).candidates("a" * 10_000, b"a" * 10_000) == (0,)
