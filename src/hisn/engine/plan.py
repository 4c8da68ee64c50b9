"""Compile a pack into what the engine needs to judge it, and nothing that people read."""

from __future__ import annotations

import msgspec

from hisn.errors import InputError
from hisn.rules.expr import Expr
from hisn.rules.pack import Pack, RuleSource


class PlannedRule(msgspec.Struct, frozen=True, array_like=True):
    """Hold what judging one rule needs."""

    logsource: RuleSource
    condition: Expr


class Plan(msgspec.Struct, frozen=True):
    """Hold the rules of a pack, in its order."""

    rules: tuple[PlannedRule, ...]


def compile_plan(pack: Pack) -> Plan:
    """Compile a pack."""
    return Plan(tuple(PlannedRule(rule.logsource, rule.condition) for rule in pack.rules))


def encode_plan(plan: Plan) -> bytes:
    """Return the plan as bytes for a local cache."""
    return msgspec.msgpack.encode(plan)


def decode_plan(data: bytes) -> Plan:
    """Read what `encode_plan` wrote. Raises InputError on anything else."""
    try:
        return msgspec.msgpack.decode(data, type=Plan)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError("E2150", f"the compiled rules cannot be read: {error}") from error
