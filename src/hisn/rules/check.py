"""Check conditions and correlations that come from a pack instead of our own hands."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence

from hisn.core import limits
from hisn.errors import InputError
from hisn.rules.correlation import Correlation, correlation_digest
from hisn.rules.correlation_shape import shape_problem, unsound_chains
from hisn.rules.expr import And, Expr, KeywordRegex, Network, Not, Or, Regex
from hisn.rules.regex import compile_re2

MAX_DEPTH = 128
"""Rules that we lower stay below half of it; deeper trees attack whatever walks them."""


def check_conditions(conditions: Iterable[Expr]) -> None:
    """Check depth, expressions and networks. Raises ValueError with the reason."""
    expressions: set[tuple[str, str]] = set()
    networks: set[str] = set()
    for condition in conditions:
        _collect(condition, expressions, networks)
    for pattern, flags in sorted(expressions):
        try:
            compile_re2(pattern, flags)
        except InputError as error:
            raise ValueError(error.message) from None
    for network in sorted(networks):
        ipaddress.ip_network(network)


def _collect(condition: Expr, expressions: set[tuple[str, str]], networks: set[str]) -> None:
    level: list[Expr] = [condition]
    for _ in range(MAX_DEPTH):
        below: list[Expr] = []
        for node in level:
            if isinstance(node, And | Or):
                below.extend(node.items)
            elif isinstance(node, Not):
                below.append(node.item)
            elif isinstance(node, Regex | KeywordRegex):
                expressions.add((node.pattern, node.flags))
            elif isinstance(node, Network):
                networks.add(node.network)
        if not below:
            return
        level = below
    raise ValueError(f"a condition is nested deeper than {MAX_DEPTH} levels")


def check_correlations(correlations: Sequence[Correlation], rules: Collection[str]) -> None:
    """Check what correlations refer to and ask for; `rules` are digests. Raises ValueError."""
    if len(correlations) > limits.MAX_CORRELATIONS:
        raise ValueError(f"more than {limits.MAX_CORRELATIONS} correlations")
    targets = {
        each.digest: {digest for reference in each.references for digest in reference.digests}
        for each in correlations
    }
    if sum(map(len, targets.values())) > limits.MAX_CORRELATION_REFERENCES:
        raise ValueError(f"correlations refer to more than {limits.MAX_CORRELATION_REFERENCES} rules")
    for each in correlations:
        if correlation_digest(each.document, each.references) != each.digest:
            raise ValueError("a correlation's digest is not that of what it refers to")
        if not targets[each.digest].issubset(targets.keys() | rules):
            raise ValueError("a correlation refers to a rule that is not in the pack")
        problem = shape_problem(each)
        if problem:
            raise ValueError(problem)
    if unsound_chains(targets):
        raise ValueError("correlations refer to one another in a circle, or in too long a chain")
