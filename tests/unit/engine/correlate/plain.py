"""Small correlations and marks for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from tests.unit.engine.plain import pack_of

from hisn.engine.correlate.correlator import Correlator
from hisn.engine.correlate.episode import Episode
from hisn.engine.correlate.plan import compile_correlations
from hisn.engine.correlate.reference import Mark
from hisn.engine.correlate.stream import Bounds
from hisn.engine.marks import MarkBlock
from hisn.rules.correlation import (
    Alias,
    Compare,
    CompareOp,
    Correlation,
    Kind,
    Reference,
    correlation_digest,
)
from hisn.rules.expr import Text
from hisn.rules.info import RuleInfo
from hisn.rules.pack import Pack

SECOND = 1_000_000
ALL = 1 << 40
PLENTY = Bounds(lookback=ALL, waiting=ALL, named=ALL, held=ALL)


def rules_of(count: int) -> Pack:
    return pack_of(*[Text("A", "equals", str(index)) for index in range(count)])


def correlation_of(
    pack: Pack,
    kind: Kind,
    references: Sequence[int | Correlation | tuple[int | Correlation, ...]],
    *,
    group_by: Sequence[str] = (),
    span_s: int = 10,
    condition: Mapping[CompareOp, int | str] | None = None,
    aliases: Mapping[str, Mapping[str, str]] | None = None,
    **more: Any,
) -> Correlation:
    """Return a correlation; the reference to rule 0 is called r0, to a correlation by its name."""
    named: list[Reference] = []
    for reference in references:
        targets = reference if isinstance(reference, tuple) else (reference,)
        digests = tuple(
            sorted(
                target.digest if isinstance(target, Correlation) else pack.rules[target].digest
                for target in targets
            )
        )
        first = targets[0]
        name = first.name if isinstance(first, Correlation) else f"r{first}"
        named.append(Reference(name=name, digests=digests))
    count = more.pop("number", 0)
    document = hashlib.sha256(repr((kind, named, group_by, span_s, condition, aliases, more, count)).encode())
    return Correlation(
        id=f"00000000-0000-0000-0001-{count:012d}",
        digest=correlation_digest(document.hexdigest(), named),
        document=document.hexdigest(),
        name=more.pop("name", f"c{count}"),
        path="c.yml",
        level="high",
        info=RuleInfo(title="c"),
        kind=kind,
        references=tuple(named),
        group_by=tuple(group_by),
        timespan_us=span_s * SECOND,
        aliases=tuple(
            Alias(name=name, fields=tuple(sorted(fields.items()))) for name, fields in (aliases or {}).items()
        ),
        condition=tuple(Compare(op, str(value)) for op, value in (condition or {}).items()),
        **more,
    )


def with_correlations(pack: Pack, *correlations: Correlation) -> Pack:
    return msgspec.structs.replace(pack, correlations=tuple(correlations))


def mark(rule: int, time_s: float, number: int, source: str = "s", /, **fields: Any) -> Mark:
    return Mark(rule, source, number, int(time_s * SECOND), fields)


def blocks_of(marks: Iterable[Mark]) -> list[MarkBlock]:
    """Return marks in blocks, as a scanner gives them: by rule, source and the fields they have."""
    by_kind: dict[tuple[int, str, str, tuple[str, ...]], list[Mark]] = {}
    for each in marks:
        kind = (each.rule, each.source, each.asset, tuple(sorted(each.fields)))
        by_kind.setdefault(kind, []).append(each)
    blocks: list[MarkBlock] = []
    for (rule, source, asset, names), members in by_kind.items():
        members.sort(key=lambda each: (each.time, each.number))
        blocks.append(
            MarkBlock(
                rule,
                source,
                asset,
                np.array([each.number for each in members], np.int64),
                np.array([each.time for each in members], np.int64),
                {name: [each.fields[name] for each in members] for name in names},
            )
        )
    return blocks


def correlator_of(pack: Pack, bounds: Bounds = PLENTY) -> Correlator:
    return Correlator(compile_correlations(pack), bounds)


def found(pack: Pack, marks: Iterable[Mark], bounds: Bounds = PLENTY) -> tuple[Episode, ...]:
    """Return the episodes, all marks given at once."""
    correlator = correlator_of(pack, bounds)
    correlator.add(blocks_of(marks))
    correlator.finish()
    return correlator.take()


def latest(states: Iterable[Episode]) -> list[Episode]:
    """Return the last state of each episode."""
    last = {(state.correlation, state.group, state.fired_us): state for state in states}
    return sorted(last.values(), key=lambda each: (each.correlation, each.fired_us, each.group))


def fired(episodes: Iterable[Episode]) -> list[tuple[int, tuple[str, ...], float, float, str]]:
    """Return (correlation, group, first and last firing in seconds, value)."""
    return [
        (
            each.correlation,
            tuple(text for _, text in each.group),
            each.fired_us / SECOND,
            each.last_us / SECOND,
            each.value,
        )
        for each in episodes
    ]


def opened(episode: Episode) -> Episode:
    return replace(episode, is_closed=False)
