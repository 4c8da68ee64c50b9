"""Compile the correlations of a pack: which rules feed which, by which fields, in which order.

A correlation looks at *events*: records that a rule hit, or episodes of other correlations.  An
event comes by a *feed*: one rule or correlation under one reference.  Of each event it holds a
few *columns*: the digest of what it is grouped by, what it counts, and the same for every
correlation that judges its own episodes, because an episode has the fields of the records that
it rests on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from hisn.core import limits
from hisn.engine.correlate.terms import Term, parts_of, terms_of
from hisn.errors import InputError
from hisn.rules.correlation import TEMPORAL, Correlation, Kind, Presence
from hisn.rules.correlation_shape import Test, meets
from hisn.rules.pack import Pack

STATE_VERSION = 2
"""Raised with every change of what is held, counted or dumped."""

NUMERIC: tuple[Kind, ...] = ("value_sum", "value_avg", "value_percentile", "value_median")


@dataclass(frozen=True, slots=True)
class Column:
    """Name the fields behind one column: a digest of their texts, or one number.

    The texts of what something is grouped by are kept: people have to read them.
    """

    names: tuple[str, ...]
    is_number: bool = False
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class Feed:
    """Describe one thing that a correlation looks at under one reference.

    `rule` or `correlation` is its index in the pack, the other is -1.  For a rule, `fields` are
    those of its records, for each column.
    """

    reference: int
    rule: int
    correlation: int
    fields: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Up:
    """Say where the episodes of a correlation go: to which feed of which other.

    `columns` are the positions, among the columns here, of all the columns there, `has_value` and
    `is_numeric` say what the second of them is there.
    """

    correlation: int
    feed: int
    columns: tuple[int, ...]
    has_value: bool
    is_numeric: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold one correlation, ready to be judged.

    Column 0 is what it is grouped by; column 1 what it counts or measures, where `has_value`.
    `tests` must all hold for the measure; instead, `presence` may ask for references, found by
    their `positions`.  `terms` are what an ordered correlation looks for, the smallest first: its
    measure is the number of references of the largest that holds.  `strict` are (earlier, later)
    positions that one instant cannot satisfy: the earlier is an episode that may rest on the later.
    """

    index: int
    kind: Kind
    digest: str
    span_us: int
    group_by: tuple[str, ...]
    references: int
    columns: tuple[Column, ...]
    has_value: bool
    feeds: tuple[Feed, ...]
    ups: tuple[Up, ...]
    tests: tuple[Test, ...]
    presence: Presence | None
    positions: Mapping[str, tuple[int, ...]]
    terms: tuple[Term, ...]
    strict: frozenset[tuple[int, int]]
    percentile: int

    @property
    def is_numeric(self) -> bool:
        """Tell whether column 1 holds numbers."""
        return self.kind in NUMERIC

    @property
    def is_chain(self) -> bool:
        """Tell whether it judges episodes of other correlations."""
        return any(feed.correlation >= 0 for feed in self.feeds)


@dataclass(frozen=True, slots=True)
class CorrelationPlan:
    """Hold all correlations of a pack, compiled.

    `judged` is by index in `Pack.correlations`; `order` puts every correlation behind those that
    it refers to.  `feeds_of` gives for each rule the (correlation, feed)s that look at its hits,
    `wanted` the fields that its marks have to carry (see `Scanner`).
    """

    judged: tuple[Judged, ...]
    order: tuple[int, ...]
    rule_digests: tuple[str, ...]
    feeds_of: Mapping[int, tuple[tuple[int, int], ...]]
    wanted: Mapping[int, tuple[str, ...]]
    digest: str


def compile_correlations(pack: Pack) -> CorrelationPlan:
    """Compile the correlations of a pack. Raises InputError E2247 where they ask for too much."""
    return _Compiler(pack).plan()


