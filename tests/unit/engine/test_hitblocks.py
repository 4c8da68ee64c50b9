from __future__ import annotations

from tests.unit.engine.plain import Row, chunk_of, mapping_of, pack_of

from hisn.engine.hits import Decisive
from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scanner, Window
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


MARKED = """
asset = ["Host"]
[aliases]
Alias = "User"
[[rule]]
[rule.constants]
Fixed = "f"
[rule.tables.Code]
"1" = "one"
"""


def test_marks_carry_the_wanted_fields_as_rules_see_them_and_of_hits_alone() -> None:
    wanted = {0: ("User", "Alias", "Fixed", "Code", "K", "Missing")}
    scanner = Scanner(compile_plan(pack_of(Text("A", "equals", "x"))), mapping_of(MARKED), wanted=wanted)
    first = [
        Row({"A": "x", "User": "u1", "Code": 1, "Host": "b"}, {"K": 7}, 1, 30),
        Row({"A": "y", "User": "u2", "Code": 1, "Host": "b"}, {"K": 7}, 2, 10),
        Row({"A": "x", "User": None, "Code": "2", "Host": "a"}, {"K": 7}, 3, 20),
        Row({"A": "x", "User": ("u", 4), "Code": None, "Host": "b"}, {"K": 7}, 4, 10),
    ]
    second = [Row({"A": "x", "Host": "b"}, {}, 5, 5)]
    scan = scanner.scan([chunk_of(first, "s2"), chunk_of(second, "s2"), chunk_of(first[:1], "s1")])
    assert [
        (mark.rule, mark.source, mark.asset, mark.numbers.tolist(), mark.times.tolist(), dict(mark.columns))
        for mark in scan.marks
    ] == [
        (
            0,
            "s1",
            "b",
            [1],
            [30],
            {"User": ["u1"], "Alias": ["u1"], "Fixed": ["f"], "Code": ["one"], "K": [7]},
        ),
        (0, "s2", "a", [3], [20], {"User": [None], "Alias": [None], "Fixed": ["f"], "Code": ["2"], "K": [7]}),
        (
            0,
            "s2",
            "b",
            [4, 1],
            [10, 30],
            {
                "User": [("u", 4), "u1"],
                "Alias": [("u", 4), "u1"],
                "Fixed": ["f", "f"],
                "Code": [None, "one"],
                "K": [7, 7],
            },
        ),
        (0, "s2", "b", [5], [5], {"Fixed": ["f"]}),
    ]


def test_a_silenced_rule_gives_marks_and_no_hits() -> None:
    rules = pack_of(Text("A", "equals", "x"), Text("A", "startswith", "x"), Text("A", "endswith", "x"))
    scanner = Scanner(compile_plan(rules), mapping_of(), wanted={0: (), 1: ("B",)}, silenced=(0, 2))
    scan = scanner.scan([chunk_of(rows(("x", 9), ("x", 5)))])
    assert [(hit.rule, hit.numbers.tolist()) for hit in scan.hits] == [(1, [2, 1])]
    assert [(mark.rule, dict(mark.columns)) for mark in scan.marks] == [(0, {}), (1, {"B": ["x", "x"]})]


def test_marks_are_of_records_inside_the_window_alone() -> None:
    scanner = Scanner(
        compile_plan(pack_of(Text("A", "equals", "x"))), mapping_of(), Window(5, 8), wanted={0: ("A",)}
    )
    scan = scanner.scan([chunk_of(rows(("x", 9), ("x", 5), ("x", 7), ("x", 8)))])
    assert [(mark.numbers.tolist(), mark.columns["A"]) for mark in scan.marks] == [([2, 3], ["x", "x"])]
