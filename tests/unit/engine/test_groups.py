from __future__ import annotations

import numpy as np
from tests.unit.engine.plain import chunk_of, mapping_of, pack_of, rows_of

from hisn.engine.domains import Domains
from hisn.engine.groups import Group, Stretch
from hisn.engine.plan import Plan, compile_plan
from hisn.events.batch import Block
from hisn.events.schema import Cell
from hisn.rules.expr import Expr, Keyword, Text

MAPPING = mapping_of()


def block_of(*records: dict[str, Cell], raws: tuple[bytes | str, ...] = ()) -> Block:
    return chunk_of(rows_of(*records, raws=raws)).blocks[0]


def group_of(plan: Plan, *stretches: Stretch) -> Group:
    group = Group(MAPPING.shape(stretches[0].block.layout), plan.names, Domains(plan, None))
    for stretch in stretches:
        group.add(stretch)
    return group


def plan_of(*conditions: Expr) -> Plan:
    return compile_plan(pack_of(*conditions))


def test_rows_of_several_blocks_stand_one_after_the_other() -> None:
    one, two = block_of({"F": "a"}, {"F": "b"}), block_of({"F": "b"}, {"F": "b"}, {"F": "a"})
    keep = np.array([True, False, True])
    group = group_of(plan_of(Text("F", "equals", "b")), Stretch(0, one, None), Stretch(1, two, keep))
    assert (group.count, group.full) == (4, 0b1111)
    rows = group.rows(0)
    assert rows is not None
    assert rows.mask(frozenset({0})) == 0b0110
    assert [group.place(row) for row in range(4)] == [(one, 0), (one, 1), (two, 0), (two, 2)]
    view = group.view(0)
    assert view is not None
    assert list(group.cells(view)) == ["a", "b", "b", "a"]


def test_a_missing_field_has_no_rows() -> None:
    group = group_of(plan_of(Text("G", "equals", "b")), Stretch(0, block_of({"F": "a"}), None))
    assert group.touch(0) is None
    assert group.rows(0) is None
    assert group.view(0) is None


def test_a_constant_is_judged_once_for_all_rows() -> None:
    rows = [row.__class__(row.fields, {"K": "x"}, row.number) for row in rows_of({"F": "a"}, {"F": "b"})]
    group = group_of(plan_of(Text("K", "equals", "X")), Stretch(0, chunk_of(rows).blocks[0], None))
    held = group.rows(0)
    assert held is not None
    assert held.mask(frozenset({0})) == group.full


def test_keywords_see_columns_and_text_lines() -> None:
    block = block_of({"F": "key"}, {"F": "b"}, {"F": "c"}, raws=("{}", b"<34>a key\xff", "<Event key='1'/>"))
    group = group_of(plan_of(Keyword(("KEY",))), Stretch(0, block, None))
    rows = group.rows(0)
    assert rows is not None
    assert rows.mask(frozenset({0})) == 0b011
