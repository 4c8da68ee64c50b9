"""Say what a pack looks for, by log source, level and ATT&CK, and which of it our formats can feed."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from hisn.events.schema import Logsource
from hisn.rules.correlation import Correlation, chain_order, silenced
from hisn.rules.pack import LEVELS, Pack, Rule, RuleSource

_TECHNIQUE = re.compile(r"attack\.(t[0-9]{4}(?:\.[0-9]{3})?)")
_TACTIC = re.compile(r"attack\.([a-z]+(?:[-_][a-z]+)*)")


class SourceRow(msgspec.Struct, frozen=True, kw_only=True):
    """Count the rules of one log source; `served_by` names the kinds of sources that can feed them."""

    product: str | None
    category: str | None
    service: str | None
    rules: int
    served_by: tuple[str, ...]


class RulesCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the counts of a pack. Techniques and tactics count every rule that names them.

    `correlations_served` are those whose rules all have a log source that known formats can feed;
    `silent` rules are heard through correlations alone.  Levels, authors, tactics and techniques
    count correlations as well.
    """

    name: str
    digest: str
    rules: int
    served: int
    refused: int
    correlations: int
    correlations_served: int
    silent: int
    notes: int
    authors: int
    levels: dict[str, int]
    tactics: dict[str, int]
    techniques: dict[str, int]
    sources: tuple[SourceRow, ...]


def reach_of_mapping() -> dict[str, Logsource]:
    """Return for each kind of source the log sources that its records can ever belong to."""
    reach = {}
    for entry in files("hisn.events").joinpath("mappings").iterdir():
        if entry.name.endswith(".toml"):
            table = tomllib.loads(entry.read_text("utf-8"))
            reach[str(table.get("kind", entry.name.removesuffix(".toml")))] = _reach(table)
    return dict(sorted(reach.items()))


def _reach(table: Mapping[str, Any]) -> Logsource:
    found: dict[str, set[str]] = {"products": set(), "categories": set(), "services": set()}
    for part in (table, *table.get("rule", ())):
        for axis, names in found.items():
            names.update(part.get(axis, ()))
    for lookup in table.get("lookup", ()):
        for names in lookup["values"].values():
            found[lookup["adds"]].update(names)
    return Logsource(*(frozenset(names) for names in found.values()))


def served_by(source: RuleSource, reach: Mapping[str, Logsource]) -> tuple[str, ...]:
    """Return the kinds of sources whose records a rule for this log source can look at."""
    return tuple(
        kind
        for kind, logsource in reach.items()
        if logsource.satisfies(source.product, source.category, source.service)
    )


def cover(pack: Pack) -> RulesCoverage:
    """Return what a pack looks for."""
    reach = reach_of_mapping()
    sources = Counter(
        (rule.logsource.product, rule.logsource.category, rule.logsource.service) for rule in pack.rules
    )
    rows = tuple(
        SourceRow(
            product=product,
            category=category,
            service=service,
            rules=count,
            served_by=served_by(RuleSource(product=product, category=category, service=service), reach),
        )
        for (product, category, service), count in sorted(
            sources.items(), key=lambda item: (-item[1], *(part or "" for part in item[0]))
        )
    )
    everything: tuple[Rule | Correlation, ...] = (*pack.rules, *pack.correlations)
    levels = Counter(each.level for each in everything)
    return RulesCoverage(
        name=pack.name,
        digest=pack.digest,
        rules=len(pack.rules),
        served=sum(row.rules for row in rows if row.served_by),
        refused=len(pack.refused),
        correlations=len(pack.correlations),
        correlations_served=_served_correlations(pack, reach),
        silent=len(silenced(pack)),
        notes=len(pack.notes),
        authors=len({author.strip() for each in everything for author in each.info.author.split(",")} - {""}),
        levels={level: levels[level] for level in reversed(LEVELS) if levels[level]},
        tactics=_counted(everything, _TACTIC),
        techniques=_counted(everything, _TECHNIQUE),
        sources=rows,
    )


def _served_correlations(pack: Pack, reach: Mapping[str, Logsource]) -> int:
    fed = {rule.digest for rule in pack.rules if served_by(rule.logsource, reach)}
    rules = len(fed)
    for index in chain_order(pack.correlations):
        each = pack.correlations[index]
        if all(fed.issuperset(reference.digests) for reference in each.references):
            fed.add(each.digest)
    return len(fed) - rules


def _counted(everything: Iterable[Rule | Correlation], pattern: re.Pattern[str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in everything:
        names = {match[1] for tag in each.info.tags if (match := pattern.fullmatch(tag.lower()))}
        counts.update(name.replace("_", "-") if pattern is _TACTIC else name.upper() for name in names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
