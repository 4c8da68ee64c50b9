"""The correlator finds what the plain reference finds, however the marks come and are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import get_args

import hypothesis.strategies as st
from hypothesis import given
from tests.unit.engine.correlate.plain import (
    ALL,
    PLENTY,
    SECOND,
    blocks_of,
    correlation_of,
    correlator_of,
    latest,
    rules_of,
    with_correlations,
)

from hisn.engine.correlate.correlator import Correlator
from hisn.engine.correlate.episode import Episode
from hisn.engine.correlate.plan import compile_correlations
from hisn.engine.correlate.reference import Mark, correlate
from hisn.engine.correlate.stream import Bounds
from hisn.rules.correlation import AllSeen, AnySeen, CompareOp, Correlation, Kind, NotSeen, Presence, Seen
from hisn.rules.correlation_shape import shape_problem
from hisn.rules.pack import Pack

RULES = rules_of(3)
FIELDS = ("U", "H", "N")

texts = st.sampled_from(("", "a", "A", "b", "1", "1.5", "-2", "0x10", "é\ud800"))
scalars = st.one_of(st.none(), st.integers(-3, 3), texts)
odd_cells = st.one_of(scalars, st.lists(scalars, max_size=2).map(tuple))
# Mostly few values, so that groups grow; sometimes odd ones, or none.
names = st.one_of(*[st.sampled_from(("a", "b"))] * 5, odd_cells)
numbers = st.one_of(*[st.integers(0, 3)] * 5, odd_cells)
OPS: tuple[CompareOp, ...] = ("eq", "neq", "lt", "lte", "gt", "gte")
ops = st.sampled_from(OPS)
odd_conditions: st.SearchStrategy[Mapping[CompareOp, int | str]] = st.dictionaries(
    ops, st.one_of(st.integers(-1, 5), st.sampled_from(("0.5", "1.25", "-0.75"))), min_size=1, max_size=2
)
usual_conditions: st.SearchStrategy[Mapping[CompareOp, int | str]] = st.integers(1, 4).map(
    lambda least: {"gte": least}
)
conditions: st.SearchStrategy[Mapping[CompareOp, int | str]] = st.one_of(
    usual_conditions, usual_conditions, odd_conditions
)
groups: st.SearchStrategy[list[str]] = st.one_of(
    st.just([]), st.just(["U"]), st.lists(st.sampled_from((*FIELDS, "Alias")), max_size=2, unique=True)
)
bare_marks = st.builds(
    Mark,
    rule=st.integers(0, 2),
    source=st.sampled_from(("s", "t", "u")),
    number=st.integers(1, 6),
    time=st.integers(0, 40).map(lambda half: half * SECOND // 2),
    fields=st.one_of(
        *[st.fixed_dictionaries({"U": names, "H": names, "N": numbers})] * 5,
        st.fixed_dictionaries({}, optional={"U": names, "H": names, "N": numbers}),
    ),
)
# A record has one asset, whichever rules hit it.
rule_marks = bare_marks.map(lambda each: replace(each, asset=f"{each.source}{each.number % 2}"))
KINDS: tuple[Kind, ...] = get_args(Kind)
kinds = st.sampled_from(KINDS)
# Sometimes a reference means two rules.
Target = int | Correlation | tuple[int, ...]


def name_of(target: Target) -> str:
    if isinstance(target, Correlation):
        return target.name
    return f"r{target[0] if isinstance(target, tuple) else target}"


@st.composite
def correlations(draw: st.DrawFn, below: Sequence[Correlation], number: int) -> Correlation:
    kind = draw(kinds)
    targets: list[Target] = [0, 1, 2, (0, 1), (2, 0), *below, *below[-1:]]
    places = st.sampled_from(range(len(targets)))
    chosen = draw(st.lists(places, min_size=1, max_size=3))
    references = [targets[place] for place in chosen]
    if kind != "temporal_ordered":
        references = list({name_of(target): target for target in references}.values())
    called = sorted({name_of(target) for target in references})
    more: dict[str, object] = {}
    condition = draw(conditions)
    if kind in ("temporal", "temporal_ordered"):
        which = draw(st.integers(0, 3))
        if which == 0:
            condition = {}
        elif which == 1:
            condition = {}
            more["expression"] = draw(expressions(called))
    elif kind == "value_count":
        more["fields"] = tuple(draw(st.lists(st.sampled_from((*FIELDS, "Alias")), min_size=1, max_size=2)))
    elif kind != "event_count":
        more["fields"] = (draw(st.sampled_from(("N", "N", "Alias"))),)
        if kind == "value_percentile":
            more["percentile"] = draw(st.sampled_from((0, 1, 50, 90, 99, 100)))
    aliases = {"Alias": {name: draw(st.sampled_from(FIELDS)) for name in called if draw(st.booleans())}}
    return correlation_of(
        RULES,
        kind,
        references,
        group_by=draw(groups),
        span_s=draw(st.sampled_from((1, 3, 10))),
        condition=condition,
        aliases=aliases if aliases["Alias"] else None,
        number=number,
        **more,
    )


def expressions(names: Sequence[str]) -> st.SearchStrategy[Presence]:
    seen: st.SearchStrategy[Presence] = st.sampled_from(names).map(Seen)
    return st.recursive(
        seen,
        lambda inner: st.one_of(
            inner.map(NotSeen),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: AllSeen(tuple(items))),
            st.lists(inner, min_size=1, max_size=3).map(lambda items: AnySeen(tuple(items))),
        ),
        max_leaves=4,
    )


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    made: list[Correlation] = []
    for number in range(draw(st.integers(1, 4))):
        each = draw(correlations(tuple(made), number))
        if not shape_problem(each):
            made.append(each)
    return with_correlations(RULES, *made)


marks = st.lists(
    rule_marks, min_size=2, max_size=30, unique_by=lambda each: (each.rule, each.source, each.number)
)


def in_one_go(pack: Pack, given_marks: Sequence[Mark], bounds: Bounds = PLENTY) -> list[Episode]:
    correlator = correlator_of(pack, bounds)
    correlator.add(blocks_of(given_marks))
    correlator.finish()
    return list(correlator.take())


@given(packs(), marks)
def test_all_at_once(pack: Pack, given_marks: list[Mark]) -> None:
    assert in_one_go(pack, given_marks) == correlate(pack, given_marks)


@given(packs(), marks, st.integers(1, 12))
def test_a_short_lookback(pack: Pack, given_marks: list[Mark], lookback: int) -> None:
    bounds = Bounds(lookback=lookback, waiting=ALL, named=ALL, held=ALL)
    assert in_one_go(pack, given_marks, bounds) == correlate(pack, given_marks, lookback)


@dataclass(frozen=True)
class Cuts:
    """Say how marks are given: mixed up within `late_s` seconds, so many at a time."""

    late_s: int
    keys: tuple[float, ...]
    sizes: tuple[int, ...]
    takes: tuple[bool, ...]
    dumps: tuple[bool, ...]


cuts = st.builds(
    Cuts,
    late_s=st.sampled_from((0, 2, 100)),
    keys=st.lists(st.floats(0, 1), min_size=1, max_size=9).map(tuple),
    sizes=st.lists(st.integers(1, 8), min_size=1, max_size=9).map(tuple),
    takes=st.lists(st.booleans(), min_size=1, max_size=7).map(tuple),
    dumps=st.lists(st.booleans(), min_size=1, max_size=5).map(tuple),
)


def piece_by_piece(
    pack: Pack, given_marks: Sequence[Mark], cut: Cuts, bounds: Bounds = PLENTY
) -> tuple[list[Episode], bytes]:
    """Give marks in pieces; return the last states of all episodes, and what is held in the end."""
    plan = compile_correlations(pack)
    correlator = Correlator(plan, bounds)
    keys = cycle(cut.keys)
    mixed = sorted(given_marks, key=lambda each: each.time + next(keys) * cut.late_s * SECOND)
    states: list[Episode] = []
    sizes, takes, dumps = cycle(cut.sizes), cycle(cut.takes), cycle(cut.dumps)
    while mixed:
        size = next(sizes)
        piece, mixed = mixed[:size], mixed[size:]
        correlator.add(blocks_of(piece))
        if mixed:
            correlator.advance(min(each.time for each in mixed) - 1)
        if next(takes):
            states += correlator.take()
        if next(dumps):
            data = correlator.dump()
            correlator = Correlator.load(plan, data, bounds)
            assert correlator.dump() == data
    correlator.advance(30 * SECOND)
    states += correlator.take()
    held = correlator.dump()
    correlator.finish()
    states += correlator.take()
    return latest(states), held


@given(packs(), marks, cuts)
def test_no_cut_and_no_order_within_lateness_shows(pack: Pack, given_marks: list[Mark], cut: Cuts) -> None:
    whole = Cuts(0, (0.0,), (len(given_marks),), (False,), (False,))
    expected, held = piece_by_piece(pack, given_marks, whole)
    assert expected == correlate(pack, given_marks)
    assert piece_by_piece(pack, given_marks, cut) == (expected, held)


@given(packs(), marks, cuts, st.integers(1, 12))
def test_no_cut_shows_in_a_short_lookback(
    pack: Pack, given_marks: list[Mark], cut: Cuts, lookback: int
) -> None:
    bounds = Bounds(lookback=lookback, waiting=ALL, named=ALL, held=ALL)
    expected = correlate(pack, given_marks, lookback)
    assert piece_by_piece(pack, given_marks, cut, bounds)[0] == expected
