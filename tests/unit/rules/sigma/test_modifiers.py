"""Each modifier of specification 2.1 against what a person writes down for it."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable
from typing import get_args

import pytest

from hisn.rules.expr import (
    ANY_ONE,
    ANY_RUN,
    And,
    Exists,
    Expr,
    FieldRef,
    Network,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Text,
    TimeOf,
    TimePart,
    Wildcard,
)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Image: whoami.exe", Text("Image", "equals", "whoami.exe")),
        ("Image|contains: whoami", Text("Image", "contains", "whoami")),
        ("Image|startswith: whoami", Text("Image", "startswith", "whoami")),
        ("Image|endswith: whoami", Text("Image", "endswith", "whoami")),
        ("Image|startswith|endswith: a", Text("Image", "contains", "a")),
        ("Image: '*whoami*'", Text("Image", "contains", "whoami")),
        ("Image: 'whoami*'", Text("Image", "startswith", "whoami")),
        ("Image: '*whoami'", Text("Image", "endswith", "whoami")),
        ("Image|contains: '*whoami*'", Text("Image", "contains", "whoami")),
        ("Image|endswith: 'a*b'", Wildcard("Image", (ANY_RUN, "a", ANY_RUN, "b"))),
        ("Image: 'prog?.exe'", Wildcard("Image", ("prog", ANY_ONE, ".exe"))),
        ("Image: 'a**b'", Wildcard("Image", ("a", ANY_RUN, "b"))),
        ("Image: 'a*?*b'", Wildcard("Image", ("a", ANY_ONE, ANY_RUN, "b"))),
        ("Image: '*'", Wildcard("Image", (ANY_RUN,))),
        ("Image: '?*'", Wildcard("Image", (ANY_ONE, ANY_RUN))),
        ("Image|contains: ''", Wildcard("Image", (ANY_RUN,))),
        ("Image: ''", Text("Image", "equals", "")),
        ("Image|cased: Who", Text("Image", "equals", "Who", cased=True)),
        ("Image|contains|cased: Who", Text("Image", "contains", "Who", cased=True)),
        ("Image|cased|contains: Who", Text("Image", "contains", "Who", cased=True)),
        ("Image|neq: a", Not(Text("Image", "equals", "a"))),
        ("Image|endswith|neq: a", Not(Text("Image", "endswith", "a"))),
        ("Image|exists: true", Exists("Image")),
        ("Image|exists: no", Not(Exists("Image"))),
        ("Image: null", Null("Image")),
        ("Image: ~", Null("Image")),
        ("Image:", Null("Image")),
        ("Image|neq: null", Not(Null("Image"))),
        ("Ip|cidr: 10.0.0.0/8", Network("Ip", "10.0.0.0/8")),
        ("Ip|cidr: 192.0.2.7", Network("Ip", "192.0.2.7/32")),
        ("Ip|cidr: 2001:DB8::/32", Network("Ip", "2001:db8::/32")),
        ("Other|fieldref: Image", FieldRef("Other", "Image")),
        ("Other|fieldref|startswith: Image", FieldRef("Other", "Image", "startswith")),
        ("Other|fieldref|endswith: Image", FieldRef("Other", "Image", "endswith")),
        ("Other|fieldref|contains: Image", FieldRef("Other", "Image", "contains")),
        ("Other|fieldref|cased: Image", FieldRef("Other", "Image", cased=True)),
        ("Other|cased|fieldref: Image", FieldRef("Other", "Image", cased=True)),
        ("Other|fieldref|neq: Image", Not(FieldRef("Other", "Image"))),
        ("http.request.body: a", Text("http.request.body", "equals", "a")),
        ("SAM User Account|contains: a", Text("SAM User Account", "contains", "a")),
    ],
)
def test_text_modifiers(detect: Callable[..., Expr], written: str, expected: object) -> None:
    assert detect(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("EventID: 4688", Number("EventID", "eq", "4688")),
        ("EventID: -1", Number("EventID", "eq", "-1")),
        ("EventID: +7", Number("EventID", "eq", "7")),
        ("EventID: 0x1F", Number("EventID", "eq", "31")),
        ("EventID: 1.50", Number("EventID", "eq", "1.5")),
        ("EventID: 10.0", Number("EventID", "eq", "10")),
        ("EventID: -0.0", Number("EventID", "eq", "0")),
        ("EventID: 1.5e+3", Number("EventID", "eq", "1500")),
        ("EventID: '4688'", Text("EventID", "equals", "4688")),
        ("EventID|lt: 5", Number("EventID", "lt", "5")),
        ("EventID|lte: 5", Number("EventID", "lte", "5")),
        ("EventID|gt: 0.5", Number("EventID", "gt", "0.5")),
        ("EventID|gte: 5", Number("EventID", "gte", "5")),
        ("EventID|neq: 5", Not(Number("EventID", "eq", "5"))),
        ("EventID|contains: 46", Text("EventID", "contains", "46")),
        ("EventID|startswith: 0x4", Text("EventID", "startswith", "0x4")),
        ("Port|endswith: 1.50", Text("Port", "endswith", "1.50")),
        ("Signed: true", Text("Signed", "equals", "true")),
        ("Signed: FALSE", Text("Signed", "equals", "false")),
        ("Signed|contains: true", Text("Signed", "contains", "true")),
        # YAML 1.1 reads these as 83 and 750; nobody who writes a rule means that.
        ("Code: 0123", Text("Code", "equals", "0123")),
        ("Time: 12:30", Text("Time", "equals", "12:30")),
        ("Day: 2024-01-31", Text("Day", "equals", "2024-01-31")),
    ],
)
def test_numbers_and_booleans(detect: Callable[..., Expr], written: str, expected: object) -> None:
    assert detect(written) == expected


@pytest.mark.parametrize("part", get_args(TimePart))
def test_time_parts(detect: Callable[..., Expr], part: TimePart) -> None:
    assert detect(f"Time|{part}: 5") == TimeOf("Time", part, "eq", 5)
    assert detect(f"Time|{part}|gte: 5") == TimeOf("Time", part, "gte", 5)
    assert detect(f"Time|{part}|neq: 5") == Not(TimeOf("Time", part, "eq", 5))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Cmd|re: 'a.*b'", Regex("Cmd", "a.*b")),
        ("Cmd|re|i: a", Regex("Cmd", "a", "i")),
        ("Cmd|re|s|m|i: a", Regex("Cmd", "a", "ims")),
        ("Cmd|re|ignorecase|dotall|multiline: a", Regex("Cmd", "a", "ims")),
        ("Cmd|re: 5", Regex("Cmd", "5")),
        ("Cmd|re: '\\\\\\*?'", Regex("Cmd", "\\\\\\*?")),
        ("Cmd|re|contains: 'a|b'", Regex("Cmd", "a|b")),
        ("Cmd|re|startswith: 'a|b'", Regex("Cmd", r"\A(?:a|b)")),
        ("Cmd|re|endswith: 'a|b'", Regex("Cmd", r"(?:a|b)\z")),
        ("Cmd|re|neq: a", Not(Regex("Cmd", "a"))),
        ("Cmd|all|re: [a, b]", And((Regex("Cmd", "a"), Regex("Cmd", "b")))),
    ],
)
def test_expressions_are_taken_as_written(
    detect: Callable[..., Expr], written: str, expected: object
) -> None:
    """No escape, wildcard or folding touches an expression.

    Yamato-Security/hayabusa#1211 (fixed as #1212): expressions were sometimes treated as strings.
    """
    assert detect(written) == expected


def test_lists_are_alternatives_and_all_makes_them_necessary(detect: Callable[..., Expr]) -> None:
    a, b = Text("F", "contains", "a"), Text("F", "contains", "b")
    assert detect("F|contains: [a, b]") == Or((a, b))
    assert detect("F|contains|all: [a, b]") == And((a, b))
    assert detect("F|all|contains: [a, b]") == And((a, b))
    assert detect("F|contains|neq: [a, b]") == Not(Or((a, b)))
    assert detect("F|contains|all|neq: [a, b]") == Not(And((a, b)))
    assert detect("F|contains|all: a") == a
    assert detect("F: [1, '1', null, '']") == Or(
        (Number("F", "eq", "1"), Text("F", "equals", "1"), Null("F"), Text("F", "equals", ""))
    )


DASHES = "-/\u2013\u2014\u2015"


def test_windash_knows_five_dashes_and_every_combination(detect: Callable[..., Expr]) -> None:
    written = "Cmd|windash|contains: ' -a -b'"
    expected = Or(tuple(Text("Cmd", "contains", f" {one}a {two}b") for one in DASHES for two in DASHES))
    assert detect(written) == expected
    assert detect("Cmd|contains|windash: ' -a -b'") == expected


@pytest.mark.parametrize("dash", DASHES)
def test_windash_starts_from_any_dash(detect: Callable[..., Expr], dash: str) -> None:
    assert detect(f"Cmd|windash|contains: ' {dash}a'") == Or(
        tuple(Text("Cmd", "contains", f" {each}a") for each in DASHES)
    )


def test_windash_leaves_dashes_inside_words(detect: Callable[..., Expr]) -> None:
    assert detect("Cmd|windash|contains: no-profile") == Text("Cmd", "contains", "no-profile")


def test_windash_takes_more_than_three_dashes(detect: Callable[..., Expr]) -> None:
    """pySigma refuses the rule; the specification has no such limit."""
    lowered = detect("Cmd|windash|contains: ' -a -b -c -d'")
    assert isinstance(lowered, Or)
    texts = {item.value for item in lowered.items if isinstance(item, Text)}
    assert texts == {" {}a {}b {}c {}d".format(*each) for each in itertools.product(DASHES, repeat=4)}


def test_windash_works_beside_wildcards(detect: Callable[..., Expr]) -> None:
    """Yamato-Security/hayabusa#1327: `windash` had no effect on a value with a wildcard."""
    assert detect("CommandLine|contains|windash: 'dir*-s'") == Or(
        tuple(Wildcard("CommandLine", (ANY_RUN, "dir", ANY_RUN, f"{dash}s", ANY_RUN)) for dash in DASHES)
    )


