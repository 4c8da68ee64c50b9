from __future__ import annotations

import pytest

from hisn.engine.hits import Decisive
from hisn.engine.reference import decisive, explain, holds, raw_text_of, trace
from hisn.events.schema import Cell
from hisn.rules.expr import (
    ANY_ONE,
    ANY_RUN,
    And,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Network,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Text,
    TimeOf,
    Wildcard,
)


@pytest.mark.parametrize(
    ("condition", "record", "wanted"),
    [
        (Text("F", "equals", "STRASSE"), {"F": "straße"}, True),
        (Text("F", "equals", "k"), {"F": "\u212a"}, True),  # the Kelvin sign
        (Text("F", "contains", "Shell"), {"F": "POWERSHELL.EXE"}, True),
        (Text("F", "contains", "Shell", cased=True), {"F": "POWERSHELL.EXE"}, False),
        (Text("F", "equals", "1"), {"F": 1}, True),
        (Text("F", "equals", "true"), {"F": "true"}, True),
        (Text("F", "equals", "1"), {"F": "true"}, False),
        (Text("F", "equals", ""), {"F": ""}, True),
        (Text("F", "equals", ""), {"F": None}, False),
        (Text("F", "equals", ""), {}, False),
        (Text("F", "equals", "b"), {"F": ("a", "b")}, True),
        (Not(Text("F", "equals", "a")), {}, True),
        (Null("F"), {}, True),
        (Null("F"), {"F": None}, True),
        (Null("F"), {"F": ""}, False),
        (Null("F"), {"F": ("a", None)}, True),
        (Null("F"), {"F": ()}, False),
        (Exists("F"), {"F": None}, True),
        (Exists("F"), {}, False),
        (Number("F", "eq", "42"), {"F": "0x2a"}, True),
        (Number("F", "gt", "9"), {"F": "10"}, True),  # not "10" < "9" as texts
        (Number("F", "gt", "9"), {"F": "many"}, False),
        (Network("F", "10.0.0.0/8"), {"F": "10.9.9.9"}, True),
        (TimeOf("F", "hour", "gte", 22), {"F": "2024-11-05 23:00:00"}, True),
        (FieldRef("F", "G"), {"F": "a", "G": "A"}, True),
        (FieldRef("F", "G", cased=True), {"F": "a", "G": "A"}, False),
        (FieldRef("F", "G", "startswith"), {"F": "abc", "G": "AB"}, True),
        (FieldRef("F", "G"), {"F": "a"}, False),
        (FieldRef("F", "G"), {"F": None, "G": None}, False),
        (Wildcard("F", ("a", ANY_ONE, ANY_RUN)), {"F": "Abc"}, True),
        (Regex("F", "^a.$"), {"F": "ab"}, True),
        (Regex("F", "^a.$"), {"F": "ab\n"}, False),  # RE2's $ is the end of the text
        (Const(holds=True), {}, True),
        (And((Exists("F"), Not(Null("F")))), {"F": ""}, True),
        (Or((Null("G"), Exists("X"))), {"G": ""}, False),
    ],
)
def test_conditions_mean_what_the_contract_says(
    condition: Expr, record: dict[str, Cell], *, wanted: bool
) -> None:
    assert holds(condition, record) is wanted
    assert bool(decisive(condition, lambda atom: holds(atom, record))) <= wanted


def test_a_keyword_is_looked_for_in_every_field_and_in_the_line() -> None:
    keyword = Keyword(("Segfault",))
    assert holds(keyword, {"F": "x", "G": ("y", "a SEGFAULT")})
    assert holds(keyword, {"F": "x"}, "kernel: segfault at 0")
    assert not holds(keyword, {"segfault": "x"}, None)
    assert holds(KeywordRegex("^k.*l:"), {}, "kernel: x")


def test_a_keyword_is_never_found_across_two_values() -> None:
    assert not holds(Keyword(("ab",)), {"F": "a", "G": "b"})


@pytest.mark.parametrize("raw", ['{"a": 1}', b'{"b": 1}', "<Event>", b"<Event/>"])
def test_the_raw_form_of_structured_records_is_not_searched(raw: bytes | str) -> None:
    assert raw_text_of(raw) is None


@pytest.mark.parametrize("raw", ["<34>Oct", b"<35>Oct", "[Sun Dec 04] x", "a {", ""])
def test_text_lines_are_searched(raw: bytes | str) -> None:
    assert raw_text_of(raw) == (raw.decode() if isinstance(raw, bytes) else raw)


def test_a_line_of_broken_utf8_is_searched_as_far_as_it_is_text() -> None:
    assert raw_text_of(b"a\xffb") == "a\ufffdb"


def test_a_trace_names_what_held_in_the_order_of_the_condition() -> None:
    condition = And(
        (
            Text("B", "contains", "Two"),
            Or((Text("A", "equals", "no"), Text("A", "startswith", "on"), Text("A", "endswith", "ne"))),
            Not(Text("A", "equals", "three")),
        )
    )
    assert trace(condition, {"A": "one", "B": "two"}) == (
        Decisive("B", "B|contains", "Two", "two"),
        Decisive("A", "A|startswith", "on", "one"),
        Decisive("A", "A|endswith", "ne", "one"),
    )
    assert trace(condition, {"A": "three", "B": "two"}) == ()


def test_a_trace_looks_through_two_negations() -> None:
    inner = Not(Or((Text("A", "equals", "x"), Not(Text("A", "equals", "a")))))
    assert [reason.pattern for reason in trace(inner, {"A": "a"})] == ["a"]


def test_a_trace_names_each_test_once() -> None:
    test = Text("A", "equals", "a")
    assert len(trace(And((test, Or((test, test)))), {"A": "a"})) == 1


@pytest.mark.parametrize(
    ("atom", "name", "pattern"),
    [
        (Text("F", "equals", "a"), "F", "a"),
        (Text("F", "contains", "a", cased=True), "F|contains|cased", "a"),
        (Wildcard("F", ("a*", ANY_RUN, "b", ANY_ONE)), "F", r"a\**b?"),
        (Regex("F", "a", "im"), "F|re|i|m", "a"),
        (Number("F", "eq", "1"), "F", "1"),
        (Number("F", "gte", "1"), "F|gte", "1"),
        (Network("F", "::/0"), "F|cidr", "::/0"),
        (Exists("F"), "F|exists", "true"),
        (Null("F"), "F", "null"),
        (FieldRef("F", "G", "endswith"), "F|fieldref|endswith", "G"),
        (TimeOf("F", "hour", "lt", 5), "F|hour|lt", "5"),
    ],
)
def test_tests_are_named_as_rule_authors_write_them(atom: Expr, name: str, pattern: str) -> None:
    assert not isinstance(atom, And | Or | Not | Const)
    assert explain(atom, {"F": "x"}, None) == Decisive("F", name, pattern, "x")


def test_a_keyword_is_explained_by_where_it_stands() -> None:
    assert trace(Keyword(("b",)), {"F": "a", "G": "b"}) == (Decisive("G", "keywords", "b", "b"),)
    assert trace(KeywordRegex("b", "i"), {"F": "a"}, "B") == (Decisive("", "keywords|re|i", "b", "B"),)
