"""Define the closed set of expressions that every rule language is lowered to.

An expression is a tree of `And`, `Or`, `Not` over *atoms*; an atom is one test on one field.
Atoms are values: equal tests are equal objects, so that the engine judges each of them once.
String tests fold case with `str.casefold` unless `cased`: full folding works character by
character, so that folding a part of a text gives a part of the folded text.

Every atom is false on a missing field, except `Null`.  On a field with several values an atom
holds if it holds for one of them.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Op = Literal["equals", "contains", "startswith", "endswith"]
Compare = Literal["eq", "lt", "lte", "gt", "gte"]
TimePart = Literal["minute", "hour", "day", "week", "month", "year"]

# What a pack's bytes must keep to: whoever makes a pack can make its digest, too.
Parts: TypeAlias = Annotated[
    tuple[str | Annotated[int, Meta(ge=0, le=1)], ...], Meta(min_length=1, max_length=513)
]
Flags: TypeAlias = Annotated[str, Meta(pattern=r"\Ai?m?s?\Z")]
Decimal: TypeAlias = Annotated[str, Meta(pattern=r"\A-?[0-9]{1,64}(\.[0-9]{1,64})?\Z")]
Items: TypeAlias = Annotated[tuple["Expr", ...], Meta(min_length=1)]


class Text(Struct, frozen=True, tag="text", array_like=True, gc=False):
    """Compare the field's text with a plain string. `field` None: a keyword (see `Keyword`)."""

    field: str
    op: Op
    value: str
    cased: bool = False


class Wildcard(Struct, frozen=True, tag="wild", array_like=True, gc=False):
    """Match the field's whole text with parts: plain strings, ``*`` (any run), ``?`` (any one).

    `parts` alternate freely; the two wildcards are given as ints 0 (``*``) and 1 (``?``), so
    that a literal star needs no escaping.
    """

    field: str
    parts: Parts
    cased: bool = False


class Regex(Struct, frozen=True, tag="re", array_like=True, gc=False):
    """Search the field's text (as written, not folded) with an RE2 expression.

    `flags` is a sorted subset of ``"ims"``.  RE2's syntax is the gate: what it refuses is refused.
    """

    field: str
    pattern: str
    flags: Flags = ""


class Number(Struct, frozen=True, tag="num", array_like=True, gc=False):
    """Compare the field as a number; decimal, fraction or ``0x`` text counts, other text fails.

    `value` is the decimal literal, so that no float rounding enters a digest.
    """

    field: str
    op: Compare
    value: Decimal


class Network(Struct, frozen=True, tag="net", array_like=True, gc=False):
    """Test whether the field's address lies in a network (CIDR, IPv4 or IPv6)."""

    field: str
    network: str


class Exists(Struct, frozen=True, tag="exists", array_like=True, gc=False):
    """Test whether the record has the field, be it empty or null."""

    field: str


class Null(Struct, frozen=True, tag="null", array_like=True, gc=False):
    """Test whether the field is missing or null. An empty text is not null."""

    field: str


class FieldRef(Struct, frozen=True, tag="ref", array_like=True, gc=False):
    """Compare the texts of two fields of one record; false where either is missing or null."""

    field: str
    other: str
    op: Op = "equals"
    cased: bool = False


class TimeOf(Struct, frozen=True, tag="time", array_like=True, gc=False):
    """Compare one part of the date in the field, as written, without zone conversion."""

    field: str
    part: TimePart
    op: Compare
    value: int


class Keyword(Struct, frozen=True, tag="key", array_like=True, gc=False):
    """Look for a text anywhere in the record: in any field's text or in the raw text line.

    `parts` as in `Wildcard`, searched unanchored; a plain keyword has one part.
    """

    parts: Parts
    cased: bool = False


class KeywordRegex(Struct, frozen=True, tag="keyre", array_like=True, gc=False):
    """Search any field's text, or the raw text line, with an RE2 expression."""

    pattern: str
    flags: Flags = ""


class Const(Struct, frozen=True, tag="const", array_like=True, gc=False):
    """Hold everywhere or nowhere."""

    holds: bool


Atom: TypeAlias = (
    Text | Wildcard | Regex | Number | Network | Exists | Null | FieldRef | TimeOf | Keyword | KeywordRegex
)


class And(Struct, frozen=True, tag="and", array_like=True, gc=False):
    """Hold where every item holds. Never empty."""

    items: Items


class Or(Struct, frozen=True, tag="or", array_like=True, gc=False):
    """Hold where at least one item holds. Never empty."""

    items: Items


class Not(Struct, frozen=True, tag="not", array_like=True, gc=False):
    """Hold where the item does not."""

    item: Expr


Expr: TypeAlias = (
    And
    | Or
    | Not
    | Const
    | Text
    | Wildcard
    | Regex
    | Number
    | Network
    | Exists
    | Null
    | FieldRef
    | TimeOf
    | Keyword
    | KeywordRegex
)

ANY_RUN = 0
ANY_ONE = 1
