"""A rule is judged by what is known of a record: it holds, it does not, or what it would take."""

from __future__ import annotations

import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine.partial import Partial, judge_partial
from hisn.events.partial import NOTHING, RECORD, PartialRecord
from hisn.rules.expr import (
    And,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Not,
    Null,
    Or,
    Text,
)
from hisn.rules.pack import RuleSource

A, H, U = Text("a", "contains", "x"), Text("h", "contains", "x"), Text("u", "contains", "x")
RECORD_OF = PartialRecord(
    known={"a": "xyz", "n": None, "e": ""},
    hidden={"h": frozenset({"h"}), "g": frozenset({"source"})},
    undecided={"u": frozenset({"EventID"})},
)
H_NEEDED = (None, frozenset({"h"}))


def answer(condition: Expr, *, is_raw_known: bool = True, raw: str | None = None) -> object:
    return Partial(RECORD_OF, raw, is_raw_known=is_raw_known).answer(condition)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (A, (True, NOTHING)),
        (Not(A), (False, NOTHING)),
        (H, H_NEEDED),
        (Not(H), H_NEEDED),
        (U, (None, frozenset({"EventID"}))),
        (Text("nowhere", "equals", "x"), (False, NOTHING)),
        (And((A, H)), H_NEEDED),
        (And((Not(A), H)), (False, NOTHING)),
        (Or((A, H)), (True, NOTHING)),
        (Or((Not(A), H)), H_NEEDED),
        (And((H, Text("g", "equals", "x"))), (None, frozenset({"h", "source"}))),
        (Const(holds=True), (True, NOTHING)),
        (Exists("h"), (True, NOTHING)),
        (Exists("nowhere"), (False, NOTHING)),
        (Exists("u"), (None, frozenset({"EventID"}))),
        (Null("nowhere"), (True, NOTHING)),
        (Null("n"), (True, NOTHING)),
        (Null("h"), H_NEEDED),
        (FieldRef("a", "a"), (True, NOTHING)),
        (FieldRef("a", "h"), H_NEEDED),
        (FieldRef("n", "h"), (False, NOTHING)),
        (FieldRef("h", "nowhere"), (False, NOTHING)),
    ],
)
def test_conditions_have_three_answers(condition: Expr, expected: object) -> None:
    assert answer(condition) == expected


def test_absence_is_known_so_a_filter_on_it_can_be_judged() -> None:
    """`not filter` rests on a field that is not there: the list of names proves that."""
    assert answer(And((A, Not(Exists("signed"))))) == (True, NOTHING)


def test_a_keyword_is_found_in_what_is_known_and_missing_only_if_all_is() -> None:
    hidden = frozenset({"h", "source", "EventID"})
    assert answer(Keyword(("y",))) == (True, NOTHING)
    assert answer(Keyword(("q",))) == (None, hidden)
    assert answer(Keyword(("q",)), is_raw_known=False) == (None, hidden | {RECORD})
    assert answer(KeywordRegex("q"), raw="a q line") == (True, NOTHING)
    open_record = PartialRecord(known={"a": "x"})
    assert Partial(open_record, None, is_raw_known=True).answer(Keyword(("q",))) == (False, NOTHING)
    assert Partial(open_record, None, is_raw_known=False).answer(Keyword(("q",))) == (
        None,
        frozenset({RECORD}),
    )


def test_where_nothing_is_told_every_name_is_open() -> None:
    record = PartialRecord(known={}, otherwise=frozenset({"declaration"}))
    assert Partial(record, None, is_raw_known=True).answer(Exists("any")) == (
        None,
        frozenset({"declaration"}),
    )


def test_a_rule_for_another_log_source_does_not_hit() -> None:
    (rule,) = pack_of(A, sources=[RuleSource(product="linux")]).rules
    windows = PartialRecord(known={"a": "x"}, sure={"product": frozenset({"windows"})})
    linux = PartialRecord(known={"a": "x"}, sure={"product": frozenset({"linux"})})
    maybe = PartialRecord(known={"a": "x"}, maybe={"product": {"linux": frozenset({"Channel"})}})
    assert judge_partial(rule, windows, None, is_raw_known=True) == (False, NOTHING)
    assert judge_partial(rule, linux, None, is_raw_known=True) == (True, NOTHING)
    assert judge_partial(rule, maybe, None, is_raw_known=True) == (None, frozenset({"Channel"}))
