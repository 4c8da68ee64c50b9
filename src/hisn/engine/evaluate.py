"""Evaluate the programs of rules over groups of rows."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from hisn.engine.groups import Group
from hisn.engine.predicates import reference_holds
from hisn.engine.program import AND, ANY, ASK, EXISTS, NOT, NULL, OR, REF, Program
from hisn.engine.rows import mask_of, rows_of
from hisn.events.schema import Cell, texts_of
from hisn.rules.expr import FieldRef


class AllOf(NamedTuple):
    """Hold where every item holds."""

    items: tuple[Node, ...]


class AnyOf(NamedTuple):
    """Hold where one item holds."""

    items: tuple[Node, ...]


class NotOf(NamedTuple):
    """Hold where the item does not."""

    item: Node


class OneOf(NamedTuple):
    """Hold where one of the tests of a field holds."""

    field: int
    ids: frozenset[int]


class Asked(NamedTuple):
    """Hold where a test holds that is asked only of values that matter."""

    field: int
    id: int


class IsNull(NamedTuple):
    """Hold where the field is missing or null."""

    field: int


class HasField(NamedTuple):
    """Hold where the field is there."""

    field: int


class SameText(NamedTuple):
    """Hold where two fields compare."""

    field: int
    other: int
    test: FieldRef


Node: TypeAlias = AllOf | AnyOf | NotOf | OneOf | Asked | IsNull | HasField | SameText


def read_program(program: Program) -> Node:
    """Return a program ready to be evaluated. Raises ValueError on an unknown code."""
    code, *rest = program
    if code == ANY:
        return OneOf(rest[0], frozenset(rest[1:]))
    if code in {AND, OR}:
        items = tuple(read_program(item) for item in rest)
        return AllOf(items) if code == AND else AnyOf(items)
    if code == NOT:
        return NotOf(read_program(rest[0]))
    if code == ASK:
        return Asked(rest[0], rest[1])
    if code == NULL:
        return IsNull(rest[0])
    if code == EXISTS:
        return HasField(rest[0])
    if code == REF:
        return SameText(rest[0], rest[1], FieldRef("", "", rest[2], rest[3]))
    raise ValueError(f"unknown code {code!r}")


def evaluate(node: Node, group: Group, within: int) -> int:
    """Return the rows among `within` for which a program holds; nothing is asked of other rows."""
    # In the order of their frequency.
    if isinstance(node, OneOf):
        rows = group.rows(node.field)
        return 0 if rows is None else rows.mask(node.ids) & within
    if isinstance(node, AllOf):
        for item in node.items:
            within = evaluate(item, group, within)
            if not within:
                return 0
        return within
    if isinstance(node, AnyOf):
        found = 0
        for item in node.items:
            found |= evaluate(item, group, within & ~found)
            if found == within:
                break
        return found
    if isinstance(node, NotOf):
        return within & ~evaluate(node.item, group, within)
    if isinstance(node, Asked):
        rows = group.rows(node.field)
        return 0 if rows is None else rows.ask(node.id, within)
    if isinstance(node, IsNull):
        rows = group.rows(node.field)
        return within if rows is None else rows.nulls() & within
    if isinstance(node, HasField):
        return within if group.view(node.field) is not None else 0
    return _compare(node, group, within)


def _compare(node: SameText, group: Group, within: int) -> int:
    left = group.view(node.field)
    right = group.view(node.other)
    if left is None or right is None:
        return 0
    cells, others = group.cells(left), group.cells(right)
    known: dict[tuple[Cell, Cell], bool] = {}
    flags = np.zeros(group.count, np.bool_)
    for row in rows_of(within, group.count).tolist():
        pair = (cells[row], others[row])
        if pair not in known:
            texts = texts_of(left.see(pair[0])), texts_of(right.see(pair[1]))
            known[pair] = reference_holds(node.test, *texts)
        flags[row] = known[pair]
    return mask_of(flags)
