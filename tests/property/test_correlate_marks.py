"""Marks are the reference's hits, with the fields of their records, however the records are divided."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from tests.unit.engine.plain import Row, chunk_of, mapping_of, pack_of, reference_scan

from hisn.engine.plan import compile_plan
from hisn.engine.scan import Scan, Scanner, Window
from hisn.events.batch import NO_TIME
from hisn.events.schema import Cell
from hisn.rules.expr import Exists, Text

FIELDS = ("A", "B", "C")
WANTED = (*FIELDS, "Alias", "Fixed", "Gone")
MAPPING = """
asset = ["B"]
[aliases]
Alias = "A"
[[rule]]
[rule.constants]
Fixed = "f"
[rule.tables.C]
"1" = "one"
"""
PACK = pack_of(Text("A", "contains", "x"), Exists("B"), Text("C", "equals", "one"))

scalars = st.sampled_from((None, 1, "", "x", "xy", "1"))
cells = st.one_of(scalars, st.lists(scalars, max_size=2).map(tuple))
records = st.dictionaries(st.sampled_from(FIELDS), cells, min_size=1)
rows = st.lists(
    st.tuples(records, records, st.one_of(st.just(NO_TIME), st.integers(0, 9)), st.sampled_from("st")),
    max_size=40,
)


def flat(scan: Scan) -> list[tuple[int, str, str, int, int, dict[str, Cell]]]:
    """Return all marks one by one, sorted by rule, source and number."""
    found = []
    for block in scan.marks:
        order = np.lexsort((block.numbers, block.times))
        assert order.tolist() == list(range(len(order)))
        for row, (number, time) in enumerate(zip(block.numbers.tolist(), block.times.tolist(), strict=True)):
            fields = {name: column[row] for name, column in block.columns.items()}
            found.append((block.rule, block.source, block.asset, number, time, fields))
    return sorted(found, key=lambda each: each[:4])


@given(rows, st.booleans(), st.sampled_from((None, Window(2, 8))))
def test_marks_are_hits(
    given_rows: list[tuple[dict[str, Cell], dict[str, Cell], int, str]],
    is_silent: bool,
    window: Window | None,
) -> None:
    mapping = mapping_of(MAPPING)
    by_source: dict[str, list[Row]] = {}
    for number, (fields, constants, time, source) in enumerate(given_rows, 1):
        own = {name: cell for name, cell in constants.items() if name not in fields}
        by_source.setdefault(source, []).append(Row(fields, own, number, time))
    chunks = [chunk_of(members, source) for source, members in by_source.items()]
    expected = reference_scan(PACK, mapping, chunks, window)
    fields_of = {
        (chunk.source, int(block.numbers[row])): mapping.record(block, row)
        for chunk in chunks
        for block, row in chunk.rows()
    }
    wanted = {0: WANTED, 2: ("A",)}
    plan = compile_plan(PACK)
    scanner = Scanner(plan, mapping, window, wanted=wanted, silenced=(0, 1) if is_silent else ())
    scan = scanner.scan(chunks)
    hits = [
        (hit.rule, hit.source, hit.asset, number, time)
        for hit in expected.hits
        for number, time in zip(hit.numbers.tolist(), hit.times.tolist(), strict=True)
    ]
    assert flat(scan) == [
        (*hit, {name: cell for name, cell in fields_of[hit[1], hit[3]].items() if name in wanted[hit[0]]})
        for hit in sorted(hits)
        if hit[0] in wanted
    ]
    heard = {hit.rule for hit in expected.hits} - ({0, 1} if is_silent else set())
    assert {hit.rule for hit in scan.hits} == heard
