from __future__ import annotations

import numpy as np
import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine.domains import Domain, Domains
from hisn.engine.plan import Plan, compile_plan
from hisn.engine.rows import FewRows, FieldRows, JoinedRows, ManyRows, mask_of, rows_of
from hisn.events.mapping import FieldView
from hisn.events.schema import Cell
from hisn.rules.expr import Regex, Text

CELLS: tuple[Cell, ...] = ("alpha", None, "beta", "alpha", ("beta", None), "", "gamma")
ALPHA, BETA = Text("A", "equals", "alpha"), Text("A", "contains", "bet")
EXPRESSION = Regex("A", "^g.mma$")
KINDS = pytest.mark.parametrize("kind", ["few", "many"])


def plan_and_domain() -> tuple[Plan, Domain]:
    plan = compile_plan(pack_of(ALPHA, BETA, EXPRESSION))
    domain = Domains(plan, None).of(0, FieldView(0))
    return plan, domain


def rows_for(kind: str, domain: Domain, cells: tuple[Cell, ...] = CELLS) -> FieldRows:
    codes = [domain.codes[cell] for cell in cells]
    domain.settle()
    if kind == "few":
        return FewRows.of(domain, codes)
    return ManyRows(domain, np.array(codes, np.int32))


def id_of(plan: Plan, rule: int) -> int:
    return plan.places[rule][1]


@pytest.mark.parametrize("count", [1, 4, 5, 7, 8, 9, 63, 64, 65, 1000])
def test_a_mask_and_its_rows_say_the_same_at_every_byte_border(count: int) -> None:
    flags = np.arange(count) % 3 == 0
    flags[-1] = True
    mask = mask_of(flags)
    assert rows_of(mask, count).tolist() == np.flatnonzero(flags).tolist()
    assert mask == sum(1 << row for row in np.flatnonzero(flags).tolist())


def test_no_rows_are_no_bits() -> None:
    assert mask_of(np.zeros(9, np.bool_)) == 0
    assert rows_of(0, 9).tolist() == []


@KINDS
def test_rows_are_found_by_the_values_they_have(kind: str) -> None:
    plan, domain = plan_and_domain()
    rows = rows_for(kind, domain)
    alpha, beta = id_of(plan, 0), id_of(plan, 1)
    assert rows.mask(frozenset({alpha})) == 0b0001001
    assert rows.mask(frozenset({beta})) == 0b0010100
    assert rows.mask(frozenset({alpha, beta})) == 0b0011101
    assert rows.mask(frozenset()) == 0
    assert rows.mask(frozenset({999})) == 0


@KINDS
def test_a_list_with_a_null_is_null_and_an_empty_text_is_not(kind: str) -> None:
    _, domain = plan_and_domain()
    assert rows_for(kind, domain).nulls() == 0b0010010


@KINDS
def test_an_expression_is_asked_of_the_rows_in_question_only(kind: str) -> None:
    plan, domain = plan_and_domain()
    rows = rows_for(kind, domain)
    gamma = id_of(plan, 2)
    assert rows.ask(gamma, 0b1111111) == 0b1000000
    assert rows.ask(gamma, 0b0111111) == 0
    assert [rows.holds(gamma, row) for row in range(7)] == [False] * 6 + [True]
    assert rows.holds(id_of(plan, 0), 3)


@KINDS
def test_only_rules_whose_value_is_there_are_triggered(kind: str) -> None:
    _, domain = plan_and_domain()
    domain.settle()
    rules: set[int] = set()
    rows_for(kind, domain, ("alpha", "nothing", None)).add_rules(rules)
    # Without Hyperscan nothing is known of expressions, so that every value may trigger them.
    assert rules == {0, 2}


@KINDS
def test_values_of_other_groups_are_not_rows_of_this_one(kind: str) -> None:
    plan, domain = plan_and_domain()
    rows_for(kind, domain)
    rows = rows_for(kind, domain, ("beta",))
    assert rows.mask(frozenset({id_of(plan, 0)})) == 0
    assert rows.nulls() == 0


def test_few_rows_and_many_rows_agree_on_thousands() -> None:
    plan, domain = plan_and_domain()
    cells = tuple(CELLS[index * index % len(CELLS)] for index in range(3000))
    few, many = rows_for("few", domain, cells), rows_for("many", domain, cells)
    full = (1 << 3000) - 1
    for rule in range(2):
        ids = frozenset({id_of(plan, rule)})
        assert few.mask(ids) == many.mask(ids) != 0
    assert few.nulls() == many.nulls() != 0
    assert few.ask(id_of(plan, 2), full) == many.ask(id_of(plan, 2), full)


def test_a_keyword_holds_where_one_of_the_columns_has_it() -> None:
    plan, domain = plan_and_domain()
    joined = JoinedRows(
        [rows_for("few", domain, ("alpha", "x", "x")), rows_for("many", domain, ("x", "x", "gamma"))]
    )
    assert joined.mask(frozenset({id_of(plan, 0)})) == 0b001
    assert joined.ask(id_of(plan, 2), 0b111) == 0b100
    assert joined.holds(id_of(plan, 2), 2)
    assert not joined.holds(id_of(plan, 2), 1)
    assert joined.nulls() == 0


def test_a_constant_stands_in_every_row() -> None:
    plan, domain = plan_and_domain()
    code = domain.codes["alpha"]
    domain.settle()
    rows = FewRows(domain, {code: 0b1111})
    assert rows.mask(frozenset({id_of(plan, 0)})) == 0b1111
    assert rows.holds(id_of(plan, 0), 3)
