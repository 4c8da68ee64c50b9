"""Hold a rule's value while modifiers change it, and turn the result into expressions.

The values form a closed set.  A `Pattern` is a string with wildcards; after an encoding modifier
(`wide`, `utf16` …) its characters stand for bytes.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias, assert_never

from hisn.core import limits
from hisn.core.proof_limits import MAX_NUMBER_CHARS
from hisn.rules.expr import (
    ANY_ONE,
    ANY_RUN,
    Compare,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Network,
    Null,
    Number,
    Op,
    Regex,
    Text,
    TimeOf,
    TimePart,
    Wildcard,
)
from hisn.rules.logic import negate
from hisn.rules.regex import compile_re2
from hisn.rules.sigma.documents import Scalar
from hisn.rules.sigma.refusal import LIMIT, VALUE, RefusedError

Parts: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Match a text; `cased` as written, `encoded` when its characters are bytes."""

    parts: Parts
    cased: bool = False
    encoded: bool = False

    @property
    def is_plain(self) -> bool:
        """Tell whether there is no wildcard in it."""
        return all(isinstance(part, str) for part in self.parts)

    def plain(self) -> str:
        """Return the text of a plain pattern."""
        return "".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Expression:
    """Match a regular expression; `at_start` and `at_end` anchor the whole of it."""

    pattern: str
    flags: frozenset[str] = frozenset()
    at_start: bool = False
    at_end: bool = False


@dataclass(frozen=True, slots=True)
class Numeral:
    """Compare with a number; `text` is the literal as written, for string modifiers."""

    text: str
    op: Compare | None = None
    part: TimePart | None = None


@dataclass(frozen=True, slots=True)
class Boolean:
    """Compare with ``true`` or ``false``."""

    holds: bool


