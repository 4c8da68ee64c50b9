"""Apply value modifiers, in the order written (specification, appendix Modifiers).

pySigma applies modifiers too, but refuses or changes some of what the specification allows:
numbers with string modifiers, more than three dashes or other dashes with `windash`, `utf16le`,
escaped percent signs with `expand`, UTF-16 of other than ASCII text, `cased` after `fieldref`.
A rule lost there would be an attack not seen; so they are applied here, and a test over all
published rules compares the two.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product

from hisn.core import limits
from hisn.rules.expr import ANY_RUN, Compare, Op, TimePart
from hisn.rules.sigma.documents import Scalar
from hisn.rules.sigma.placeholders import Placeholders, expand
from hisn.rules.sigma.refusal import LIMIT, VALUE, RefusedError
from hisn.rules.sigma.values import (
    Addresses,
    Boolean,
    Expression,
    Numeral,
    Parts,
    Pattern,
    Presence,
    Reference,
    Value,
    check_network,
    parse_value,
)

DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
_DASH = re.compile(r"\B[-/\u2013\u2014\u2015]\b")
_COMPARE: Mapping[str, Compare] = {"lt": "lt", "lte": "lte", "gt": "gt", "gte": "gte"}
_PARTS: Mapping[str, TimePart] = {
    "minute": "minute",
    "hour": "hour",
    "day": "day",
    "week": "week",
    "month": "month",
    "year": "year",
}
_FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
_ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16": "utf-16-le", "utf16be": "utf-16-be"}
_PLACES: Mapping[str, Op] = {"contains": "contains", "startswith": "startswith", "endswith": "endswith"}
LINKING = frozenset(("all", "neq", "cased", "expand"))
"""Modifiers whose place in the chain does not matter: placeholders are always replaced first."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Hold the modifiers of one key: `steps` change each value, the rest links or compares."""

    steps: tuple[str, ...]
    is_all: bool = False
    is_negated: bool = False
    is_cased: bool = False
    is_expanded: bool = False


def parse_chain(names: Iterable[str], line: int) -> Chain:
    """Return the chain of the modifier names of a key. Raises RefusedError for an unknown one."""
    names = tuple(names)
    for name in names:
        if name not in LINKING and name not in _STEPS:
            raise RefusedError(VALUE, line, f"unknown modifier '{name}'")
    return Chain(
        steps=tuple(name for name in names if name not in LINKING),
        is_all="all" in names,
        is_negated="neq" in names,
        is_cased="cased" in names,
        is_expanded="expand" in names,
    )


def apply_chain(chain: Chain, scalar: Scalar, placeholders: Placeholders) -> tuple[Value, ...]:
    """Return what one written value becomes; several values are meant as alternatives."""
    line = scalar.line
    is_expression = chain.steps[:1] == ("re",)
    steps = chain.steps[1:] if is_expression else chain.steps
    scalars: tuple[Scalar, ...] = (scalar,)
    if chain.is_expanded and scalar.kind is str:
        texts = expand(scalar.text, placeholders, line, is_raw=is_expression)
        scalars = tuple(Scalar(line, text, str) for text in texts)
    # Nothing is escaped in an expression: it is never read as a Sigma string.
    values: tuple[Value, ...] = tuple(map(_expression if is_expression else parse_value, scalars))
    for name in steps:
        step = _STEPS[name]
        values = tuple(new for value in values for new in step(_Context(name, line), value))
        if len(values) > limits.MAX_EXPANSIONS:
            raise RefusedError(LIMIT, line, f"one value becomes more than {limits.MAX_EXPANSIONS} values")
    return tuple(_cased(value, line) for value in values) if chain.is_cased else values


@dataclass(frozen=True, slots=True)
class _Context:
    name: str
    line: int

    def unfit(self, value: Value) -> RefusedError:
        said = type(value).__name__.lower()
        return RefusedError(
            VALUE, self.line, f"the modifier '{self.name}' does not fit a value of kind {said}"
        )


def _expression(scalar: Scalar) -> Expression:
    if scalar.kind is type(None):
        raise RefusedError(VALUE, scalar.line, "an expression cannot be null")
    return Expression(scalar.text)


def _as_text(value: Value, at: _Context) -> Pattern:
    """Return what string modifiers work on: numbers and booleans are taken as written."""
    if isinstance(value, Pattern):
        return value
    if isinstance(value, Numeral) and value.op is None and value.part is None:
        return Pattern((value.text,))
    if isinstance(value, Boolean):
        return Pattern(("true" if value.holds else "false",))
    raise at.unfit(value)


def _cased(value: Value, line: int) -> Value:
    if isinstance(value, Pattern | Reference):
        return replace(value, cased=True)
    if isinstance(value, Expression) and "i" in value.flags:
        raise RefusedError(VALUE, line, "'cased' contradicts the flag 'i'")
    return value