def test_windash_under_all_stays_an_alternative(detect: Callable[..., Expr]) -> None:
    assert detect("Cmd|windash|contains|all: [' -a', b]") == And(
        (
            Or(tuple(Text("Cmd", "contains", f" {dash}a") for dash in DASHES)),
            Text("Cmd", "contains", "b"),
        )
    )


def test_windash_keeps_cased(detect: Callable[..., Expr]) -> None:
    """pySigma loses `cased` when `windash` follows it."""
    assert detect("Cmd|cased|windash|contains: ' -A'") == Or(
        tuple(Text("Cmd", "contains", f" {dash}A", cased=True) for dash in DASHES)
    )


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("modifiers", "data"),
    [
        ("base64", b"foobar"),
        ("wide|base64", b"f\0o\0o\0b\0a\0r\0"),
        ("utf16le|base64", b"f\0o\0o\0b\0a\0r\0"),
        ("utf16be|base64", b"\0f\0o\0o\0b\0a\0r"),
        ("utf16|base64", b"\xff\xfef\0o\0o\0b\0a\0r\0"),
    ],
)
def test_base64_of_encoded_text(detect: Callable[..., Expr], modifiers: str, data: bytes) -> None:
    assert detect(f"Cmd|{modifiers}: foobar") == Text("Cmd", "equals", encoded(data))
    assert detect(f"Cmd|{modifiers}|contains: foobar") == Text("Cmd", "contains", encoded(data))


