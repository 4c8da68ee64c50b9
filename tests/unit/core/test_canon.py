from __future__ import annotations

import time
import tracemalloc

import pytest
from tests.unit.core.refusals import refused

from hisn.core.canon import (
    MAX_DECIMAL,
    MAX_EXACT,
    b64,
    b64url,
    canonical,
    parse_b64,
    parse_b64url,
    parse_canonical,
    parse_decimal,
    parse_hex32,
    parse_json,
)

MAX = 1_000_000


def test_names_stand_in_the_order_of_their_utf16_units() -> None:
    # RFC 8785, 3.2.3: the order of code points would put U+FB33 before U+1F600.
    names: dict[str, None] = dict.fromkeys(["€", "\r", "\ufb33", "1", "\U0001f600", "\x80", "ö"])
    text = canonical(dict(names))
    assert text.decode() == '{"\\r":null,"1":null,"\x80":null,"ö":null,"€":null,"😀":null,"\ufb33":null}'


def test_strings_are_escaped_as_little_as_can_be() -> None:
    assert (
        canonical("€$\x0f\nA'B\"\\/\x7f\b\t\f\r ")
        == b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\/\x7f\\b\\t\\f\\r "'
    )


def test_a_value_has_no_spaces_and_no_order_of_its_own() -> None:
    assert (
        canonical({"b": [1, True, None], "a": {"d": "", "c": -1}})
        == b'{"a":{"c":-1,"d":""},"b":[1,true,null]}'
    )


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        (1,),
        b"x",
        {1: 2},
        "\ud800",
        {"\udc00": 1},
        [object()],
        MAX_EXACT + 1,
        -MAX_EXACT - 1,
    ],
)
def test_a_value_that_has_no_canonical_text_is_our_own_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)  # type: ignore[arg-type]  # that is what is tested


def test_integers_are_exact_for_every_reader_unless_wide_ones_are_wanted() -> None:
    assert canonical([MAX_EXACT, -MAX_EXACT]) == b"[9007199254740991,-9007199254740991]"
    assert canonical(-(10**64) + 1, wide=True) == b"-" + b"9" * 64
    with pytest.raises(ValueError, match="too large"):
        canonical(10**64, wide=True)


def test_strict_json_is_read() -> None:
    value = {"a": [1, -2, True, False, None, "\U0001f600"], "b": {}}
    assert parse_json(b' {"a":[1,-2,true,false,null,"\\ud83d\\ude00"] ,\n"b":{}} ', max_bytes=MAX) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[1,]",
        b"01",
        b"+5",
        b"-0",
        b"5_0",
        b"1.0",
        b"1e3",
        b"1E3",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"a":1,"a":2}',
        b'{"a":1,"\\u0061":2}',
        b'[{"x":{"a":1,"a":1}}]',
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b'"\x01"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b"1 2",
        b"1\x00",
        b'"open',
        b'"open\\',
        b"'a'",
        b"]" * 9 + b"[" * 9,
        b"1" * 65,
        b"\xd9\xa3",
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(data: bytes) -> None:
    with refused("E3100"):
        parse_json(data, max_bytes=MAX)


def test_depth_is_judged_before_anything_is_parsed() -> None:
    assert parse_json(b"[" * 32 + b"]" * 32, max_bytes=MAX)
    with refused("E3100", "deeper"):
        parse_json(b"[" * 33 + b"]" * 33, max_bytes=MAX)
    with refused("E3100", "deeper"):
        parse_json(b'{"a":' * 500_000, max_bytes=10 * MAX)
    assert parse_json(b'"' + b"[" * 99 + b'\\"' + b"{" * 99 + b'"', max_bytes=MAX)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"0", b"null", b'"a"', b'"" ', b"[[]]"])
