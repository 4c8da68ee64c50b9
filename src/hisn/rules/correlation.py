"""Define correlations ready to be judged: what they refer to, count and ask.

A correlation judges the hits of the rules that it refers to, or the episodes of other
correlations (a *chain*), in windows of time (Sigma specification 2.1, Correlation Rules).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from hisn.core import limits
from hisn.rules.expr import Decimal
from hisn.rules.info import Hex, Level, Line, RuleInfo, Uuid

if TYPE_CHECKING:
    from hisn.rules.pack import Pack

Kind: TypeAlias = Literal[
    "event_count",
    "value_count",
    "temporal",
    "temporal_ordered",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
]
CompareOp: TypeAlias = Literal["eq", "neq", "lt", "lte", "gt", "gte"]

TEMPORAL: tuple[Kind, ...] = ("temporal", "temporal_ordered")
COUNTING: tuple[Kind, ...] = ("event_count", "value_count", *TEMPORAL)
"""The kinds whose measure is a whole number that is never negative."""

# What a pack's bytes must keep to: whoever makes a pack can make its digest, too.
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=limits.MAX_CORRELATION_NAME_CHARS)]
Timespan: TypeAlias = Annotated[int, Meta(ge=1_000_000, le=limits.MAX_TIMESPAN_S * 1_000_000)]
Percentile: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
Fields: TypeAlias = Annotated[tuple[Name, ...], Meta(max_length=limits.MAX_CORRELATION_FIELDS)]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """Name rules or correlations, as the author does, and say which they are.

    `digests` are sorted; an id that several rules share means all of them.
    """

    name: Name
    digests: Annotated[tuple[Hex, ...], Meta(min_length=1, max_length=limits.MAX_CORRELATION_RULES)]


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """Give one name to fields that are called differently by what is referred to.

    `fields` are (name of a reference, field), sorted by the name.
    """

    name: Name
    fields: Annotated[
        tuple[tuple[Name, Name], ...], Meta(min_length=1, max_length=limits.MAX_CORRELATION_RULES)
    ]


SIGNS: Mapping[CompareOp, str] = {
    "eq": "=", "neq": "≠", "lt": "<", "lte": "≤", "gt": ">", "gte": "≥",
}  # fmt: skip
"""How comparisons are written for people."""


class Compare(msgspec.Struct, frozen=True, array_like=True):
    """Compare the measure of a window with a number."""

    op: CompareOp
    value: Decimal


class Seen(msgspec.Struct, frozen=True, tag="seen", array_like=True):
    """Hold where something of this reference is in the window."""

    name: Name


class AllSeen(msgspec.Struct, frozen=True, tag="all", array_like=True):
    """Hold where every item holds."""

    items: Parts


class AnySeen(msgspec.Struct, frozen=True, tag="any", array_like=True):
    """Hold where at least one item holds."""

    items: Parts


class NotSeen(msgspec.Struct, frozen=True, tag="not", array_like=True):
    """Hold where the item does not."""

    item: Presence


Presence: TypeAlias = Seen | AllSeen | AnySeen | NotSeen
Parts: TypeAlias = Annotated[
    tuple["Presence", ...], Meta(min_length=1, max_length=limits.MAX_CORRELATION_RULES)
]


class Correlation(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one correlation: identity, references, window, measure, condition.

    `digest` is `correlation_digest` of `document` (SHA-256 of its own bytes) and of all that it
    refers to.  `references` stand in the order written, which `temporal_ordered` needs.
    `group_by` names fields or aliases.  `fields` are what `value_*` look at: one, and for
    `value_count` one or several that count as a tuple.  All of `condition` must hold.

    Temporal kinds compare the number of different references in the window; with an empty
    `condition` all must be there, or, where `expression` is given, those that it asks for.
    """

    id: Uuid
    digest: Hex
    document: Hex
    name: str = ""
    path: str
    line: Line = 1
    level: Level
    info: RuleInfo
    kind: Kind
    references: Annotated[tuple[Reference, ...], Meta(min_length=1, max_length=limits.MAX_CORRELATION_RULES)]
    group_by: Fields = ()
    timespan_us: Timespan
    aliases: Annotated[tuple[Alias, ...], Meta(max_length=limits.MAX_CORRELATION_FIELDS)] = ()
    fields: Fields = ()
    percentile: Percentile | None = None
    condition: Annotated[tuple[Compare, ...], Meta(max_length=6)] = ()
    expression: Presence | None = None
    generate: bool = False


def correlation_digest(document: str, references: Iterable[Reference]) -> str:
    """Return the SHA-256 (hex) over a document's digest and the sorted digests of all it refers to."""
    others = {digest for reference in references for digest in reference.digests}
    return hashlib.sha256("\n".join([document, *sorted(others)]).encode()).hexdigest()


def chain_order(correlations: Sequence[Correlation]) -> tuple[int, ...]:
    """Return the indexes so that what a correlation refers to stands before it."""
    waiting = {each.digest for each in correlations}
    ordered: list[int] = []
    while waiting:
        ready = [
            index
            for index, each in enumerate(correlations)
            if each.digest in waiting
            and all(waiting.isdisjoint(reference.digests) for reference in each.references)
        ]
        ordered += ready
        waiting.difference_update(correlations[index].digest for index in ready)
    return tuple(ordered)


def silenced(pack: Pack) -> frozenset[int]:
    """Return the indexes of rules that make no finding of their own.

    A correlation that is judged silences what it refers to, unless one with ``generate: true``
    refers to it as well (specification, section Generate).
    """
    silent = _silent_digests(pack)
    return frozenset(index for index, rule in enumerate(pack.rules) if rule.digest in silent)


def silenced_correlations(pack: Pack) -> frozenset[int]:
    """Return the indexes of correlations that make no finding of their own, by the same rule."""
    silent = _silent_digests(pack)
    return frozenset(index for index, each in enumerate(pack.correlations) if each.digest in silent)


def _silent_digests(pack: Pack) -> set[str]:
    silent: set[str] = set()
    spoken: set[str] = set()
    for correlation in pack.correlations:
        into = spoken if correlation.generate else silent
        into.update(digest for reference in correlation.references for digest in reference.digests)
    return silent - spoken
