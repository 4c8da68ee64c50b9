from __future__ import annotations

from hisn.engine.fieldtests import ValueTest
from hisn.engine.program import (
    AND,
    ANY,
    ASK,
    EXISTS,
    NOT,
    NULL,
    OR,
    REF,
    Lowered,
    Lowering,
    atoms_of,
    split_asked,
)
from hisn.rules.expr import And, Const, Exists, Expr, FieldRef, Not, Null, Or, Regex, Text

LONG = Text("L", "contains", "something long and rare")
SHORT = Text("S", "contains", "a")


def lowered(condition: Expr) -> Lowered:
    fields: dict[str, int] = {}
    ids: dict[ValueTest, int] = {}

    def position(name: str) -> int:
        return fields.setdefault(name, len(fields))

    def place(test: ValueTest) -> tuple[int, int]:
        name = getattr(test, "field", "")
        return position(name), ids.setdefault(test, len(ids))

    return Lowering(position, place).lower(condition)


def test_a_conjunction_needs_its_rarest_test_and_asks_it_first() -> None:
    program = lowered(And((SHORT, LONG)))
    assert program.needs == frozenset({(1, 1)})
    assert program.program == [AND, [ANY, 1, 1], [ANY, 0, 0]]


def test_a_disjunction_needs_one_of_all_its_tests() -> None:
    assert lowered(Or((SHORT, LONG))).needs == frozenset({(0, 0), (1, 1)})


def test_a_rule_that_can_hold_by_absence_needs_nothing() -> None:
    assert lowered(Not(LONG)).needs is None
    assert lowered(Or((LONG, Null("F")))).needs is None
    assert lowered(Const(holds=True)).needs is None
    assert lowered(And((LONG, Not(SHORT)))).needs == frozenset({(0, 0)})


def test_a_rule_that_cannot_hold_needs_what_never_comes() -> None:
    assert lowered(And((LONG, Const(holds=False)))).needs == frozenset()


def test_tests_of_one_field_are_joined() -> None:
    other = Text("L", "contains", "something else")
    assert lowered(Or((LONG, SHORT, other))).program == [OR, [ANY, 0, 0, 2], [ANY, 1, 1]]
    assert lowered(Or((LONG, LONG))).program == [ANY, 0, 0]


def test_tests_that_look_at_more_than_a_value_have_codes_of_their_own() -> None:
    assert lowered(Null("F")).program == [NULL, 0]
    assert lowered(Exists("F")).program == [EXISTS, 0]
    assert lowered(FieldRef("F", "G", "endswith", cased=True)).program == [REF, 0, 1, "endswith", True]
    assert lowered(Not(Exists("F"))).program == [NOT, [EXISTS, 0]]
    assert lowered(Const(holds=False)).program == [OR]


def test_dear_tests_are_split_off() -> None:
    assert split_asked([AND, [ANY, 0, 1, 2], [NOT, [ANY, 3, 4]]], frozenset({2, 4})) == [
        AND,
        [OR, [ANY, 0, 1], [ASK, 0, 2]],
        [NOT, [ASK, 3, 4]],
    ]
    assert split_asked([NULL, 2], frozenset({2})) == [NULL, 2]


def test_tests_come_in_the_order_of_the_condition() -> None:
    regex = Regex("F", "a")
    condition = Or((And((SHORT, Not(regex))), Const(holds=True), SHORT))
    assert list(atoms_of(condition)) == [SHORT, regex, SHORT]