def test_values_are_counted_before_anything_is_made_of_them(value: bytes) -> None:
    many = b"[" + b",".join([value] * 300_000) + b"]"
    tracemalloc.start()
    with refused("E3100", "values"):
        parse_json(many, max_bytes=len(many), max_values=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(many) + MAX


def test_commas_and_brackets_open_values_and_those_in_texts_do_not() -> None:
    text = b'{"a,[{":[1,{"b":",,["}]}'
    assert parse_json(text, max_bytes=MAX, max_values=4)
    with refused("E3100", "values"):
        parse_json(text, max_bytes=MAX, max_values=3)
    assert parse_canonical(b"[1,2]", max_bytes=MAX, max_values=2) == [1, 2]
    with refused("E3100", "values"):
        parse_canonical(b"[1,2]", max_bytes=MAX, max_values=1)


def test_a_long_text_is_refused_before_it_is_looked_at() -> None:
    assert parse_json(b"12", max_bytes=2) == 12
    with refused("E3100"):
        parse_json(b"123", max_bytes=2)


def test_integers_of_64_digits_are_read_and_longer_ones_cost_nothing() -> None:
    assert parse_json(b"-" + b"9" * 64, max_bytes=MAX) == -(10**64) + 1
    with refused("E3100"):
        parse_json(b"9" * 900_000, max_bytes=MAX)


@pytest.mark.parametrize(
    "data", [b'"' + b'\\"' * 400_000, b'"\\' * 400_000, b'"a' * 400_000, b"[]," * 300_000]
)
def test_hostile_quotes_cost_linear_time(data: bytes) -> None:
    start = time.perf_counter()
    with refused("E3100"):
        parse_json(data, max_bytes=MAX)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("data", [b'{ "a":1}', b'{"b":1,"a":1}', b'"\\u0061"', b'"\\/"', b"1\n"])
def test_one_act_has_one_text(data: bytes) -> None:
    parse_json(data, max_bytes=MAX)
    with refused("E3101"):
        parse_canonical(data, max_bytes=MAX)


def test_canonical_text_is_read_back() -> None:
    value = {"a": [1, "x"], "b": None}
    assert parse_canonical(canonical(value), max_bytes=MAX) == value  # type: ignore[arg-type]  # a Json
    assert parse_canonical(b"9007199254740992", max_bytes=MAX, wide=True) == 2**53
    with refused("E3100"):
        parse_canonical(b"9007199254740992", max_bytes=MAX)


def test_base64_has_one_spelling() -> None:
    assert (b64(b"\xfb\xff"), parse_b64("+/8="), parse_b64(b"+/8="), parse_b64("")) == (
        "+/8=",
        b"\xfb\xff",
        b"\xfb\xff",
        b"",
    )


@pytest.mark.parametrize(
    "text", ["+/9=", "+/8", "+/8==", "+/8= ", "+/\n8=", "-_8=", "=", "a", "é", "\ud800", "Uw=="[:3]]
)
def test_base64_that_others_forgive_is_refused(text: str) -> None:
    with refused("E3102"):
        parse_b64(text)
    if text.isascii():
        with refused("E3102"):
            parse_b64(text.encode())


def test_base64url_has_one_spelling() -> None:
    assert (b64url(b"\xfb\xff"), parse_b64url("-_8"), parse_b64url(b"-_8"), parse_b64url("")) == (
        "-_8",
        b"\xfb\xff",
        b"\xfb\xff",
        b"",
    )


@pytest.mark.parametrize("text", ["-_9", "-_8=", "+/8", "-_8 ", "-", "-_-_-", "é", "\ud800", "A" * 5])
def test_base64url_that_others_forgive_is_refused(text: str) -> None:
    with refused("E3102"):
        parse_b64url(text)


def test_digests_are_64_lowercase_digits() -> None:
    assert parse_hex32("0a" * 32) == b"\n" * 32
    for text in ("0A" * 32, "0a" * 31, "0a" * 33, "0a" * 32 + "\n", "٣" * 64, ""):
        with refused("E3103", "root"):
            parse_hex32(text, "the root")


def test_decimals_are_plain() -> None:
    assert [parse_decimal(text) for text in ("0", b"5", "10", str(MAX_DECIMAL))] == [0, 5, 10, MAX_DECIMAL]


@pytest.mark.parametrize(
    "text",
    ["", "00", "05", "+5", "-5", "-0", "5_0", " 5", "5 ", "5\n", "5\u2028", "٣", "５", "²", "0x5", "1e3", "5.0", "\ud800",
     str(MAX_DECIMAL + 1), "9" * 20, "1" * 5_000],
)  # fmt: skip
def test_decimals_that_python_forgives_are_refused(text: str) -> None:
    with refused("E3104"):
        parse_decimal(text)
    with refused("E3104"):
        parse_decimal(text.encode("utf-8", "surrogatepass"))
