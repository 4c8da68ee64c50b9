"""Make packs with correlations by hand, as nobody but a forger would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hisn.rules.correlation import Compare, Correlation, Reference, correlation_digest
from hisn.rules.expr import Exists
from hisn.rules.info import RuleInfo
from hisn.rules.pack import Pack, Rule, RuleSource, digest_of


def rule(number: int) -> Rule:
    return Rule(
        id=f"00000000-0000-0000-0000-{number:012}",
        digest=f"{number:064}",
        path="a.yml",
        level="low",
        logsource=RuleSource(product="windows"),
        condition=Exists("A"),
        info=RuleInfo(title=f"Rule {number}"),
    )


def correlate(number: int, *targets: Rule | Correlation, **fields: Any) -> Correlation:
    references = tuple(Reference(name=f"r{at}", digests=(each.digest,)) for at, each in enumerate(targets))
    given: dict[str, Any] = {"references": references, "document": f"{number:x}".rjust(64, "c")} | fields
    defaults: dict[str, Any] = {
        "id": f"00000000-0000-0000-0000-{number:012}",
        "digest": correlation_digest(given["document"], given["references"]),
        "path": "c.yml",
        "level": "high",
        "info": RuleInfo(title=f"Correlation {number}"),
        "kind": "event_count",
        "timespan_us": 60_000_000,
        "condition": (Compare("gte", "2"),),
    }
    return Correlation(**(defaults | given))


def pack_of(rules: Iterable[Rule], correlations: Iterable[Correlation]) -> Pack:
    rules = tuple(rules)
    correlations = tuple(sorted(correlations, key=lambda each: (each.id, each.digest)))
    return Pack(name="p", digest=digest_of(rules, correlations), rules=rules, correlations=correlations)
