from __future__ import annotations

import msgspec

from hisn.engine.fieldtests import KEYWORDS, FieldBuilder, FieldTests, ValueTest, canonical
from hisn.rules.expr import ANY_RUN, Keyword, KeywordRegex, Network, Number, Regex, Text, TimeOf, Wildcard


def built(*tests: ValueTest, triggers: tuple[int, ...] = ()) -> FieldTests:
    builder = FieldBuilder()
    for position, test in enumerate(tests):
        assert builder.add(test, position) == position
    for test_id in triggers:
        builder.trigger(test_id, 99)
    return builder.build()


def test_tests_with_one_meaning_have_one_form() -> None:
    assert canonical(Text("F", "contains", "ABC")) == canonical(Text("F", "contains", "abc"))
    assert canonical(Text("F", "contains", "ABC", cased=True)) != canonical(
        Text("F", "contains", "abc", cased=True)
    )
    assert canonical(Wildcard("F", ("A", 0))) == Wildcard("F", ("a", 0))
    assert canonical(Keyword(("ABC",))) == Text(KEYWORDS, "contains", "abc")
    assert canonical(Keyword(("A", 0))) == Wildcard(KEYWORDS, (0, "a", 0, 0))
    assert canonical(KeywordRegex("A", "i")) == Regex(KEYWORDS, "A", "i")
    assert canonical(Number("F", "eq", "1")) == Number("F", "eq", "1")


def test_one_literal_serves_all_tests_that_look_for_it() -> None:
    tests = built(
        Text("F", "contains", "abc"),
        Text("F", "startswith", "abc"),
        Text("F", "endswith", "abc"),
        Text("F", "contains", "aBc", cased=True),
        Wildcard("F", ("abc", ANY_RUN, "x")),
    )
    assert tests.literals == (b"abc",)
    assert (tests.contains, tests.starts, tests.ends) == ({0: 0}, {0: 1}, {0: 2})
    assert tests.confirm == {0: (3, 4)}


def test_short_texts_are_asked_only_where_a_rule_depends_on_them() -> None:
    tests = built(Text("F", "contains", "ab"), Text("F", "contains", "xy"), triggers=(1,))
    assert tests.literals == ()
    assert tests.direct == (1,)
    assert tests.later == {0}
    assert tests.triggers == {1: (99,)}


def test_a_literal_with_nul_is_looked_for_without_it_and_confirmed() -> None:
    tests = built(Text("F", "contains", "ab\0defg"))
    assert tests.literals == (b"defg",)
    assert tests.confirm == {0: (0,)}


def test_every_kind_has_its_place_and_survives_storage() -> None:
    tests = built(
        Text("F", "equals", "abc"),
        Text("F", "equals", "ABC", cased=True),
        Regex("F", "a"),
        Number("F", "eq", "1"),
        Network("F", "::/0"),
        TimeOf("F", "hour", "eq", 1),
    )
    assert (tests.equals, tests.equals_cased) == ({"abc": 0}, {"ABC": 1})
    assert (tests.regexes, tests.numbers, tests.networks, tests.times) == ((2,), (3,), (4,), (5,))
    assert tests.regex_tests() == (Regex("F", "a"),)
    assert tests.later == {2}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(tests), type=FieldTests) == tests
