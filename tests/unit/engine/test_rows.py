from __future__ import annotations

import numpy as np
import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine.domains import Domain, Domains
from hisn.engine.plan import compile_plan
from hisn.engine.rows import FewRows, FieldRows, JoinedRows, ManyRows, mask_of, rows_of
from hisn.events.mapping import FieldView
from hisn.events.schema import Cell
from hisn.rules.expr import Or, Regex, Text

# Ids: 0 contains "abc", 1 equals "x", 2 the expression.
PLAN = compile_plan(pack_of(Or((Text("F", "contains", "abc"), Text("F", "equals", "x"))), Regex("F", "^a")))
CELLS: tuple[Cell, ...] = ("abc", "x", "no", None, "xabc", "abc", ("x", None))


def domain_and_codes() -> tuple[Domain, list[int]]:
    domain = Domains(PLAN, None).of(0, FieldView(0))
    codes = [domain.codes[cell] for cell in CELLS]
    domain.settle()
    return domain, codes


def few() -> FieldRows:
    return FewRows.of(*domain_and_codes())


def many() -> FieldRows:
    domain, codes = domain_and_codes()
    return ManyRows(domain, np.array(codes, np.int32))


def joined() -> FieldRows:
    domain, codes = domain_and_codes()
    halves = (codes[:3] + [codes[2]] * 4, [codes[2]] * 3 + codes[3:])
    return JoinedRows([FewRows.of(domain, half) for half in halves])


@pytest.mark.parametrize("rows", [few(), many(), joined()], ids=["few", "many", "joined"])
def test_few_and_many_rows_give_the_same_answers(rows: FieldRows) -> None:
    assert rows.mask(frozenset({0})) == 0b0110001
    assert rows.mask(frozenset({1})) == 0b1000010
    assert rows.mask(frozenset({0, 1, 77, 78, 79})) == 0b1110011
    assert rows.mask(frozenset({77})) == 0
    assert rows.ask(2, 0b1111111) == 0b0100001
    assert rows.ask(2, 0b1111110) == 0b0100000
    assert rows.ask(2, 0) == 0
    assert [rows.holds(0, row) for row in range(7)] == [True, False, False, False, True, True, False]
    assert rows.holds(2, 0)
    assert not rows.holds(2, 4)
    rules: set[int] = set()
    rows.add_rules(rules)
    assert rules == {0, 1}


def test_nulls_are_found_by_row() -> None:
    assert few().nulls() == many().nulls() == 0b1001000
    assert joined().nulls() == 0


@pytest.mark.parametrize("count", [1, 7, 8, 9, 64, 65, 1000])
def test_masks_and_rows_are_each_others_inverse(count: int) -> None:
    flags = np.arange(count) % 3 == 0
    mask = mask_of(flags)
    assert mask.bit_count() == int(flags.sum())
    assert rows_of(mask, count).tolist() == np.flatnonzero(flags).tolist()
    assert rows_of(1 << (count - 1), count).tolist() == [count - 1]
    assert rows_of(0, count).tolist() == []