class _Compiler:
    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._rules: dict[str, list[int]] = {}
        for index, rule in enumerate(pack.rules):
            self._rules.setdefault(rule.digest, []).append(index)
        self._correlations = {each.digest: index for index, each in enumerate(pack.correlations)}
        count = len(pack.correlations)
        self._columns: list[list[Column]] = [_own_columns(each) for each in pack.correlations]
        self._ups: list[list[Up]] = [[] for _ in range(count)]
        self._feeds: list[tuple[Feed, ...]] = [()] * count

    def plan(self) -> CorrelationPlan:
        order = self._order()
        # From the top of the chains down: who judges episodes says what they have to carry.
        for index in reversed(order):
            self._feeds[index] = tuple(self._feeds_of(index))
        judged = tuple(self._judged(index) for index in range(len(self._pack.correlations)))
        feeds_of: dict[int, list[tuple[int, int]]] = {}
        wanted: dict[int, set[str]] = {}
        for each in judged:
            for position, feed in enumerate(each.feeds):
                if feed.rule >= 0:
                    feeds_of.setdefault(feed.rule, []).append((each.index, position))
                    wanted.setdefault(feed.rule, set()).update(*feed.fields)
        digests = [str(STATE_VERSION), *(rule.digest for rule in self._pack.rules)]
        digests += [each.digest for each in self._pack.correlations]
        return CorrelationPlan(
            judged=judged,
            order=order,
            rule_digests=tuple(rule.digest for rule in self._pack.rules),
            feeds_of={rule: tuple(feeds) for rule, feeds in sorted(feeds_of.items())},
            wanted={rule: tuple(sorted(names)) for rule, names in sorted(wanted.items())},
            digest=hashlib.sha256("\n".join(digests).encode()).hexdigest(),
        )

    def _below(self, index: int) -> list[int]:
        return [
            self._correlations[digest]
            for reference in self._pack.correlations[index].references
            for digest in reference.digests
            if digest in self._correlations
        ]

    def _order(self) -> tuple[int, ...]:
        """Return the correlations, each behind all that it refers to."""
        waiting = {index: set(self._below(index)) for index in range(len(self._pack.correlations))}
        order: list[int] = []
        while waiting:
            free = [index for index, below in waiting.items() if below.isdisjoint(waiting)]
            if not free:
                raise InputError("E2247", "correlations refer to one another in a circle")
            order += free
            for index in free:
                del waiting[index]
        return tuple(order)

    def _feeds_of(self, index: int) -> list[Feed]:
        correlation = self._pack.correlations[index]
        feeds: list[Feed] = []
        for position, reference in enumerate(correlation.references):
            names = _renamed(correlation, reference.name, self._columns[index])
            for digest in reference.digests:
                fields = tuple(column.names for column in names)
                feeds += [Feed(position, rule, -1, fields) for rule in self._rules.get(digest, ())]
                below = self._correlations.get(digest)
                if below is not None:
                    carried = self._carry(below, names)
                    is_numeric = correlation.kind in NUMERIC
                    up = Up(index, len(feeds), carried, bool(correlation.fields), is_numeric)
                    self._ups[below].append(up)
                    feeds.append(Feed(position, -1, below))
        return feeds

    def _carry(self, index: int, columns: list[Column]) -> tuple[int, ...]:
        """Let a correlation carry columns for another; return where they are."""
        own = self._columns[index]
        places: list[int] = []
        for column in columns:
            if column not in own:
                own.append(column)
            places.append(own.index(column))
        if len(own) > limits.MAX_CORRELATION_COLUMNS:
            raise InputError("E2247", "too many correlations judge the episodes of one correlation")
        return tuple(places)

    def _judged(self, index: int) -> Judged:
        correlation = self._pack.correlations[index]
        tests = tuple((each.op, Fraction(each.value)) for each in correlation.condition)
        positions: dict[str, tuple[int, ...]] = {}
        for position, reference in enumerate(correlation.references):
            positions[reference.name] = (*positions.get(reference.name, ()), position)
        count = len(correlation.references)
        if correlation.kind in TEMPORAL and correlation.expression is None:
            tests = tests or (("gte", Fraction(count)),)
        return Judged(
            index=index,
            kind=correlation.kind,
            digest=correlation.digest,
            span_us=correlation.timespan_us,
            group_by=correlation.group_by,
            references=count,
            columns=tuple(self._columns[index]),
            has_value=bool(correlation.fields),
            feeds=self._feeds[index],
            ups=tuple(self._ups[index]),
            tests=tests,
            presence=correlation.expression,
            positions=positions,
            terms=_terms(correlation, tests, positions) if correlation.kind == "temporal_ordered" else (),
            strict=self._strict(correlation) if correlation.kind == "temporal_ordered" else frozenset(),
            percentile=50 if correlation.percentile is None else correlation.percentile,
        )

    def _strict(self, correlation: Correlation) -> frozenset[tuple[int, int]]:
        bases = [self._rests_on(reference.digests) for reference in correlation.references]
        own = [set(reference.digests) for reference in correlation.references]
        return frozenset(
            (early, late)
            for early in range(len(own))
            if bases[early]
            for late in range(early + 1, len(own))
            if not bases[early].isdisjoint(own[late])
        )

    def _rests_on(self, digests: tuple[str, ...]) -> set[str]:
        """Return all that the correlations among these rest on."""
        found: set[str] = set()
        open_ends = [digest for digest in digests if digest in self._correlations]
        while open_ends:
            below = self._pack.correlations[self._correlations[open_ends.pop()]]
            for reference in below.references:
                new = set(reference.digests) - found
                found |= new
                open_ends += [digest for digest in new if digest in self._correlations]
        return found


def _own_columns(correlation: Correlation) -> list[Column]:
    columns = [Column(correlation.group_by, is_group=True)]
    if correlation.fields:
        columns.append(Column(correlation.fields, is_number=correlation.kind in NUMERIC))
    return columns


def _renamed(correlation: Correlation, reference: str, columns: list[Column]) -> list[Column]:
    """Return the columns with the names that fields have in what a reference stands for."""
    names = {
        alias.name: dict(alias.fields)[reference]
        for alias in correlation.aliases
        if reference in dict(alias.fields)
    }
    return [
        replace(column, names=tuple([names.get(name, name) for name in column.names])) for column in columns
    ]


def _terms(
    correlation: Correlation, tests: tuple[Test, ...], positions: Mapping[str, tuple[int, ...]]
) -> tuple[Term, ...]:
    count = len(correlation.references)
    try:
        if correlation.expression is not None:
            terms = terms_of(correlation.expression, positions)
            return tuple(sorted(terms, key=lambda term: len(term.ordered)))
        return (Term(tuple(range(count)), frozenset()),) if _only_all(tests, count) else parts_of(count)
    except InputError as error:
        error.place = f"{correlation.path}:{correlation.line}"
        raise


def _only_all(tests: tuple[Test, ...], count: int) -> bool:
    """Tell whether the tests hold for all references in order, and for fewer or none never."""
    held = [all(meets(test, Fraction(number)) for test in tests) for number in range(count + 1)]
    return held[-1] and not any(held[:-1])
