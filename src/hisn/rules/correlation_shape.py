"""Say what in a correlation does not go together, whoever made it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias, assert_never

from hisn.core import limits
from hisn.rules.correlation import (
    COUNTING,
    TEMPORAL,
    AllSeen,
    AnySeen,
    Compare,
    CompareOp,
    Correlation,
    NotSeen,
    Presence,
    Seen,
)

Test: TypeAlias = tuple[CompareOp, Fraction]
"""A comparison whose number is read already."""


def unsound_chains(targets: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return the correlations that are in a circle, lead into one, or end a chain that is too long.

    `targets` gives for each correlation all that it refers to; what is no key there is a rule.
    """
    waiting = set(targets)
    for _ in range(limits.MAX_CORRELATION_DEPTH):
        waiting = {key for key in waiting if not waiting.isdisjoint(targets[key])}
        if not waiting:
            break
    return frozenset(waiting)


def shape_problem(correlation: Correlation) -> str:
    """Say what does not go together; empty where everything does."""
    return next(_problems(correlation), "")


def _problems(correlation: Correlation) -> Iterator[str]:
    names = {reference.name for reference in correlation.references}
    yield from _alias_problems(correlation, names)
    wanted = _fields_wanted(correlation)
    if len(correlation.fields) not in wanted:
        yield f"{correlation.kind} with {len(correlation.fields)} fields"
    if (correlation.percentile is None) == (correlation.kind == "value_percentile"):
        yield "value_percentile, and nothing else, needs a percentile"
    if correlation.kind not in TEMPORAL and correlation.expression is not None:
        yield f"a condition of words for {correlation.kind}"
    if correlation.kind not in TEMPORAL and not correlation.condition:
        yield f"{correlation.kind} without a condition"
    if correlation.condition and not _can_hold(correlation, len(names)):
        yield "no number meets the condition"
    if correlation.expression is not None:
        yield from _expression_problems(correlation, names)


def _alias_problems(correlation: Correlation, names: Collection[str]) -> Iterator[str]:
    aliases = correlation.aliases
    if len({alias.name for alias in aliases}) < len(aliases):
        yield "an alias stands twice"
    for alias in aliases:
        keys = [name for name, _ in alias.fields]
        if not set(keys) <= set(names):
            yield f"the alias '{alias.name}' names a rule that the correlation does not refer to"
        if len(set(keys)) < len(keys):
            yield f"the alias '{alias.name}' names a rule twice"


def _fields_wanted(correlation: Correlation) -> range:
    match correlation.kind:
        case "event_count" | "temporal" | "temporal_ordered":
            return range(1)
        case "value_count":
            return range(1, limits.MAX_CORRELATION_FIELDS + 1)
        case "value_sum" | "value_avg" | "value_percentile" | "value_median":
            return range(1, 2)
    assert_never(correlation.kind)


def _can_hold(correlation: Correlation, references: int) -> bool:
    """Tell whether any measure meets all comparisons: one that never fires would silence its rules."""
    values = sorted({Fraction(each.value) for each in correlation.condition})
    if correlation.kind in COUNTING:
        # Each comparison takes away a half line or one number: some count beside a value is left, or none.
        least = 0 if correlation.kind == "value_count" else 1
        reach = len(correlation.condition) + 1
        beside = {math.floor(value) + by for value in values for by in range(-reach, reach + 1)}
        most = references if correlation.kind in TEMPORAL else max(beside) + reach
        counts = beside | set(range(least, least + reach + 1))
        candidates = [Fraction(count) for count in counts if least <= count <= most]
    else:
        between = [(low + high) / 2 for low, high in pairwise(values)]
        candidates = [*values, *between, values[0] - 1, values[-1] + 1]
    return any(all(holds(each, value) for each in correlation.condition) for value in candidates)


def holds(compare: Compare, value: Fraction) -> bool:
    """Tell whether a measure meets a comparison, exactly."""
    return meets((compare.op, Fraction(compare.value)), value)


def meets(test: Test, value: Fraction) -> bool:
    """Tell whether a measure meets a test, exactly."""
    op, wanted = test
    match op:
        case "eq":
            return value == wanted
        case "neq":
            return value != wanted
        case "lt":
            return value < wanted
        case "lte":
            return value <= wanted
        case "gt":
            return value > wanted
        case "gte":
            return value >= wanted
    assert_never(op)


def _expression_problems(correlation: Correlation, names: Collection[str]) -> Iterator[str]:
    expression = correlation.expression
    assert expression is not None  # noqa: S101  the caller asks
    if correlation.condition:
        yield "a condition of words and one of numbers"
    try:
        used = names_in(expression)
    except ValueError as error:
        yield str(error)
        return
    if not used <= set(names):
        yield "the condition names a rule that the correlation does not refer to"
    elif holds_with(expression, frozenset()):
        yield "the condition holds where nothing happens at all"
    elif (
        correlation.kind == "temporal_ordered"
        and _ways(expression, is_wanted=True) > limits.MAX_ORDERED_TERMS
    ):
        yield "the condition can be met in too many ways, and each has an order of its own"


def only_grows(correlation: Correlation) -> bool:
    """Tell whether more records can make it hold where it did not, but never the other way round.

    Then those that it rests on are enough to find it again; else a record that is missing may decide.
    """
    if correlation.expression is not None:
        return not _says_not(correlation.expression)
    is_counting = correlation.kind in ("event_count", "value_count", *TEMPORAL)
    return is_counting and all(each.op in ("gt", "gte") for each in correlation.condition)


def _says_not(node: Presence) -> bool:
    match node:
        case Seen():
            return False
        case NotSeen():
            return True
        case AllSeen() | AnySeen():
            return any(_says_not(item) for item in node.items)
    assert_never(node)


def _ways(node: Presence, *, is_wanted: bool) -> int:
    """Return in how many ways a condition of words can hold (or fail), at most: one way is one order."""
    match node:
        case Seen():
            return 1
        case NotSeen():
            return _ways(node.item, is_wanted=not is_wanted)
        case AllSeen() | AnySeen():
            counts = [_ways(item, is_wanted=is_wanted) for item in node.items]
            found = sum(counts) if isinstance(node, AnySeen) == is_wanted else math.prod(counts)
            return min(found, limits.MAX_ORDERED_TERMS + 1)
    assert_never(node)


def names_in(expression: Presence) -> frozenset[str]:
    """Return the references that a condition of words asks about, refusing what is too deep.

    Raises ValueError.
    """
    found: set[str] = set()
    level: list[Presence] = [expression]
    for _ in range(limits.MAX_CORRELATION_DEPTH):
        below: list[Presence] = []
        for node in level:
            match node:
                case Seen():
                    found.add(node.name)
                case NotSeen():
                    below.append(node.item)
                case AllSeen() | AnySeen():
                    below.extend(node.items)
                case _:
                    assert_never(node)
        if not below:
            return frozenset(found)
        if len(below) > limits.MAX_CORRELATION_RULES:
            break
        level = below
    raise ValueError("the condition is too large or nested too deep")


def holds_with(expression: Presence, seen: AbstractSet[str]) -> bool:
    """Tell whether a condition of words holds where exactly these references are in the window."""
    match expression:
        case Seen():
            return expression.name in seen
        case NotSeen():
            return not holds_with(expression.item, seen)
        case AllSeen():
            return all(holds_with(item, seen) for item in expression.items)
        case AnySeen():
            return any(holds_with(item, seen) for item in expression.items)
    assert_never(expression)
