"""Join expressions: flat, without duplicates, with constants folded."""

from __future__ import annotations

from collections.abc import Iterable

from hisn.rules.expr import And, Const, Expr, Not, Or

ALWAYS = Const(holds=True)
NEVER = Const(holds=False)


def all_of(items: Iterable[Expr]) -> Expr:
    """Return the conjunction; of nothing it holds everywhere."""
    flat: dict[Expr, None] = {}
    for item in items:
        if isinstance(item, And):
            flat.update(dict.fromkeys(item.items))
        elif item == NEVER:
            return NEVER
        elif item != ALWAYS:
            flat[item] = None
    if not flat:
        return ALWAYS
    return next(iter(flat)) if len(flat) == 1 else And(tuple(flat))


def any_of(items: Iterable[Expr]) -> Expr:
    """Return the disjunction; of nothing it holds nowhere."""
    flat: dict[Expr, None] = {}
    for item in items:
        if isinstance(item, Or):
            flat.update(dict.fromkeys(item.items))
        elif item == ALWAYS:
            return ALWAYS
        elif item != NEVER:
            flat[item] = None
    if not flat:
        return NEVER
    return next(iter(flat)) if len(flat) == 1 else Or(tuple(flat))


def negate(item: Expr) -> Expr:
    """Return the negation."""
    if isinstance(item, Not):
        return item.item
    if isinstance(item, Const):
        return Const(holds=not item.holds)
    return Not(item)
