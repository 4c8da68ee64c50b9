from __future__ import annotations

import pytest
from tests.unit.engine.plain import pack_of

from hisn.engine import judge
from hisn.engine.judge import make_judge
from hisn.engine.plan import compile_plan
from hisn.rules.expr import ANY_RUN, Expr, Network, Number, Or, Regex, Text, TimeOf, Wildcard

FILLING = tuple(Text("F", "contains", f"filling{n}") for n in range(12))


def judged(texts: list[str], *tests: Expr) -> list[list[int]]:
    """Return the positions of the tests that hold, text by text, without Hyperscan."""
    plan = compile_plan(pack_of(Or((*tests, *FILLING))))
    places = {test: test_id for test, (_, test_id) in plan.places_of(0, plan.condition(0)).items()}
    held = make_judge(0, plan.field_tests(0), None).judge(texts)
    return [
        [at for at, test in enumerate(tests) if places[test] in held.get(row, ())]  # type: ignore[index]
        for row in range(len(texts))
    ]


def test_a_literal_is_first_last_or_within() -> None:
    tests = tuple(Text("F", op, "abc") for op in ("contains", "startswith", "endswith", "equals"))
    texts = ["abc", "ABCx", "xabc", "xabcx", "ab", "", "abcxabc"]
    assert judged(texts, *tests) == [[0, 1, 2, 3], [0, 1], [0, 2], [0], [], [], [0, 1, 2]]


def test_a_literal_across_two_values_is_in_neither() -> None:
    tests = (Text("F", "contains", "one\ntwo"), Text("F", "contains", "ne\n"))
    assert judged(["one", "two", "one\ntwo", "one\n"], *tests) == [[], [], [0, 1], [1]]


def test_bytes_are_counted_where_characters_are_wider() -> None:
    tests = (Text("F", "endswith", "größe"), Text("F", "startswith", "größe"))
    assert judged(["😀GRÖSSE", "GRÖẞE😀", "\ud800größe"], *tests) == [[0], [1], [0]]


@pytest.mark.parametrize("piece", [1, 7, 1_000_000])
def test_pieces_do_not_change_answers(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(judge, "PIECE_CHARS", piece)
    texts = ["xxabc", "abc" * 3, "", "ab", "cabc"]
    assert judged(texts, Text("F", "contains", "abc")) == [[0], [0], [], [], [0]]


def test_the_same_word_a_million_times_is_one_answer() -> None:
    assert judged(["abc" * 100_000], Text("F", "contains", "abc")) == [[0]]


def test_wildcards_and_cased_texts_are_confirmed() -> None:
    tests = (Wildcard("F", ("abc", ANY_RUN, "z")), Text("F", "contains", "aBc", cased=True))
    assert judged(["ABCz", "abc", "xaBcz"], *tests) == [[0], [], [1]]


def test_numbers_networks_and_times_are_read_once_per_value() -> None:
    tests = (
        Number("F", "eq", "42"),
        Number("F", "lt", "50"),
        Network("F", "10.0.0.0/8"),
        Network("F", "10.1.0.0/16"),
        Network("F", "::/0"),
        TimeOf("F", "hour", "eq", 9),
    )
    texts = ["0x2a", "42.0", "49", "10.1.2.3", "::1", "2024-11-05T09:00Z", "x"]
    assert judged(texts, *tests) == [[0, 1], [0, 1], [1], [2, 3], [4], [5], []]


def test_expressions_are_asked_by_themselves() -> None:
    plan = compile_plan(pack_of(Or((Regex("F", "^a"), Text("F", "contains", "b")))))
    tests = plan.field_tests(0)
    asker = make_judge(0, tests, None)
    regex = tests.regexes[0]
    assert asker.ask(regex, ("x", "a"))
    assert not asker.ask(regex, ("x",))
    assert not asker.ask(regex, ())
    assert asker.candidates(["a"]) == ({}, [0])