@dataclass(frozen=True, slots=True)
class Nothing:
    """Ask for null."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Ask whether the field is there."""

    holds: bool


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ask for an address in a network."""

    network: str


@dataclass(frozen=True, slots=True)
class Reference:
    """Compare with another field."""

    field: str
    op: Op = "equals"
    cased: bool = False


Value: TypeAlias = Pattern | Expression | Numeral | Boolean | Nothing | Presence | Addresses | Reference

_RANGES = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
}


def parse_pattern(text: str) -> Parts:
    r"""Return a Sigma string's parts: ``*``, ``?`` and the escapes ``\*``, ``\?``, ``\\``.

    pySigma reads it (specification, section Escape Character).
    """
    if "*" not in text and "?" not in text and "\\" not in text:
        return (text,) if text else ()
    from sigma.types import SigmaString, SpecialChars

    parts: list[str | int] = []
    for part in SigmaString(text).s:
        if isinstance(part, str):
            parts.append(part)
        else:
            parts.append(ANY_RUN if part is SpecialChars.WILDCARD_MULTI else ANY_ONE)
    return tuple(parts)


def parse_value(scalar: Scalar) -> Value:
    """Return the value of a scalar by its YAML type."""
    if scalar.kind is str:
        return Pattern(parse_pattern(scalar.text))
    if scalar.kind is bool:
        return Boolean(scalar.text.lower() in ("true", "yes", "on"))
    if scalar.kind is type(None):
        return Nothing()
    if len(scalar.text) > MAX_NUMBER_CHARS:
        raise RefusedError(LIMIT, scalar.line, f"a number with more than {MAX_NUMBER_CHARS} characters")
    return Numeral(scalar.text)


def normalise(parts: Parts) -> Parts:
    """Return equal parts in one form: texts joined, runs of wildcards as ``?…*``, no empty texts."""
    result: list[str | int] = []
    index = 0
    while index < len(parts):
        part = parts[index]
        if isinstance(part, str):
            if part and result and isinstance(result[-1], str):
                result[-1] += part
            elif part:
                result.append(part)
            index += 1
            continue
        ones, runs = 0, False
        while index < len(parts) and (not parts[index] or isinstance(parts[index], int)):
            ones += parts[index] == ANY_ONE
            runs = runs or parts[index] == ANY_RUN
            index += 1
        result.extend([ANY_ONE] * ones)
        if runs:
            result.append(ANY_RUN)
    return tuple(result)


def number_literal(text: str) -> str:
    """Return the one decimal literal of a number as written (``0x10`` is 16, ``1.50`` is 1.5)."""
    if text.startswith("0x"):
        return str(int(text, 16))
    number = Decimal(text)
    if not number:
        return "0"
    exponent = number.adjusted()
    if abs(exponent) > MAX_NUMBER_CHARS:
        msg = f"the number {text} is out of range"
        raise ValueError(msg)
    literal = format(number, "f")
    return (literal.rstrip("0").rstrip(".") if "." in literal else literal).lstrip("+")


def lower_value(field: str | None, value: Value, line: int) -> Expr:
    """Return the expression of one value on a field, or on the whole record (`field` None)."""
    if field is None:
        return _lower_keyword(value, line)
    match value:
        case Pattern():
            return _lower_pattern(field, _decoded(value, line), line)
        case Expression():
            pattern, flags = _checked(value, line)
            return Regex(field, pattern, flags)
        case Numeral():
            return _lower_number(field, value, line)
        case Boolean():
            return Text(field, "equals", "true" if value.holds else "false")
        case Nothing():
            return Null(field)
        case Presence():
            return Exists(field) if value.holds else negate(Exists(field))
        case Addresses():
            return Network(field, value.network)
        case Reference():
            return FieldRef(field, value.field, value.op, value.cased)
    assert_never(value)


def _bounded(parts: Parts, line: int) -> Parts:
    parts = normalise(parts)
    wildcards = sum(isinstance(part, int) for part in parts)
    if wildcards > limits.MAX_WILDCARDS:
        raise RefusedError(LIMIT, line, f"more than {limits.MAX_WILDCARDS} wildcards in one value")
    if sum(len(part) for part in parts if isinstance(part, str)) > limits.MAX_VALUE_CHARS:
        raise RefusedError(LIMIT, line, f"a value is longer than {limits.MAX_VALUE_CHARS} characters")
    return parts


def _lower_pattern(field: str, value: Pattern, line: int) -> Expr:
    parts = _bounded(value.parts, line)
    match parts:
        case ():
            return Text(field, "equals", "", value.cased)
        case (str() as text,):
            return Text(field, "equals", text, value.cased)
        case (str() as text, 0):
            return Text(field, "startswith", text, value.cased)
        case (0, str() as text):
            return Text(field, "endswith", text, value.cased)
        case (0, str() as text, 0):
            return Text(field, "contains", text, value.cased)
        case _:
            return Wildcard(field, parts, value.cased)


def _lower_number(field: str, value: Numeral, line: int) -> Expr:
    try:
        literal = number_literal(value.text)
    except ValueError as error:
        raise RefusedError(VALUE, line, str(error)) from None
    op = value.op or "eq"
    if value.part is None:
        return Number(field, op, literal)
    if not literal.lstrip("-").isdecimal():
        raise RefusedError(VALUE, line, f"the {value.part} {literal} is no whole number")
    low, high = _RANGES[value.part]
    if op == "eq" and not low <= int(literal) <= high:
        raise RefusedError(VALUE, line, f"the {value.part} {literal} is not between {low} and {high}")
    return TimeOf(field, value.part, op, int(literal))


def _lower_keyword(value: Value, line: int) -> Expr:
    match value:
        case Numeral(op=None, part=None):
            return Keyword((value.text,))
        case Pattern():
            value = _decoded(value, line)
            parts = _bounded(value.parts, line)
            # A keyword is looked for anywhere, so that a run at either end says nothing.
            parts = parts[1:] if parts[:1] == (ANY_RUN,) else parts
            parts = parts[:-1] if parts[-1:] == (ANY_RUN,) else parts
            if not any(isinstance(part, str) for part in parts):
                raise RefusedError(VALUE, line, "a keyword without text would match every record")
            return Keyword(parts, value.cased)
        case Expression(at_start=False, at_end=False):
            pattern, flags = _checked(value, line)
            return KeywordRegex(pattern, flags)
        case _:
            raise RefusedError(VALUE, line, f"{_said(value)} needs a field; a keyword is a text")


def _said(value: Value) -> str:
    match value:
        case Pattern():
            return "a text"
        case Expression():
            return "an anchored expression"
        case Numeral():
            return "a comparison of numbers"
        case Boolean():
            return "a boolean"
        case Nothing():
            return "null"
        case Presence():
            return "exists"
        case Addresses():
            return "cidr"
        case Reference():
            return "fieldref"
    assert_never(value)


def _checked(value: Expression, line: int) -> tuple[str, str]:
    flags = "".join(sorted(value.flags))
    pattern = value.pattern
    if value.at_start or value.at_end:
        pattern = (r"\A" if value.at_start else "") + f"(?:{pattern})" + (r"\z" if value.at_end else "")
    from hisn.errors import InputError

    try:
        # The author's own text first: a stray parenthesis must not find its pair in our anchors.
        compile_re2(value.pattern, flags)
        compile_re2(pattern, flags)
    except InputError as error:
        raise RefusedError(error.code, line, error.message) from None
    return pattern, flags


def _decoded(value: Pattern, line: int) -> Pattern:
    """Return an encoded pattern as the text that a reader of UTF-8 would see of those bytes."""
    if not value.encoded:
        return value
    parts = list(value.parts)
    if parts[:1] == ["\xff\xfe"] or parts[1:2] == ["\xff\xfe"]:
        parts[parts.index("\xff\xfe")] = "\ufeff"
    if not all(part.isascii() for part in parts if isinstance(part, str) and part != "\ufeff"):
        raise RefusedError(VALUE, line, "UTF-16 of other than ASCII characters needs base64 or base64offset")
    return replace(value, parts=tuple(parts), encoded=False)


def check_network(text: str, line: int) -> str:
    """Return a network in its one form. Raises RefusedError where host bits are set."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise RefusedError(VALUE, line, f"not a network: {error}") from None
