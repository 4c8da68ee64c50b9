"""CSV records end where the quotes say, and one damaged line costs one line."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from hisn.core import limits
from hisn.events.csv_records import csv_records, rows_of


def read(data: bytes) -> tuple[list[tuple[int, list[str] | None]], list[int | None]]:
    rows: list[tuple[int, list[str] | None]] = []
    holes: list[int | None] = []
    for records in csv_records(io.BytesIO(data)):
        rows.extend(zip(records.numbers, rows_of(records.raws), strict=True))
        holes.extend(hole.number for hole in records.holes)
    return rows, holes


def test_record_with_line_breaks_has_the_number_of_its_first_line() -> None:
    rows, holes = read(b'a,b\n1,"x\ny\n"\n2,z\n')
    assert rows == [(1, ["a", "b"]), (2, ["1", "x\ny\n"]), (5, ["2", "z"])]
    assert holes == []


def test_forged_record_inside_a_quoted_text_stays_inside() -> None:
    rows, _ = read(b'1,"drop\n2,forged\n"\n3,x\n')
    assert rows == [(1, ["1", "drop\n2,forged\n"]), (4, ["3", "x"])]


def test_quote_that_never_closes_costs_one_line_not_the_file() -> None:
    rows, holes = read(b'1,a\n2,"b\n3,c\n4,d\n')
    assert [number for number, _ in rows] == [1, 3, 4]
    assert holes == [2]


def test_quote_that_stays_open_beyond_the_limit_is_given_up_early() -> None:
    filler = b"x,y\n" * (limits.MAX_LINE_BYTES // 4 + 10)
    rows, holes = read(b'1,"open\n' + filler + b"2,b\n")
    assert holes == [1]
    assert rows[-1][1] == ["2", "b"]
    assert len(rows) == filler.count(b"\n") + 1


def test_record_across_stretches_is_one_record() -> None:
    long = "line\n" * 1000
    data = (f'1,"{long}"\n' * 900).encode()
    assert len(data) > 2 * limits.CHUNK_BYTES
    rows, holes = read(data)
    assert (len(rows), holes) == (900, [])
    assert all(row == ["1", long] for _, row in rows)


def test_broken_row_is_none_and_the_others_stay() -> None:
    assert rows_of([b"a,b", b"c\rd,e", b"f,g"]) == [["a", "b"], None, ["f", "g"]]


cells = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), max_size=12))
def test_what_python_writes_is_read_back(table: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    rows, holes = read(out.getvalue().encode())
    assert [row for _, row in rows] == table
    assert holes == []
