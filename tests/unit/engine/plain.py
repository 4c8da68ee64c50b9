"""Small packs, records and mappings for tests, and a scanner that only loops the reference engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from hisn.engine import reference
from hisn.engine.hits import Decisive, HitBlock, runs_of
from hisn.engine.scan import Scan, Window
from hisn.events import mapping
from hisn.events.batch import NO_TIME, Block, Chunk
from hisn.events.schema import Cell, Layout, Logsource, texts_of
from hisn.rules.expr import Expr
from hisn.rules.pack import Pack, Rule, RuleInfo, RuleSource, digest_of

ANY_SOURCE = RuleSource()


def pack_of(*conditions: Expr, sources: Sequence[RuleSource] = ()) -> Pack:
    """Return a pack of rules with these conditions, in this order."""
    rules = []
    for index, condition in enumerate(conditions):
        digest = hashlib.sha256(str(index).encode()).hexdigest()
        source = sources[index] if sources else ANY_SOURCE
        info = RuleInfo(title=f"rule {index}")
        rules.append(
            Rule(
                id=f"00000000-0000-0000-0000-{index:012d}",
                digest=digest,
                path=f"{index}.yml",
                level="low",
                logsource=source,
                condition=condition,
                info=info,
            )
        )
    return Pack(name="test", digest=digest_of(tuple(rules)), rules=tuple(rules))


def mapping_of(toml: str = "", kind: str = "test") -> mapping.Mapping:
    """Return a mapping with one kind of records; without text every field has its own name only."""
    return mapping.Mapping({kind: toml.encode()})


@dataclass(frozen=True)
class Row:
    """Hold one record of a test."""

    fields: Mapping[str, Cell]
    constants: Mapping[str, Cell]
    number: int
    time: int = NO_TIME
    raw: bytes | str = "{}"


def rows_of(*records: Mapping[str, Cell], raws: Sequence[bytes | str] = ()) -> list[Row]:
    """Return rows for records, numbered from one, one second apart."""
    return [
        Row(record, {}, index + 1, index * 1_000_000, raws[index] if raws else json.dumps(index).join("{}"))
        for index, record in enumerate(records)
    ]


def chunk_of(rows: Iterable[Row], source: str = "s", kind: str = "test") -> Chunk:
    """Return a chunk with the rows in blocks by layout, as readers do."""
    by_layout: dict[Layout, list[Row]] = {}
    for row in rows:
        layout = Layout(kind, tuple(row.fields), tuple(row.constants.items()))
        by_layout.setdefault(layout, []).append(row)
    blocks = tuple(
        Block(
            layout,
            np.array([row.number for row in members], np.int64),
            np.array([row.time for row in members], np.int64),
            [[row.fields[name] for row in members] for name in layout.names],
            [row.raw for row in members],
        )
        for layout, members in by_layout.items()
    )
    return Chunk(source, kind, blocks, records=sum(len(block.numbers) for block in blocks))


def reference_scan(
    pack: Pack, records: mapping.Mapping, chunks: Sequence[Chunk], window: Window | None = None
) -> Scan:
    """Judge every record by every rule with the reference engine."""
    bounds = window or Window()
    hits: dict[tuple[int, str, str], list[tuple[int, int, Block, int]]] = {}
    seen: dict[Logsource, int] = {}
    presence: dict[str, list[int]] = {}
    outside: dict[str, int] = {}
    routes: dict[Logsource, list[tuple[int, Expr]]] = {}
    for chunk in chunks:
        for block, row in chunk.rows():
            time, number = int(block.times[row]), int(block.numbers[row])
            if not _is_inside(bounds, time):
                outside[chunk.source] = outside.get(chunk.source, 0) + 1
                continue
            shape = records.shape(block.layout)
            record = records.record(block, row)
            names = texts_of(record.get(shape.asset)) if shape.asset is not None else ()
            asset = shape.asset_constant
            if asset is None:
                asset = names[0] if names else ""
            seen[shape.logsource] = seen.get(shape.logsource, 0) + 1
            presence.setdefault(asset, []).append(time)
            if shape.logsource not in routes:
                routes[shape.logsource] = _route(pack, shape.logsource)
            raw_text = reference.raw_text_of(block.raws[row])
            for index, condition in routes[shape.logsource]:
                if reference.holds(condition, record, raw_text):
                    hits.setdefault((index, chunk.source, asset), []).append((time, number, block, row))
    blocks: list[HitBlock] = []
    for key in sorted(hits):
        found = sorted(hits[key], key=lambda hit: hit[:2])
        times = np.array([hit[0] for hit in found], np.int64)
        numbers = np.array([hit[1] for hit in found], np.int64)
        for low, high in runs_of(times):
            _, _, block, row = found[low]
            why = reference.trace(
                pack.rules[key[0]].condition,
                records.record(block, row),
                reference.raw_text_of(block.raws[row]),
            )
            blocks.append(HitBlock(*key, numbers[low:high], times[low:high], why))
    times_of = tuple((asset, np.array(sorted(presence[asset]), np.int64)) for asset in sorted(presence))
    return Scan(tuple(blocks), seen, times_of, outside)


def _is_inside(window: Window, time: int) -> bool:
    after = window.start is None or time >= window.start
    before = window.end is None or time < window.end
    return time == NO_TIME or (after and before)


def _route(pack: Pack, logsource: Logsource) -> list[tuple[int, Expr]]:
    return [
        (index, rule.condition)
        for index, rule in enumerate(pack.rules)
        if logsource.satisfies(rule.logsource.product, rule.logsource.category, rule.logsource.service)
    ]


PlainHit = tuple[int, str, str, list[int], list[int], tuple[tuple[str | Cell, ...], ...]]


def plain_hits(scan: Scan) -> list[PlainHit]:
    """Return hits that can be compared."""
    return [
        (
            hit.rule,
            hit.source,
            hit.asset,
            hit.numbers.tolist(),
            hit.times.tolist(),
            tuple(_plain(reason) for reason in hit.why),
        )
        for hit in scan.hits
    ]


def _plain(reason: Decisive) -> tuple[str | Cell, ...]:
    return astuple(reason)


def assert_same(fast: Scan, reference_scan: Scan) -> None:
    """Compare two scans hit by hit, and all that they say besides."""
    assert plain_hits(fast) == plain_hits(reference_scan)
    assert fast.seen == reference_scan.seen
    assert fast.outside_window == reference_scan.outside_window
    assert [(asset, times.tolist()) for asset, times in fast.presence] == [
        (asset, times.tolist()) for asset, times in reference_scan.presence
    ]