def test_utf16_of_arabic_can_be_looked_for_in_base64(detect: Callable[..., Expr]) -> None:
    """pySigma refuses UTF-16 of other than ASCII text."""
    assert detect("Cmd|wide|base64: حصن") == Text("Cmd", "equals", encoded("حصن".encode("utf-16-le")))


def test_utf16_without_base64_is_the_text_a_reader_sees(detect: Callable[..., Expr]) -> None:
    assert detect("Cmd|wide: ab") == Text("Cmd", "equals", "a\0b\0")
    assert detect("Cmd|utf16be|contains: ab") == Text("Cmd", "contains", "\0a\0b")
    assert detect("Cmd|utf16: ab") == Text("Cmd", "equals", "\ufeffa\0b\0")
    assert detect("Cmd|wide: 'a*b'") == Wildcard("Cmd", ("a\0", ANY_RUN, "b\0"))


@pytest.mark.parametrize("value", ["ab", "abc", "abcd", "http://", "حصن"])
def test_base64offset_finds_the_value_at_every_place(detect: Callable[..., Expr], value: str) -> None:
    lowered = detect(f"Cmd|base64offset|contains: '{value}'")
    assert isinstance(lowered, Or)
    texts = [item.value for item in lowered.items if isinstance(item, Text)]
    assert len(texts) == 3
    for before in range(9):
        for after in range(4):
            context = encoded(b"x" * before + value.encode() + b"y" * after)
            assert texts[before % 3] in context


