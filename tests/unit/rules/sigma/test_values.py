"""Strings, escapes and keywords."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hisn.rules.expr import ANY_ONE, ANY_RUN, And, Expr, Keyword, KeywordRegex, Op, Or, Regex, Text, Wildcard
from hisn.rules.sigma.values import normalise, number_literal, parse_pattern


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("", ()),
        ("a", ("a",)),
        (r"a\b", (r"a\b",)),
        (r"a\\b", (r"a\b",)),
        (r"a\*b", ("a*b",)),
        (r"a\?b", ("a?b",)),
        (r"a\\*b", ("a\\", ANY_RUN, "b")),
        (r"a\\?b", ("a\\", ANY_ONE, "b")),
        (r"a\\\*b", (r"a\*b",)),
        (r"a\\\b", (r"a\\b",)),
        (r"a\\\\b", (r"a\\b",)),
        (r"a" + "\\", ("a\\",)),
        (r"a\\", ("a\\",)),
        (r"*?", (ANY_RUN, ANY_ONE)),
    ],
)
def test_escapes_are_those_of_the_specification(written: str, parts: object) -> None:
    assert parse_pattern(written) == parts


def test_four_backslashes_match_two(detect: Callable[..., Expr]) -> None:
    """Yamato-Security/hayabusa#897: rules with four backslashes found no named pipe."""
    assert detect(r"ImagePath: '*\\\\.\\pipe*'") == Text("ImagePath", "contains", r"\\.\pipe")


@pytest.mark.parametrize("op", ["startswith", "endswith", "contains"])
def test_a_backslash_at_the_end_is_a_backslash(detect: Callable[..., Expr], op: Op) -> None:
    r"""Yamato-Security/hayabusa#1025 with PR 1026 and 1027: it escaped the wildcard of the modifier.

    The first repair let ``system32\`` match ``system32``.
    """
    assert detect(f"Data|{op}: 'C:\\Windows\\'") == Text("Data", op, "C:\\Windows\\")


def test_a_literal_star_is_no_wildcard(detect: Callable[..., Expr]) -> None:
    assert detect(r"F: '\*'") == Text("F", "equals", "*")
    assert detect(r"F|contains: 'a\?b'") == Text("F", "contains", "a?b")
    assert detect(r"F: 'C:\\*\\*.exe'") == Wildcard("F", ("C:\\", ANY_RUN, "\\", ANY_RUN, ".exe"))


def test_text_keeps_the_case_it_is_written_in(detect: Callable[..., Expr]) -> None:
    assert detect("F: WhoAmI") == Text("F", "equals", "WhoAmI")


def test_equal_patterns_have_one_form() -> None:
    assert normalise(("a", "", "b", ANY_RUN, "", ANY_ONE, ANY_RUN, "c")) == ("ab", ANY_ONE, ANY_RUN, "c")
    assert normalise((ANY_RUN, ANY_RUN)) == (ANY_RUN,)
    assert normalise(("",)) == ()


@pytest.mark.parametrize(
    ("written", "literal"),
    [
        ("5", "5"),
        ("+5", "5"),
        ("0x10", "16"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-0.0", "0"),
        ("100", "100"),
        ("1.e+2", "100"),
    ],
)
def test_equal_numbers_have_one_literal(written: str, literal: str) -> None:
    assert number_literal(written) == literal


def keywords(*lines: str) -> str:
    return "keywords:\n" + "".join(f"    {line}\n" for line in lines) + "condition: keywords\n"


def test_keywords_are_looked_for_anywhere(detect: Callable[..., Expr]) -> None:
    assert detect(keywords("- 'event::clear'", "- 4688", "- '*x*'")) == Or(
        (Keyword(("event::clear",)), Keyword(("4688",)), Keyword(("x",)))
    )
    assert detect("keywords: one\ncondition: keywords") == Keyword(("one",))
    assert detect(keywords("- 'a*b?c'")) == Keyword(("a", ANY_RUN, "b", ANY_ONE, "c"))
    assert detect(keywords("- '?a'")) == Keyword((ANY_ONE, "a"))


def test_keywords_take_modifiers(detect: Callable[..., Expr]) -> None:
    assert detect(keywords("'|all':", "    - a", "    - ' b '")) == And((Keyword(("a",)), Keyword((" b ",))))
    assert detect(keywords("'|contains': a")) == Keyword(("a",))
    assert detect(keywords("'|cased': A")) == Keyword(("A",), cased=True)
    assert detect(keywords("'|re|i': 'a+'")) == KeywordRegex("a+", "i")
    assert detect(keywords("'|base64': a")) == Keyword(("YQ==",))


@pytest.mark.parametrize(
    "written",
    [
        "- ''",
        "- '*'",
        "- '?'",
        "- null",
        "- true",
        "'|cidr': 10.0.0.0/8",
        "'|exists': true",
        "'|fieldref': a",
        "'|gt': 5",
        "'|re|startswith': a",
    ],
)
def test_keywords_that_cannot_be_looked_for_are_refused(
    refuse: Callable[..., tuple[str, int, str]], written: str
) -> None:
    code, line, _ = refuse(keywords(written))
    assert code == "E2103"
    assert line == 2


def test_catastrophic_expressions_are_harmless(detect: Callable[..., Expr]) -> None:
    """(a+)+$ takes hours in a backtracking engine; RE2 takes linear time, whatever the text."""
    from hisn.rules.regex import compile_re2

    lowered = detect("F|re: '(a+)+$'")
    assert isinstance(lowered, Regex)
    assert compile_re2(lowered.pattern, lowered.flags).search("a" * 100_000 + "b") is None


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)b",
        "(?!a)b",
        "(?<=a)b",
        r"(a)\1",
        "(?>a)b",
        "a++b",
        "a)b",
        "(",
        "[",
        "a{1001}",
        "((a{100}){100}){100}",
        "x" * 4_097,
    ],
)
def test_expressions_beyond_re2_are_refused_by_name(
    refuse: Callable[..., tuple[str, int, str]], pattern: str
) -> None:
    code, line, reason = refuse(f"F|re: '{pattern}'")
    assert code == "E2104"
    assert line == 2
    assert "expression" in reason


def test_a_stray_bracket_does_not_find_its_pair_in_our_anchors(
    refuse: Callable[..., tuple[str, int, str]],
) -> None:
    assert refuse("F|re|startswith: 'a)(b'")[0] == "E2104"


@pytest.mark.parametrize("value", ["?" * 100_000, "*a" * 300, "a" * 100_000, "keyword"])
def test_values_are_bounded(refuse: Callable[..., tuple[str, int, str]], value: str) -> None:
    """A matcher's work grows with wildcards, and a million of them fit into one file."""
    text = keywords(f"- '{'?a' * 300}'") if value == "keyword" else f"F: '{value}'"
    assert refuse(text)[0] == "E2106"
