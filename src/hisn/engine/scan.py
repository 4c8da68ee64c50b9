"""Judge batches of chunks by a plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hisn.engine.databases import Databases, is_available
from hisn.engine.domains import Domains
from hisn.engine.evaluate import Node, evaluate, read_program
from hisn.engine.groups import Group, Stretch
from hisn.engine.hitblocks import Batch
from hisn.engine.hits import HitBlock
from hisn.engine.marks import MarkBlock
from hisn.engine.plan import Plan
from hisn.engine.rows import Bools
from hisn.events.batch import NO_TIME, Chunk, Int64s
from hisn.events.mapping import Mapping, Shape
from hisn.events.schema import Layout, Logsource

_MAX_ROUTES = 4096


@dataclass(frozen=True, slots=True)
class Window:
    """Bound the times that are judged, in microseconds since 1970 UTC; `end` is exclusive.

    A record without a time is always judged: it could be inside.
    """

    start: int | None = None
    end: int | None = None

    def keep(self, times: Int64s) -> Bools | None:
        """Return which times (or `NO_TIME`) are judged; None for all."""
        if self.start is None and self.end is None:
            return None
        kept = np.ones(len(times), np.bool_)
        if self.start is not None:
            kept &= times >= self.start
        if self.end is not None:
            kept &= times < self.end
        kept |= times == NO_TIME
        return None if bool(kept.all()) else kept


@dataclass(frozen=True, slots=True)
class Scan:
    """Hold what one batch gave.

    `hits` sorted by (rule, source, asset, time).  `seen` counts judged records by log source.
    `presence` gives the times of the judged records of each asset, sorted, `outside_window` the
    records of each source that the window left out.  `marks` are what correlations look at,
    sorted by (rule, source, asset).
    """

    hits: tuple[HitBlock, ...]
    seen: dict[Logsource, int]
    presence: tuple[tuple[str, Int64s], ...]
    outside_window: dict[str, int]
    marks: tuple[MarkBlock, ...] = ()


class _Route(NamedTuple):
    """Hold which rules look at records of one log source, and by which fields they are triggered."""

    sources: frozenset[int]
    fields: tuple[int, ...]
    always: tuple[int, ...]


class Scanner:
    """Judge batches; the answer for a record depends on that record alone."""

    def __init__(
        self,
        plan: Plan,
        mapping: Mapping,
        window: Window | None = None,
        *,
        use_hyperscan: bool = True,
        databases: Databases | None = None,
        wanted: MappingOf[int, Sequence[str]] | None = None,
        silenced: Collection[int] = (),
    ) -> None:
        """Take what to judge by; `databases` are those of this plan, made here where none are given.

        `wanted` gives for each rule whose hits are marked the fields that its marks carry;
        `silenced` are rules whose hits are no hits by themselves.
        """
        self._plan = plan
        self._wanted = wanted or {}
        self._silenced = frozenset(silenced)
        self._mapping = mapping
        self._window = window or Window()
        if not use_hyperscan or not is_available():
            databases = None
        elif databases is None:
            databases = Databases(plan)
        self._domains = Domains(plan, databases)
        self._routes: dict[Logsource, _Route] = {}
        self._programs: dict[int, Node] = {}

    def scan(self, chunks: Sequence[Chunk]) -> Scan:
        """Judge all records of the chunks."""
        self._domains.forget_if_large()
        batch, outside = self._batch(chunks)
        touched = [(group, self._touch(group)) for group in batch.groups]
        self._domains.settle()
        seen: dict[Logsource, int] = {}
        for group, (route, fields) in touched:
            logsource = group.shape.logsource
            seen[logsource] = seen.get(logsource, 0) + group.count
            self._judge(group, route, fields, batch)
        hits = batch.hit_blocks(self._plan, self._mapping)
        return Scan(hits, seen, batch.presence(), outside, batch.mark_blocks(self._wanted))

    def _batch(self, chunks: Sequence[Chunk]) -> tuple[Batch, dict[str, int]]:
        """Group the rows by layout."""
        groups: dict[Layout, Group] = {}
        outside: dict[str, int] = {}
        sources: dict[str, int] = {}
        for chunk in chunks:
            source = sources.setdefault(chunk.source, len(sources))
            for block in chunk.blocks:
                keep = self._window.keep(block.times)
                stretch = Stretch(source, block, keep)
                if stretch.count < len(block.numbers):
                    left_out = len(block.numbers) - stretch.count
                    outside[chunk.source] = outside.get(chunk.source, 0) + left_out
                if not stretch.count:
                    continue
                group = groups.get(block.layout)
                if group is None:
                    shape = self._mapping.shape(block.layout)
                    group = groups[block.layout] = Group(shape, self._plan.names, self._domains)
                group.add(stretch)
        return Batch(list(groups.values()), list(sources)), outside

    def _touch(self, group: Group) -> tuple[_Route, list[int]]:
        """Give numbers to the values of the fields that can trigger a rule."""
        route = self._route(group.shape)
        fields = [field for field in route.fields if group.touch(field) is not None]
        return route, fields

    def _route(self, shape: Shape) -> _Route:
        logsource = shape.logsource
        route = self._routes.get(logsource)
        if route is None:
            if len(self._routes) >= _MAX_ROUTES:
                self._routes.clear()
            chosen = [
                (position, planned)
                for position, planned in enumerate(self._plan.sources)
                if logsource.satisfies(
                    planned.source.product, planned.source.category, planned.source.service
                )
            ]
            route = self._routes[logsource] = _Route(
                frozenset(position for position, _ in chosen),
                tuple(sorted({field for _, planned in chosen for field in planned.fields})),
                tuple(rule for _, planned in chosen for rule in planned.always),
            )
        return route

    def _judge(self, group: Group, route: _Route, fields: Sequence[int], batch: Batch) -> None:
        triggered: set[int] = set()
        for field in fields:
            rows = group.rows(field)
            if rows is not None:
                rows.add_rules(triggered)
        rule_sources = self._plan.rule_sources
        rules = [rule for rule in triggered if rule_sources[rule] in route.sources]
        for rule in (*rules, *route.always):
            mask = evaluate(self._program(rule), group, group.full)
            if not mask:
                continue
            if rule not in self._silenced:
                batch.add_hits(rule, group, mask)
            if rule in self._wanted:
                batch.add_marks(rule, group, mask)

    def _program(self, rule: int) -> Node:
        node = self._programs.get(rule)
        if node is None:
            node = self._programs[rule] = read_program(self._plan.program(rule))
        return node
