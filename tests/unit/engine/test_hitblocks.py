from __future__ import annotations

from tests.unit.engine.plain import Row, chunk_of, mapping_of, pack_of

from hisn.engine.hits import Decisive
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner
from hisn.events.schema import Cell
from hisn.rules.expr import And, FieldRef, Keyword, Null, Or, Regex, Text

CONDITION = And(
    (
        Or((Text("A", "equals", "X"), Regex("A", "^x"), Text("A", "contains", "q"))),
        Null("C"),
        FieldRef("A", "B"),
        Keyword(("X",)),
    )
)


def rows(*cells: tuple[Cell, int]) -> list[Row]:
    return [Row({"A": cell, "B": cell}, {}, number, time) for number, (cell, time) in enumerate(cells, 1)]


def test_the_first_hit_is_explained_in_the_order_of_the_condition() -> None:
    scanner = Scanner(compile_plan(pack_of(CONDITION)), mapping_of())
    (hit,) = scanner.scan([chunk_of(rows(("X", 9), ("x", 5)))]).hits
    assert hit.numbers.tolist() == [2, 1]
    assert hit.why == (
        Decisive("A", "A", "X", "x"),
        Decisive("A", "A|re", "^x", "x"),
        Decisive("C", "C", "null", None),
        Decisive("A", "A|fieldref", "B", "x"),
        Decisive("A", "keywords", "X", "x"),
    )


def test_hit_blocks_do_not_keep_the_batch_alive() -> None:
    scanner = Scanner(compile_plan(pack_of(Text("A", "equals", "x"))), mapping_of())
    (hit,) = scanner.scan([chunk_of(rows(("x", 1), ("y", 2)))]).hits
    assert hit.numbers.base is None
    assert hit.times.base is None


def test_several_values_of_the_asset_field_name_it_by_the_first() -> None:
    mapping = mapping_of('asset = ["Host"]')
    cells: list[Cell] = [("b", "a"), (), None, 7]
    found = [Row({"A": "x", "Host": cell}, {}, number, 0) for number, cell in enumerate(cells, 1)]
    scan = Scanner(compile_plan(pack_of(Text("A", "equals", "x"))), mapping).scan([chunk_of(found)])
    assert [(hit.asset, hit.numbers.tolist()) for hit in scan.hits] == [("", [2, 3]), ("7", [4]), ("b", [1])]
    assert [asset for asset, _ in scan.presence] == ["", "7", "b"]
