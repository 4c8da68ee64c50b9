from __future__ import annotations

from decimal import Decimal

import pytest
import re2

from hisn.engine.predicates import (
    compare_texts,
    compile_regex,
    encode_text,
    network_bounds,
    network_holds,
    number_holds,
    parse_address,
    parse_number,
    parse_time_parts,
    time_holds,
    wildcard_holds,
)
from hisn.rules.expr import ANY_ONE, ANY_RUN, Network, Number, TimeOf


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("42", 42),
        ("+42", 42),
        ("-1", -1),
        ("007", 7),
        ("1.50", Decimal("1.5")),
        (".5", Decimal("0.5")),
        ("5.", 5),
        ("1e3", 1000),
        ("0x2a", 42),
        ("0X2A", 42),
        ("-0x1", -1),
    ],
)
def test_numbers_as_logs_write_them_are_numbers(text: str, number: int | Decimal) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", "1_0", "1,5", "٣", "NaN", "inf", "0x", "1e9999", "1" * 141, "--1", "0x1.5"],
)
def test_what_python_takes_for_a_number_but_no_rule_author_does_is_none(text: str) -> None:
    assert parse_number(text) is None


def test_numbers_beyond_any_float_are_compared_exactly() -> None:
    large = parse_number("9007199254740993")
    assert large is not None
    assert number_holds(Number("F", "gt", "9007199254740992"), large)
    assert not number_holds(Number("F", "eq", "9007199254740992"), large)


def test_a_rule_whose_value_is_no_number_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="not a number"):
        number_holds(Number("F", "eq", "x"), Decimal(1))


@pytest.mark.parametrize(
    ("text", "network", "inside"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),  # as dual-stack servers log it
        ("10.1.2.3", "::/0", False),
        ("fe80::1%eth0", "fe80::/10", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "::ffff:10.0.0.0/104", True),
    ],
)
def test_an_address_lies_in_the_network_or_not(text: str, network: str, *, inside: bool) -> None:
    address = parse_address(text)
    assert address is not None
    assert network_holds(Network("F", network), address) is inside


@pytest.mark.parametrize(
    "text",
    ["", "10.1.2", "10.1.2.3:80", "[::1]", "010.1.1.1", "10.0.0.0/8", "42", "x" * 65, "1%eth0", "١.1.1.1"],
)
def test_text_with_an_address_in_it_is_no_address(text: str) -> None:
    assert parse_address(text) is None


def test_the_bounds_of_a_network_are_its_first_and_last_address() -> None:
    assert network_bounds(Network("F", "192.168.1.7/24")) == (4, 0xC0A80100, 0xC0A801FF)


def test_a_date_gives_its_parts_as_written_whatever_the_zone() -> None:
    parts = parse_time_parts("2024-11-05T23:59:01.123+14:00")
    assert parts == {"year": 2024, "month": 11, "week": 45, "day": 5, "hour": 23, "minute": 59}
    assert time_holds(TimeOf("F", "hour", "gte", 23), parts)
    assert not time_holds(TimeOf("F", "day", "eq", 4), parts)


def test_a_bare_date_has_no_hour() -> None:
    parts = parse_time_parts("2024/11/05")
    assert parts is not None
    assert not time_holds(TimeOf("F", "hour", "gte", 0), parts)


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2024-13-01", "2024-11-05T24:00", "0000-01-01", "x", "1" * 49]
)
def test_impossible_dates_have_no_parts(text: str) -> None:
    assert parse_time_parts(text) is None


@pytest.mark.parametrize(
    ("parts", "text", "holds"),
    [
        (("a", ANY_RUN, "b"), "ab", True),
        (("a", ANY_RUN, "b"), "axxb", True),
        (("a", ANY_RUN, "b"), "axxbc", False),
        (("a", ANY_ONE, "b"), "ab", False),
        (("a", ANY_ONE, "b"), "a\nb", True),
        ((ANY_RUN, "ab", ANY_RUN, "ab", ANY_RUN), "xaby", False),
        ((ANY_RUN, "ab", ANY_RUN, "ab"), "abab", True),
        (("aba", ANY_RUN, "aba"), "ababa", False),  # the two ends must not share text
        ((ANY_ONE,), "", False),
        ((ANY_RUN,), "", True),
        ((ANY_RUN, ANY_ONE, "a", ANY_RUN), "a", False),
        ((ANY_RUN, ANY_ONE, "a", ANY_RUN), "aa", True),
        ((ANY_RUN, "a", ANY_ONE, "b", ANY_RUN), "acc a-b", True),
        ((), "", True),
        (("",), "x", False),
    ],
)
def test_wildcards_match_whole_texts(parts: tuple[str | int, ...], text: str, *, holds: bool) -> None:
    assert wildcard_holds(parts, text) is holds


def test_a_pattern_of_many_stars_takes_no_time_on_a_text_made_to_cost_it() -> None:
    parts: tuple[str | int, ...] = (*((ANY_RUN, "a") * 50), ANY_RUN, "b")
    assert not wildcard_holds(parts, "a" * 100_000)


def test_texts_are_compared_by_their_operator() -> None:
    assert compare_texts("equals", "abc", "abc")
    assert compare_texts("contains", "abc", "b")
    assert compare_texts("startswith", "abc", "ab")
    assert compare_texts("endswith", "abc", "bc")
    assert not compare_texts("endswith", "abc", "ab")


def test_a_lone_surrogate_is_searched_as_the_replacement_character() -> None:
    assert encode_text("a\ud800b") == "a\ufffdb".encode()
    assert encode_text("\ud83d\ude00") == "😀".encode()


def test_an_expression_that_backtracks_elsewhere_is_linear_here() -> None:
    assert not compile_regex("(a+)+$", "")(b"a" * 100_000 + b"b")


def test_flags_are_those_of_the_rule() -> None:
    assert compile_regex("^b", "im")(b"a\nB")
    assert not compile_regex("^b", "")(b"a\nB")


def test_what_re2_refuses_is_refused() -> None:
    with pytest.raises(re2.error):
        compile_regex("(?=a)", "")
