from __future__ import annotations

import pytest

from hisn.app.rules_explain import MAX_VALUES, explain_condition, fields_of, find_rule
from hisn.errors import UsageError
from hisn.rules.expr import (
    And,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Not,
    Number,
    Op,
    Or,
    Text,
    TimeOf,
    TimePart,
)
from hisn.rules.pack import Pack


def lines(condition: Expr) -> list[str]:
    return ["  " * step.depth + step.text for step in explain_condition(condition)]


def test_lists_are_one_line_and_their_rest_is_counted() -> None:
    items = tuple(Text("F", "contains", str(number)) for number in range(MAX_VALUES + 3))
    (line,) = lines(Or(items))
    assert line.startswith("F contains one of '0', '1', ")
    assert line.endswith(" and 3 more")
    assert lines(And(items[:2])) == ["all of these:", "  F contains all of '0', '1'"]


def test_only_neighbours_of_one_kind_are_joined() -> None:
    condition = Or((Text("F", "equals", "a"), Text("F", "endswith", "b"), Text("G", "endswith", "c")))
    assert lines(condition) == [
        "at least one of these:",
        "  F is 'a'",
        "  F ends with 'b'",
        "  G ends with 'c'",
    ]


@pytest.mark.parametrize(
    ("condition", "line"),
    [
        (Text("F", "startswith", "a"), "F begins with 'a'"),
        (Number("F", "lt", "5"), "F < 5"),
        (KeywordRegex("a", ""), "the record matches /a/"),
        (Const(holds=True), "every record"),
        (Const(holds=False), "no record"),
    ],
)
def test_tests_are_said_in_plain_words(condition: Expr, line: str) -> None:
    assert lines(condition) == [line]


@pytest.mark.parametrize(
    ("op", "words"),
    [
        ("equals", "is the same as"),
        ("contains", "contains what is in"),
        ("startswith", "begins with what is in"),
        ("endswith", "ends with what is in"),
    ],
)
def test_references(op: Op, words: str) -> None:
    assert lines(FieldRef("F", "G", op)) == [f"F {words} G"]


@pytest.mark.parametrize("part", ["minute", "hour", "day", "week", "month", "year"])
def test_parts_of_dates(part: TimePart) -> None:
    assert lines(TimeOf("F", part, "eq", 5)) == [f"the {part} of F = 5"]


def test_control_characters_of_a_rule_do_not_reach_the_terminal() -> None:
    (line,) = lines(Text("F\x1b", "equals", "\x1b[2J"))
    assert "\x1b" not in line


def test_fields_stand_in_the_order_of_their_use() -> None:
    condition = And((Exists("B"), Not(Or((Exists("A"), Exists("B")))), FieldRef("D", "C"), Keyword(("k",))))
    assert fields_of(condition) == ("B", "A", "D", "C")


def test_nothing_is_found_in_an_empty_pack() -> None:
    with pytest.raises(UsageError):
        find_rule(Pack(name="p", digest="0", rules=()), "")