def test_base64_takes_literal_wildcards(detect: Callable[..., Expr]) -> None:
    assert detect(r"Cmd|base64: 'a\*b'") == Text("Cmd", "equals", encoded(b"a*b"))


def test_expand_puts_the_operators_values_in_place(detect: Callable[..., Expr]) -> None:
    servers = {"Servers": ("srv*", "db1"), "Domain": ("corp",)}
    assert detect("Host|expand: '%Servers%'", servers) == Or(
        (Text("Host", "startswith", "srv"), Text("Host", "equals", "db1"))
    )
    assert detect("Host|expand|contains: '%Domain%.x'", servers) == Text("Host", "contains", "corp.x")
    assert detect("Host|contains|expand: '%Domain%.x'", servers) == Text("Host", "contains", "corp.x")
    assert detect("Host|expand: 'a%Domain%-%Servers%'", servers) == Or(
        (Text("Host", "startswith", "acorp-srv"), Text("Host", "equals", "acorp-db1"))
    )
    assert detect("Host|re|expand: '^%Domain%[0-9]%$'", servers) == Regex("Host", "^corp[0-9]%$")


def test_expand_under_all_stays_an_alternative(detect: Callable[..., Expr]) -> None:
    values = {"A": ("x", "y")}
    assert detect("Host|expand|contains|all: ['%A%', z]", values) == And(
        (Or((Text("Host", "contains", "x"), Text("Host", "contains", "y"))), Text("Host", "contains", "z"))
    )


def test_expand_leaves_escaped_and_single_percent_signs(detect: Callable[..., Expr]) -> None:
    values = {"name": ("v",)}
    assert detect(r"F|expand: '\%plain%name%'", values) == Text("F", "equals", "%plainv")
    assert detect("F|expand: '100% sure'", values) == Text("F", "equals", "100% sure")
    assert detect(r"F|expand: 'C:\\%name%'", values) == Text("F", "equals", "C:\\v")


def test_percent_signs_without_expand_are_text(detect: Callable[..., Expr]) -> None:
    assert detect("F: '%name%'") == Text("F", "equals", "%name%")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("F|containz: a", "unknown modifier 'containz'"),
        ("F|contains: null", "does not fit"),
        ("F|gt: '5'", "needs a number"),
        ("F|gt: true", "needs a number"),
        ("F|gt|lt: 5", "needs a number"),
        ("F|gt|contains: 5", "does not fit"),
        ("F|hour: abc", "needs a number"),
        ("F|hour: 24", "not between 0 and 23"),
        ("F|hour: 1.5", "no whole number"),
        ("F|exists: 'yes'", "needs true or false"),
        ("F|exists: 1", "needs true or false"),
        ("F|cidr: 10.0.0.1/8", "not a network"),
        ("F|cidr: 10.*", "does not fit"),
        ("F|cidr: 10", "does not fit"),
        ("F|fieldref: a*", "name of a field"),
        ("F|fieldref: ''", "name of a field"),
        ("F|base64: a*", "cannot encode wildcards"),
        ("F|base64offset: a", "at least two bytes"),
        ("F|wide: é", "needs base64"),
        ("F|wide|utf16: a", "encoded twice"),
        ("F|contains|re: a", "must be the first"),
        ("F|re: null", "cannot be null"),
        ("F|re|i|cased: a", "contradicts"),
        ("F|i: a", "does not fit"),
        ("F: []", "empty list"),
        ("F: {a: b}", "mapping"),
        ("F: [[a]]", "inside its list"),
        ("F: [{a: b}]", "inside its list"),
        ("F|expand: '%nobody%'", "%nobody% is not defined"),
        ("F|windash|contains: ' -a -b -c -d -e -f'", "too many"),
        ("F: 1.5e+300", "out of range"),
        (f"F: {'9' * 65}", "more than 64 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(
    refuse: Callable[..., tuple[str, int, str]], written: str, reason: str
) -> None:
    _, line, said = refuse(written)
    assert reason in said
    assert line == 2
