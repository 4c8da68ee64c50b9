"""Take the condition of words of an ordered correlation apart into the ways in which it can be met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import assert_never

from hisn.core import limits
from hisn.errors import InputError
from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Presence, Seen


@dataclass(frozen=True, slots=True)
class Term:
    """Name references that must occur in this order, and others that must not occur at all."""

    ordered: tuple[int, ...]
    absent: frozenset[int]


_Literals = tuple[frozenset[int], frozenset[int]]


def terms_of(expression: Presence, positions: Mapping[str, tuple[int, ...]]) -> tuple[Term, ...]:
    """Return the terms of which one must hold, with references by their positions.

    A reference that stands several times in the order must occur as often.
    Raises InputError E2247 where there are more than `limits.MAX_ORDERED_TERMS`.
    """
    found = _least(_alternatives(expression, positions, wanted=True))
    return tuple(Term(tuple(sorted(seen)), absent) for seen, absent in found)


def parts_of(count: int) -> tuple[Term, ...]:
    """Return a term for every choice among the references, the smaller ones first.

    Raises InputError E2247, as above.
    """
    if 2**count > limits.MAX_ORDERED_TERMS:
        raise _too_many()
    sizes = range(1, count + 1)
    return tuple(Term(chosen, frozenset()) for size in sizes for chosen in combinations(range(count), size))


def _alternatives(
    expression: Presence, positions: Mapping[str, tuple[int, ...]], *, wanted: bool
) -> list[_Literals]:
    match expression:
        case Seen():
            only = frozenset(positions[expression.name])
            return [(only, frozenset())] if wanted else [(frozenset(), only)]
        case NotSeen():
            return _alternatives(expression.item, positions, wanted=not wanted)
        case AllSeen() | AnySeen():
            parts = [_alternatives(item, positions, wanted=wanted) for item in expression.items]
            if isinstance(expression, AnySeen) == wanted:
                return _least([each for part in parts for each in part])
            return _all_of(parts)
        case _:
            assert_never(expression)


def _all_of(parts: list[list[_Literals]]) -> list[_Literals]:
    joined: list[_Literals] = [(frozenset(), frozenset())]
    for part in parts:
        joined = _least(
            [
                (seen | more_seen, absent | more_absent)
                for (seen, absent), (more_seen, more_absent) in product(joined, part)
                if (seen | more_seen).isdisjoint(absent | more_absent)
            ]
        )
    return joined


def _least(found: list[_Literals]) -> list[_Literals]:
    """Leave out what follows from another alternative; sort the rest."""
    distinct = sorted(
        set(found), key=lambda each: (len(each[0]) + len(each[1]), sorted(each[0]), sorted(each[1]))
    )
    kept: list[_Literals] = []
    for seen, absent in distinct:
        if not any(less[0] <= seen and less[1] <= absent for less in kept):
            kept.append((seen, absent))
        if len(kept) > limits.MAX_ORDERED_TERMS:
            raise _too_many()
    return kept


def _too_many() -> InputError:
    return InputError("E2247", "the condition of an ordered correlation can be met in too many ways")
