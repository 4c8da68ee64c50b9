from __future__ import annotations

from fractions import Fraction

import pytest

from hisn.core import limits
from hisn.engine.correlate.cells import (
    NOTHING,
    SCALE,
    digest_of,
    number_of,
    text_of,
    text_of_number,
    texts_of_cells,
)
from hisn.events.schema import Cell


def test_the_text_of_a_cell() -> None:
    cells: list[tuple[Cell, str | None]] = [
        (None, None),
        ((), None),
        ((None,), None),
        ("", ""),
        (42, "42"),
        ("42", "42"),
        (("42",), "42"),
        ((42, None), "42"),
        (("a", 1), '["a", "1"]'),
        (("é", '"'), '["é", "\\""]'),
    ]
    assert [text_of(cell) for cell, _ in cells] == [text for _, text in cells]


def test_of_a_long_text_the_digest_stands_for_the_rest() -> None:
    long = "x" * 1_000_000
    one, two = text_of(long + "1"), text_of(long + "2")
    assert one is not None
    assert two is not None
    assert one != two
    assert len(one) <= limits.MAX_GROUP_CHARS
    assert text_of("\ud800" * 1_000) is not None


def test_one_missing_text_is_all_missing() -> None:
    assert texts_of_cells(["a", 1]) == ("a", "1")
    assert texts_of_cells(["a", None]) is None
    assert texts_of_cells([]) == ()


def test_digests_are_of_the_texts_and_where_they_end() -> None:
    several: list[tuple[str, ...]] = [
        (), ("",), ("", ""), ("a", "bc"), ("ab", "c"), ("abc",), ("a\0", "b"), ("a", "\0b"), ("1,1",), ("\ud800",),
    ]  # fmt: skip
    digests = {digest_of(texts) for texts in several}
    assert len(digests) == len(several)
    assert NOTHING not in digests
    assert all(-(2**63) <= digest < 2**63 for digest in digests)


def test_digests_are_the_same_on_every_machine() -> None:
    assert digest_of(("root", "10.0.0.1")) == 941375494356754627


def test_numbers_are_exact() -> None:
    cells: list[tuple[Cell, int]] = [
        (3, 3 * SCALE),
        ("3", 3 * SCALE),
        ("-1.5", -3 * SCALE // 2),
        ("0x10", 16 * SCALE),
        ("1e3", 1000 * SCALE),
        ("0.000000000000000001", 1),
        (("7",), 7 * SCALE),
        (10**29, 10**29 * SCALE),
    ]
    assert [number_of(cell) for cell, _ in cells] == [number for _, number in cells]


def test_what_is_no_number_is_not_rounded() -> None:
    cells: list[Cell] = [
        None, "", "x", "1,5", " 1", "NaN", "inf", (1, 2), (), 10**30, "1e30", "1e999", "0.0000000000000000001",
        "1e-999",
    ]  # fmt: skip
    assert [number_of(cell) for cell in cells] == [None] * len(cells)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(0), "0"),
        (Fraction(-12), "-12"),
        (Fraction(1, 2), "0.5"),
        (Fraction(-5, 4), "-1.25"),
        (Fraction(1, 3), "1/3"),
        (Fraction(7, 20), "0.35"),
        (Fraction(1, 10**18), "0.000000000000000001"),
        (Fraction(1, 1000), "0.001"),
        (Fraction(10**20 + 1, 10), "10000000000000000000.1"),
    ],
)
def test_numbers_are_written_exactly(value: Fraction, text: str) -> None:
    assert text_of_number(value) == text
    assert Fraction(text) == value