def _place(at: _Context, value: Value) -> tuple[Value, ...]:
    op = _PLACES[at.name]
    if isinstance(value, Reference):
        return (replace(value, op=op),)
    if isinstance(value, Expression):
        # An expression is searched for, so that `contains` changes nothing.
        return (replace(value, at_start=op == "startswith", at_end=op == "endswith"),)
    text = _as_text(value, at)
    before: Parts = () if op == "startswith" else (ANY_RUN,)
    after: Parts = () if op == "endswith" else (ANY_RUN,)
    return (replace(text, parts=before + text.parts + after),)


def _flag(at: _Context, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, Expression):
        raise at.unfit(value)
    return (replace(value, flags=value.flags | {_FLAGS[at.name]}),)


def _re(at: _Context, _value: Value) -> tuple[Value, ...]:
    raise RefusedError(VALUE, at.line, "'re' must be the first modifier")


def _cidr(at: _Context, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, Pattern) or not value.is_plain or value.encoded:
        raise at.unfit(value)
    return (Addresses(check_network(value.plain(), at.line)),)


def _encode(at: _Context, value: Value) -> tuple[Value, ...]:
    text = _as_text(value, at)
    if text.encoded:
        raise RefusedError(VALUE, at.line, "a value is encoded twice")
    codec = _ENCODINGS[at.name]
    try:
        parts = tuple(
            part.encode(codec).decode("latin-1") if isinstance(part, str) else part for part in text.parts
        )
    except UnicodeEncodeError:
        raise RefusedError(VALUE, at.line, "the value is no Unicode text") from None
    if at.name == "utf16":
        parts = ("\xff\xfe", *parts)
    return (replace(text, parts=parts, encoded=True),)


def _bytes_of(at: _Context, value: Value) -> bytes:
    text = _as_text(value, at)
    if not text.is_plain:
        raise RefusedError(VALUE, at.line, f"'{at.name}' cannot encode wildcards")
    try:
        return text.plain().encode("latin-1" if text.encoded else "utf-8")
    except UnicodeEncodeError:
        raise RefusedError(VALUE, at.line, "the value is no Unicode text") from None


def _base64(at: _Context, value: Value) -> tuple[Value, ...]:
    return (Pattern((base64.b64encode(_bytes_of(at, value)).decode(),)),)


def _base64offset(at: _Context, value: Value) -> tuple[Value, ...]:
    data = _bytes_of(at, value)
    if len(data) < 2:
        # One byte fixes no whole character at one of the three offsets: an empty text, found everywhere.
        raise RefusedError(VALUE, at.line, "'base64offset' needs at least two bytes")
    values = []
    for offset in range(3):
        text = base64.b64encode(bytes(offset) + data).decode()
        # Only characters whose six bits all come from the value are the same in every context.
        first = -(-8 * offset // 6)
        last = 8 * (offset + len(data)) // 6
        values.append(Pattern((text[first:last],)))
    return tuple(values)


def _windash(at: _Context, value: Value) -> tuple[Value, ...]:
    text = _as_text(value, at)
    pieces: list[tuple[str | int, ...]] = []
    for part in text.parts:
        if not isinstance(part, str):
            pieces.append((part,))
            continue
        last = 0
        for match in _DASH.finditer(part):
            pieces.append((part[last : match.start()],))
            pieces.append(DASHES)
            last = match.end()
        pieces.append((part[last:],))
    dashes = sum(piece is DASHES for piece in pieces)
    if len(DASHES) ** dashes > limits.MAX_EXPANSIONS:
        raise RefusedError(LIMIT, at.line, f"'windash' on {dashes} dashes makes too many values")
    return tuple(replace(text, parts=parts) for parts in product(*pieces))


def _fieldref(at: _Context, value: Value) -> tuple[Value, ...]:
    text = _as_text(value, at)
    if not text.is_plain or text.encoded or not text.parts:
        raise RefusedError(VALUE, at.line, "'fieldref' needs the name of a field")
    return (Reference(text.plain()),)


def _exists(at: _Context, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, Boolean):
        raise RefusedError(VALUE, at.line, "'exists' needs true or false")
    return (Presence(value.holds),)


def _compare(at: _Context, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, Numeral) or value.op is not None:
        raise RefusedError(VALUE, at.line, f"'{at.name}' needs a number")
    return (replace(value, op=_COMPARE[at.name]),)


def _time(at: _Context, value: Value) -> tuple[Value, ...]:
    if not isinstance(value, Numeral) or value.op is not None or value.part is not None:
        raise RefusedError(VALUE, at.line, f"'{at.name}' needs a number")
    return (replace(value, part=_PARTS[at.name]),)


_Step = Callable[[_Context, Value], tuple[Value, ...]]
_STEPS: Mapping[str, _Step] = {
    **dict.fromkeys(_PLACES, _place),
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_ENCODINGS, _encode),
    **dict.fromkeys(_COMPARE, _compare),
    **dict.fromkeys(_PARTS, _time),
    "re": _re,
    "cidr": _cidr,
    "base64": _base64,
    "base64offset": _base64offset,
    "windash": _windash,
    "fieldref": _fieldref,
    "exists": _exists,
}
MODIFIERS = frozenset(_STEPS) | LINKING
