"""Lower conditions to programs over test ids, and find the tests without which a rule cannot hold.

A program is nested lists of plain numbers, so that it is stored and read without any types:
``[AND, p…]``, ``[OR, p…]``, ``[NOT, p]``, ``[ANY, field, id…]`` (one of the tests of one field
holds), ``[ASK, field, id]`` (a test that is asked only of values that matter),
``[NULL, field]``, ``[EXISTS, field]``, ``[REF, field, other, op, cased]``.  Fields are
positions in the plan's list.  ``[AND]`` holds everywhere, ``[OR]`` nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

from hisn.engine.fieldtests import KEYWORDS, ValueTest, canonical
from hisn.rules.expr import (
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

Program: TypeAlias = list[Any]
"""Nested lists as above; checked by `evaluate`, which refuses unknown codes."""

AND: Final = 0
OR: Final = 1
NOT: Final = 2
ANY: Final = 3
NULL: Final = 4
EXISTS: Final = 5
REF: Final = 6
ASK: Final = 7

_CONSTANT_FIELDS = frozenset(
    {"EventID", "Channel", "Provider_Name", "EventLog", "Source", "type", "eventSource", "Level"}
)


class Lowered(NamedTuple):
    """Hold a program, how often it probably holds (for the order of evaluation), and its needs.

    `needs` are test ids of which one holds wherever the program does; None: none are known.
    """

    program: Program
    weight: float
    needs: frozenset[tuple[int, int]] | None


class Lowering:
    """Lower conditions, sharing tests; `place` gives (field position, test id) of a canonical test."""

    def __init__(
        self, field_index: Callable[[str], int], place: Callable[[ValueTest], tuple[int, int]]
    ) -> None:
        self._field_index = field_index
        self._place = place

    def lower(self, condition: Expr) -> Lowered:
        """Return the program of a condition."""
        match condition:
            case And(items):
                return self._all([self.lower(item) for item in items])
            case Or(items):
                return self._any([self.lower(item) for item in items])
            case Not(item):
                inner = self.lower(item)
                return Lowered([NOT, inner.program], 1.5 - inner.weight, None)
            case Const(value):
                return Lowered([AND], 1.0, None) if value else Lowered([OR], 0.0, frozenset())
            case Null(field):
                return Lowered([NULL, self._field_index(field)], 0.5, None)
            case Exists(field):
                return Lowered([EXISTS, self._field_index(field)], 0.9, None)
            case FieldRef(field, other, op, cased):
                program = [REF, self._field_index(field), self._field_index(other), op, cased]
                return Lowered(program, 1.2, None)
            case _:
                return self._test(canonical(condition))

    def _test(self, test: ValueTest) -> Lowered:
        field, test_id = self._place(test)
        return Lowered([ANY, field, test_id], _weight(test), frozenset({(field, test_id)}))

    @staticmethod
    def _all(items: list[Lowered]) -> Lowered:
        # The order decides nothing but speed: what is false most often is asked first.
        items = sorted(items, key=lambda item: item.weight)
        known = [item for item in items if item.needs is not None]
        needs = min(known, key=lambda item: item.weight).needs if known else None
        if len(items) == 1:
            return items[0]
        return Lowered([AND, *(item.program for item in items)], items[0].weight, needs)

    @staticmethod
    def _any(items: list[Lowered]) -> Lowered:
        weight = sum(item.weight for item in items)
        needs: frozenset[tuple[int, int]] | None = frozenset()
        for item in items:
            needs = None if needs is None or item.needs is None else needs | item.needs
        merged: dict[int, dict[int, None]] = {}
        programs: list[Program] = []
        for item in items:
            if item.program[0] == ANY:
                if item.program[1] not in merged:
                    merged[item.program[1]] = {}
                    programs.append([ANY, item.program[1]])
                merged[item.program[1]].update(dict.fromkeys(item.program[2:]))
            else:
                programs.append(item.program)
        programs = [[*p, *merged[p[1]]] if p[0] == ANY and len(p) == 2 else p for p in programs]
        return Lowered(programs[0] if len(programs) == 1 else [OR, *programs], weight, needs)


def atoms_of(condition: Expr) -> Iterator[Atom]:
    """Yield the tests of a condition in its order, repeated ones too."""
    match condition:
        case And(items) | Or(items):
            for item in items:
                yield from atoms_of(item)
        case Not(item):
            yield from atoms_of(item)
        case Const():
            return
        case _:
            yield condition


def split_asked(program: Program, asked: frozenset[int]) -> Program:
    """Return the program with the tests in `asked` taken out of the others: they are dear, and asked last."""
    code, *rest = program
    if code == ANY:
        ids = [test_id for test_id in rest[1:] if test_id not in asked]
        asks = [[ASK, rest[0], test_id] for test_id in rest[1:] if test_id in asked]
        items = [[ANY, rest[0], *ids], *asks] if ids else asks
        return items[0] if len(items) == 1 else [OR, *items]
    if code in {AND, OR, NOT}:
        return [code, *(split_asked(item, asked) for item in rest)]
    return program


def _weight(test: ValueTest) -> float:
    """Guess how often a test holds on records that have its field."""
    match test:
        case Text(field, op, value) if op == "equals":
            return 0.3 if field in _CONSTANT_FIELDS else 0.02 + 0.1 / (1 + len(value))
        case Text(field, op, value):
            # One long literal is rarer than a short one; a path's end is a program's name.
            return (
                _rarity(len(value)) * (3.0 if field == KEYWORDS else 1.0) * (0.7 if op == "endswith" else 1.0)
            )
        case Wildcard(_, parts):
            return _rarity(max((len(p) for p in parts if isinstance(p, str)), default=0)) + 0.005
        case Number(field, op):
            return 0.3 if field in _CONSTANT_FIELDS else 0.05 if op == "eq" else 0.3
        case Regex() | KeywordRegex() | Keyword():
            return 0.05
        case Network() | TimeOf():
            return 0.3
        case _:
            assert_never(test)


def _rarity(length: int) -> float:
    return 0.004 + 0.9 / math.pow(1 + length, 1.5)
