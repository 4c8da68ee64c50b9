"""Make rules and hits for the tests of findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hisn.engine.hits import Decisive, HitBlock
from hisn.rules.expr import Expr, Text
from hisn.rules.pack import Rule, RuleInfo, RuleSource

HOUR_US = 3_600_000_000
NIGHT_US = 1_793_730_000_000_000
"""2026-11-03T18:20:00Z."""

CONTAINS = Text("CommandLine", "contains", "mimikatz")


def rule(at: int, level: str = "high", status: str = "test", condition: Expr = CONTAINS, **info: str) -> Rule:
    """Return a rule; `at` makes its id and digest."""
    return Rule(
        id=f"00000000-0000-4000-8000-{at:012d}",
        digest=f"{at:064x}",
        path=f"rule_{at}.yml",
        level=level,
        logsource=RuleSource(product="windows"),
        condition=condition,
        info=RuleInfo(
            title=info.get("title", f"Rule {at}"),
            author=info.get("author", "An author"),
            status=status,
            licence="DRL-1.1",
            tags=("attack.t1003.001", "attack.credential-access", "attack.T1059", "cve.2021-44228"),
            falsepositives=("Administrators who test their tools",),
        ),
    )


def why(value: str = "mimikatz.exe") -> tuple[Decisive, ...]:
    """Return one decisive test."""
    return (Decisive("CommandLine", "CommandLine|contains", "mimikatz", value),)


def block(
    at: int,
    hits: Sequence[tuple[int, int]],
    source: str = "a.evtx",
    asset: str = "EMS-01",
    value: str | None = None,
) -> HitBlock:
    """Return a block of (time, number) hits; what explains it names the first."""
    ordered = sorted(hits)
    return HitBlock(
        rule=at,
        source=source,
        asset=asset,
        numbers=np.array([number for _time, number in ordered], dtype=np.int64),
        times=np.array([time for time, _number in ordered], dtype=np.int64),
        why=why(value if value is not None else f"mimikatz {ordered[0]}"),
    )
