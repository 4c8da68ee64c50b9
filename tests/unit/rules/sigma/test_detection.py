from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from hisn.rules.expr import And, Expr, Keyword, Or, Text
from hisn.rules.pack import Pack

A, B, C = (Text(name, "equals", "v") for name in "ABC")


def test_maps_need_all_and_lists_of_maps_need_one(detect: Callable[..., Expr]) -> None:
    assert detect("A: v\nB: v") == And((A, B))
    assert detect("- A: v\n- B: v\n  C: v") == Or((A, And((B, C))))


def test_maps_and_keywords_may_stand_in_one_list(detect: Callable[..., Expr]) -> None:
    assert detect("- A: v\n- word") == Or((A, Keyword(("word",))))
    assert detect("- [A, B]\n- C") == Or((Keyword(("A",)), Keyword(("B",)), Keyword(("C",))))


def test_several_conditions_are_alternatives(detect: Callable[..., Expr]) -> None:
    lowered = detect(
        """
        a: {A: v}
        b: {B: v}
        c: {C: v}
        condition:
            - a and b
            - c
        """
    )
    assert lowered == Or((And((A, B)), C))


def test_equal_tests_stand_once(detect: Callable[..., Expr]) -> None:
    assert detect("- A: v\n- A: v") == A


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("selection: {}\ncondition: selection", "E2101", 1),
        ("selection: []\ncondition: selection", "E2101", 1),
        ("condition: selection", "E2101", 0),
        ("selection: {A: v}\ncondition: []", "E2102", 2),
        ("selection: {A: v}\ncondition: ''", "E2102", 2),
        ("selection: {A: v}\ncondition:\n    - selection\n    - {a: b}", "E2102", 4),
        ("selection: {A: v}\ncondition:\n    - selection\n    - other", "E2102", 4),
        ("selection: {A: v}\nunused: {A|bad: v}\ncondition: selection", "E2103", 2),
    ],
)
def test_broken_sections_are_refused_with_their_line(
    refuse: Callable[..., tuple[str, int, str]], text: str, code: str, line: object
) -> None:
    said = refuse(text)
    assert said[0] == code
    # A section that holds nothing but a condition begins at the condition.
    assert said[1] == (line or 1)


def test_a_rule_without_a_condition_is_refused(build: Callable[..., Pack]) -> None:
    pack = build("title: t\nlogsource: {product: p}\ndetection:\n    a: {A: v}\n")
    assert [(entry.code, entry.reason) for entry in pack.refused] == [("E2102", "there is no condition")]


def test_a_flood_of_tests_is_refused(refuse: Callable[..., tuple[str, int, str]]) -> None:
    values = ", ".join(f"' -a{number} -b -c -d'" for number in range(100))
    code, _, reason = refuse(f"Cmd|windash|contains: [{values}]")
    assert code == "E2106"
    assert "more than 20000 tests" in reason


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"s{number}: {{F: v{number}}}\n" for number in range(900))
        + "condition: "
        + " or ".join(["1 of *"] * 1_000),
        "".join(f"s{number}: {{F: v}}\n" for number in range(300))
        + "condition:\n"
        + "    - 1 of *\n" * 20_000,
        "".join(f"s{number}: {{F: v}}\n" for number in range(1_001)) + "condition: s1",
    ],
)
def test_a_short_rule_cannot_grow_into_a_huge_one(
    refuse: Callable[..., tuple[str, int, str]], text: str
) -> None:
    """A megabyte of `1 of *` kept the program busy for 16 s, and made a pack of hundreds."""
    begin = time.perf_counter()
    assert refuse(text)[0] == "E2106"
    assert time.perf_counter() - begin < 2
