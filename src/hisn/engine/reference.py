"""Judge one record by one rule in the simplest possible way: this module is the specification.

The columnar engine must give the same answers, hit by hit; the tests compare the two on every
corpus and on generated rules and records.

A record is a flat map of every name a rule may use.  `raw_text` is the record's line where it is
a text line (see `raw_text_of`), else None.  Decisions that `rules.expr` leaves open:

* texts are folded with `str.casefold`, whole, on both sides; ``?`` is one character of the folded text;
* numbers, addresses and dates are read as `predicates` documents; an integer cell is its decimal text;
* expressions see the text as written, in UTF-8, with a lone surrogate as U+FFFD;
* a field with several values passes a test if one of them does; a null among them is null, an
  empty list exists, is not null, and passes no other test;
* a keyword is looked for in each value of each field and in the raw text line, never across two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias, assert_never

from hisn.engine.hits import Decisive
from hisn.engine.predicates import (
    anywhere,
    compare_texts,
    compile_regex,
    encode_text,
    fold_parts,
    folded,
    network_holds,
    number_holds,
    parse_address,
    parse_number,
    parse_time_parts,
    reference_holds,
    time_holds,
    wildcard_holds,
)
from hisn.events.schema import Cell, texts_of
from hisn.rules.expr import (
    ANY_RUN,
    And,
    Atom,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Network,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Text,
    TimeOf,
    Wildcard,
)

Record: TypeAlias = Mapping[str, Cell]

_regex = lru_cache(maxsize=4096)(compile_regex)


def raw_text_of(raw: bytes | str) -> str | None:
    """Return the line that keywords search, or None for JSON and XML.

    Their raw form spells names and escapes that no rule author means; their fields hold it all.
    """
    head = raw[:2].decode("ascii", "replace") if isinstance(raw, bytes) else raw[:2]
    if head[:1] == "{" or (head[:1] == "<" and head[1:].isascii() and head[1:].isalpha()):
        return None
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def holds(condition: Expr, record: Record, raw_text: str | None = None) -> bool:
    """Tell whether a condition holds for one record."""
    match condition:
        case And(items):
            return all(holds(item, record, raw_text) for item in items)
        case Or(items):
            return any(holds(item, record, raw_text) for item in items)
        case Not(item):
            return not holds(item, record, raw_text)
        case Const(value):
            return value
        case Exists(field):
            return field in record
        case Null(field):
            return _is_null(record.get(field))
        case FieldRef(field, other):
            return reference_holds(condition, texts_of(record.get(field)), texts_of(record.get(other)))
        case Keyword() | KeywordRegex():
            return any(_text_holds(condition, text) for _, text in _searched(record, raw_text))
        case Text(field) | Wildcard(field) | Regex(field) | Number(field) | Network(field) | TimeOf(field):
            return any(_text_holds(condition, text) for text in texts_of(record.get(field)))
        case _:
            assert_never(condition)


def _is_null(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, tuple) and None in cell)


def _searched(record: Record, raw_text: str | None) -> Iterator[tuple[str, str]]:
    for field, cell in record.items():
        for text in texts_of(cell):
            yield field, text
    if raw_text is not None:
        yield "", raw_text


def _text_holds(
    atom: Text | Wildcard | Regex | Number | Network | TimeOf | Keyword | KeywordRegex, text: str
) -> bool:
    match atom:
        case Text(_, op, value, cased):
            return compare_texts(op, folded(text, cased=cased), folded(value, cased=cased))
        case Wildcard(_, parts, cased):
            return wildcard_holds(fold_parts(parts, cased=cased), folded(text, cased=cased))
        case Keyword(parts, cased):
            return wildcard_holds(anywhere(fold_parts(parts, cased=cased)), folded(text, cased=cased))
        case Regex(_, pattern, flags) | KeywordRegex(pattern, flags):
            return bool(_regex(pattern, flags)(encode_text(text)))
        case Number():
            number = parse_number(text)
            return number is not None and number_holds(atom, number)
        case Network():
            address = parse_address(text)
            return address is not None and network_holds(atom, address)
        case TimeOf():
            moment = parse_time_parts(text)
            return moment is not None and time_holds(atom, moment)
        case _:
            assert_never(atom)


def trace(condition: Expr, record: Record, raw_text: str | None = None) -> tuple[Decisive, ...]:
    """Explain why a condition holds: the tests that held and count for it, in its order, each once.

    Of an `Or` every item that holds is named; tests that count by *not* holding are not named.
    Empty where the condition does not hold.
    """
    named = decisive(condition, lambda atom: holds(atom, record, raw_text))
    return tuple(explain(atom, record, raw_text) for atom in named)


def decisive(condition: Expr, atom_holds: Callable[[Atom], bool]) -> tuple[Atom, ...]:
    """Return the tests that `trace` names, by the answers of each test."""
    return tuple(dict.fromkeys(_decisive(condition, atom_holds, wanted=True) or ()))


def _decisive(condition: Expr, atom_holds: Callable[[Atom], bool], *, wanted: bool) -> list[Atom] | None:
    """Return the tests that make the condition hold (`wanted`) or fail; None where it does otherwise."""
    match condition:
        case Not(item):
            return _decisive(item, atom_holds, wanted=not wanted)
        case And(items) | Or(items):
            needs_all = isinstance(condition, And) is wanted
            named: list[Atom] | None = [] if needs_all else None
            for item in items:
                found = _decisive(item, atom_holds, wanted=wanted)
                if found is not None:
                    named = [] if named is None else named
                    named += found
                elif needs_all:
                    return None
            return named
        case Const(value):
            return [] if value is wanted else None
        case _:
            if atom_holds(condition) is not wanted:
                return None
            return [condition] if wanted else []


def explain(atom: Atom, record: Record, raw_text: str | None) -> Decisive:
    """Name a test that holds, and the value for which it does."""
    match atom:
        case Keyword() | KeywordRegex():
            for field, text in _searched(record, raw_text):
                if _text_holds(atom, text):
                    return Decisive(field, _test_name(atom), _pattern(atom), text)
            raise AssertionError("a keyword that holds stands somewhere")
        case _:
            return Decisive(atom.field, _test_name(atom), _pattern(atom), record.get(atom.field))


def _test_name(atom: Atom) -> str:
    """Return the test as rule authors write it: ``CommandLine|contains``."""
    match atom:
        case Text(field, op, _, cased):
            names = [field, *([] if op == "equals" else [op]), *(["cased"] if cased else [])]
        case Wildcard(field, _, cased):
            names = [field, *(["cased"] if cased else [])]
        case Regex(field, _, flags):
            names = [field, "re", *flags]
        case KeywordRegex(_, flags):
            names = ["keywords", "re", *flags]
        case Keyword(_, cased):
            names = ["keywords", *(["cased"] if cased else [])]
        case Number(field, op):
            names = [field, *([] if op == "eq" else [op])]
        case Network(field):
            names = [field, "cidr"]
        case Exists(field):
            names = [field, "exists"]
        case Null(field):
            names = [field]
        case FieldRef(field, _, op, cased):
            names = [field, "fieldref", *([] if op == "equals" else [op]), *(["cased"] if cased else [])]
        case TimeOf(field, part, op):
            names = [field, part, *([] if op == "eq" else [op])]
        case _:
            assert_never(atom)
    return "|".join(names)


def _pattern(atom: Atom) -> str:
    match atom:
        case Text(_, _, value) | Number(_, _, value):
            return value
        case Wildcard(_, parts) | Keyword(parts):
            return "".join(_part(part) for part in parts)
        case Regex(_, pattern) | KeywordRegex(pattern):
            return pattern
        case Network(_, network):
            return network
        case Exists():
            return "true"
        case Null():
            return "null"
        case FieldRef(_, other):
            return other
        case TimeOf(_, _, _, value):
            return str(value)
        case _:
            assert_never(atom)


def _part(part: str | int) -> str:
    if isinstance(part, str):
        return part.replace("*", "\\*").replace("?", "\\?")
    return "*" if part == ANY_RUN else "?"
