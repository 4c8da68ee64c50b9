from __future__ import annotations

import pytest
from tests.unit.engine.plain import chunk_of, mapping_of, pack_of, rows_of

from hisn.engine.domains import Domains
from hisn.engine.evaluate import AllOf, OneOf, evaluate, read_program
from hisn.engine.groups import Group, Stretch
from hisn.engine.plan import compile_plan
from hisn.events.schema import Cell
from hisn.rules.expr import And, Const, Exists, Expr, FieldRef, Not, Null, Or, Regex, Text

RECORDS: tuple[dict[str, Cell], ...] = (
    {"A": "x", "B": "X"},
    {"A": "xy", "B": "x"},
    {"A": None, "B": "x"},
    {"A": ("x", "q"), "B": "q"},
)


def mask(condition: Expr, within: int = 0b1111) -> int:
    plan = compile_plan(pack_of(condition))
    block = chunk_of(rows_of(*RECORDS)).blocks[0]
    group = Group(mapping_of().shape(block.layout), plan.names, Domains(plan, None))
    group.add(Stretch(0, block, None))
    return evaluate(read_program(plan.program(0)), group, within)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        (Text("A", "equals", "x"), 0b1001),
        (Not(Text("A", "equals", "x")), 0b0110),
        (Null("A"), 0b0100),
        (Null("Missing"), 0b1111),
        (Exists("A"), 0b1111),
        (Exists("Missing"), 0),
        (Text("Missing", "equals", "x"), 0),
        (Not(Text("Missing", "equals", "x")), 0b1111),
        (Regex("A", "^x.$"), 0b0010),
        (Regex("Missing", "^x.$"), 0),
        (FieldRef("A", "B"), 0b1001),
        (FieldRef("A", "B", cased=True), 0b1000),
        (FieldRef("A", "B", "startswith"), 0b1011),
        (FieldRef("A", "Missing"), 0),
        (And((Text("A", "contains", "x"), Text("B", "equals", "x"))), 0b0011),
        (Or((Null("A"), Text("B", "equals", "q"))), 0b1100),
        (Const(holds=True), 0b1111),
        (Const(holds=False), 0),
    ],
)
def test_programs_mean_what_conditions_mean(condition: Expr, rows: int) -> None:
    assert mask(condition) == rows
    for within in (0, 0b0001, 0b1010):
        assert mask(condition, within) == rows & within


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown code"):
        read_program([99])


def test_a_program_is_read_into_plain_values() -> None:
    assert read_program([0, [3, 1, 7, 8]]) == AllOf((OneOf(1, frozenset({7, 8})),))
