"""Read correlation rules (specification 2.1, Correlation Rules) up to what they refer to.

pySigma validates; the lines, ranges of numbers (``gt: 100`` with ``lte: 200``) and conditions of
words are read here, since pySigma takes one comparison only and its parser of words recurses.
A key that the specification does not know refuses the rule: whatever it says would be ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, combinations
from typing import get_args

from hisn.core import limits
from hisn.core.proof_limits import MAX_NUMBER_CHARS
from hisn.rules.correlation import (
    TEMPORAL,
    AllSeen,
    AnySeen,
    Compare,
    CompareOp,
    Kind,
    NotSeen,
    Presence,
    Seen,
)
from hisn.rules.correlation_shape import holds_with, names_in
from hisn.rules.sigma.documents import Map, Node, Scalar, Sequence, data_of
from hisn.rules.sigma.filters import canonical
from hisn.rules.sigma.metadata import Metadata
from hisn.rules.sigma.presence import parse_presence
from hisn.rules.sigma.refusal import (
    CORRELATION,
    CORRELATION_CONDITION,
    CORRELATION_FIELDS,
    CORRELATION_LIMIT,
    TIMESPAN,
    RefusedError,
)
from hisn.rules.sigma.values import number_literal

_KEYS = frozenset(("type", "rules", "group-by", "timespan", "aliases", "condition", "generate"))
_OPS: tuple[CompareOp, ...] = get_args(CompareOp)
_KINDS: tuple[Kind, ...] = get_args(Kind)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|0x[0-9a-fA-F]+")
_MAX_TIMESPAN_CHARS = 16
_MAX_NAMES_TRIED = 10
"""Names of a condition of words for which every case is tried, to find one that cannot hold."""


@dataclass(frozen=True, slots=True)
class CorrelationDraft:
    """Hold a correlation before its references are resolved; each is (line, name as written)."""

    document: str
    path: str
    line: int
    head: Metadata
    kind: Kind
    references: tuple[tuple[int, str], ...]
    group_by: tuple[str, ...]
    timespan_us: int
    aliases: tuple[tuple[int, str, tuple[tuple[str, str], ...]], ...]
    fields: tuple[str, ...]
    percentile: int | None
    condition: tuple[Compare, ...]
    expression: Presence | None
    generate: bool


def read_correlation(root: Map, path: str, digest: str, head: Metadata) -> CorrelationDraft:
    """Return what a correlation says. Raises RefusedError."""
    section = root.get("correlation")
    line = root.line_of("correlation")
    if not isinstance(section, Map):
        raise RefusedError(CORRELATION, line, "the correlation is no mapping")
    for key, at, _ in section.entries:
        if key not in _KEYS:
            raise RefusedError(CORRELATION, at, f"'{key}' is no part of a Sigma correlation")
    kind = _kind(section)
    measure = _measure(section, kind)
    references = _references(section, measure.expression)
    draft = CorrelationDraft(
        document=digest,
        path=path,
        line=line,
        head=head,
        kind=kind,
        references=references if kind == "temporal_ordered" else _once(references),
        group_by=tuple(dict.fromkeys(_names(section, "group-by", CORRELATION_FIELDS))),
        timespan_us=_timespan_us(section),
        aliases=_aliases(section),
        fields=measure.fields,
        percentile=measure.percentile,
        condition=measure.condition,
        expression=measure.expression,
        generate=_generate(root, section),
    )
    _check_with_pysigma(root, section)
    return draft


def _check_with_pysigma(root: Map, section: Map) -> None:
    from sigma.correlations import SigmaCorrelationRule
    from sigma.exceptions import SigmaError

    line = root.line_of("correlation")
    said = {key: data_of(value) for key, _, value in section.entries}
    condition = said.get("condition")
    if isinstance(condition, str):
        # Its parser of words takes exponential time on brackets; ours has read them, or will.
        said |= {"condition": None, "rules": said.get("rules") or ["any"]}
    elif isinstance(condition, dict):
        first = [key for key in condition if key in _OPS][:1]
        kept = (*first, *(key for key in condition if key not in _OPS))
        said["condition"] = {key: condition[key] for key in kept}
    try:
        SigmaCorrelationRule.from_dict({"title": "any", "correlation": said})
    except SigmaError as error:
        raise RefusedError(CORRELATION, line, str(error)) from None
    except Exception as error:  # noqa: BLE001  pySigma assumes types that hostile YAML does not keep
        reason = f"pySigma cannot read the correlation: {type(error).__name__}"
        raise RefusedError(CORRELATION, line, reason) from None


def _kind(section: Map) -> Kind:
    text = _text(section.get("type"))
    for kind in _KINDS:
        if text.lower() == kind:
            return kind
    raise RefusedError(CORRELATION, section.line_of("type"), f"'{text}' is no type of correlation")


def _text(node: Node | None) -> str:
    return node.text.strip() if isinstance(node, Scalar) and node.kind is not type(None) else ""


def _generate(root: Map, section: Map) -> bool:
    """Return `generate`, which the specification places in the document and its examples in the section."""
    for place in (section, root):
        node = place.get("generate")
        if isinstance(node, Scalar) and node.kind is bool:
            return node.text.lower() in ("true", "yes", "on")
        if node is not None and _text(node):
            raise RefusedError(CORRELATION, place.line_of("generate"), "'generate' is neither true nor false")
    return False


def _timespan_us(section: Map) -> int:
    from sigma.correlations import SigmaCorrelationTimespan
    from sigma.exceptions import SigmaError

    text, line = _text(section.get("timespan")), section.line_of("timespan")
    try:
        seconds = SigmaCorrelationTimespan(text[:_MAX_TIMESPAN_CHARS]).seconds
    except SigmaError as error:
        raise RefusedError(TIMESPAN, line, str(error)) from None
    if seconds > limits.MAX_TIMESPAN_S or len(text) > _MAX_TIMESPAN_CHARS:
        days = limits.MAX_TIMESPAN_S // 86_400
        raise RefusedError(TIMESPAN, line, f"a time span of more than {days} days")
    return seconds * 1_000_000


def _names(section: Map, key: str, code: str) -> list[str]:
    return [name for _, name in _placed_names(section, key, code)]


def _placed_names(section: Map, key: str, code: str) -> list[tuple[int, str]]:
    node, line = section.get(key), section.line_of(key)
    items = node.items if isinstance(node, Sequence) else () if node is None else (node,)
    if isinstance(node, Scalar) and not _text(node):
        return []
    found = []
    for item in items:
        name = _text(item)
        if not name or len(name) > limits.MAX_CORRELATION_NAME_CHARS:
            raise RefusedError(code, item.line, f"'{key}' lists something that is no name")
        found.append((item.line, name))
    if len(found) > (limits.MAX_CORRELATION_RULES if key == "rules" else limits.MAX_CORRELATION_FIELDS):
        raise RefusedError(CORRELATION_LIMIT, line, f"'{key}' lists too many names")
    return found


def _references(section: Map, expression: Presence | None) -> tuple[tuple[int, str], ...]:
    placed = tuple((line, canonical(name)) for line, name in _placed_names(section, "rules", CORRELATION))
    if expression is None:
        if not placed:
            raise RefusedError(CORRELATION, section.line_of("rules"), "the correlation refers to no rule")
        return placed
    line = section.line_of("condition")
    asked = names_in(expression)
    if not placed:
        return tuple((line, name) for name in _in_order(expression))
    for at, name in placed:
        if name not in asked:
            reason = f"the condition says nothing of '{name}', which 'rules' lists"
            raise RefusedError(CORRELATION_CONDITION, at, reason)
    for name in sorted(asked - {name for _, name in placed}):
        reason = f"the condition asks for '{name}', which 'rules' does not list"
        raise RefusedError(CORRELATION_CONDITION, line, reason)
    return placed


def _in_order(expression: Presence) -> list[str]:
    found: dict[str, None] = {}
    stack = [expression]
    while stack:
        match stack.pop():
            case Seen(name):
                found[name] = None
            case NotSeen(item):
                stack.append(item)
            case AllSeen(items) | AnySeen(items):
                stack.extend(reversed(items))
    return list(found)


def _once(references: tuple[tuple[int, str], ...]) -> tuple[tuple[int, str], ...]:
    first: dict[str, int] = {}
    for line, name in references:
        first.setdefault(name, line)
    return tuple((line, name) for name, line in first.items())


def _aliases(section: Map) -> tuple[tuple[int, str, tuple[tuple[str, str], ...]], ...]:
    node, line = section.get("aliases"), section.line_of("aliases")
    if node is None or (isinstance(node, Scalar) and not _text(node)):
        return ()
    if not isinstance(node, Map):
        raise RefusedError(CORRELATION_FIELDS, line, "the aliases are no mapping")
    if len(node.entries) > limits.MAX_CORRELATION_FIELDS:
        raise RefusedError(CORRELATION_LIMIT, line, "too many aliases")
    found = []
    for name, at, fields in node.entries:
        if not isinstance(fields, Map) or not fields.entries:
            reason = f"the alias '{name}' needs lines 'rule: field'"
            raise RefusedError(CORRELATION_FIELDS, at, reason)
        pairs = [(canonical(rule), _text(field)) for rule, _, field in fields.entries]
        for text in (name, *chain.from_iterable(pairs)):
            if not text or len(text) > limits.MAX_CORRELATION_NAME_CHARS:
                reason = f"the alias '{name}' has a name or field that is none"
                raise RefusedError(CORRELATION_FIELDS, at, reason)
        found.append((at, name, tuple(pairs)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Measure:
    fields: tuple[str, ...] = ()
    percentile: int | None = None
    condition: tuple[Compare, ...] = ()
    expression: Presence | None = None


def _measure(section: Map, kind: Kind) -> _Measure:
    node, line = section.get("condition"), section.line_of("condition")
    if isinstance(node, Map):
        return _read_condition(node, kind)
    text = _text(node)
    if kind not in TEMPORAL:
        reason = f"{kind} needs a condition such as 'gte: 10'"
        raise RefusedError(CORRELATION_CONDITION, line, reason)
    if isinstance(node, Sequence):
        raise RefusedError(CORRELATION_CONDITION, line, "the condition is a list")
    if not text:
        return _Measure()
    expression = parse_presence(text, line)
    names = sorted(names_in(expression))
    if holds_with(expression, frozenset()):
        reason = "the condition holds where nothing happens at all"
        raise RefusedError(CORRELATION_CONDITION, line, reason)
    cases = chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))
    if len(names) <= _MAX_NAMES_TRIED and not any(holds_with(expression, set(case)) for case in cases):
        raise RefusedError(CORRELATION_CONDITION, line, "the condition can never hold")
    return _Measure(expression=expression)


def _read_condition(node: Map, kind: Kind) -> _Measure:
    compares: list[Compare] = []
    for key, line, value in node.entries:
        match key:
            case "eq" | "neq" | "lt" | "lte" | "gt" | "gte":
                compares.append(Compare(key, _number(key, value, line)))
            case "field" | "percentile":
                pass
            case _:
                reason = f"'{key}' is no part of a condition; it has {', '.join(_OPS)}, field, percentile"
                raise RefusedError(CORRELATION_CONDITION, line, reason)
    if not compares:
        reason = f"the condition compares with no number; it needs one of {', '.join(_OPS)}"
        raise RefusedError(CORRELATION_CONDITION, node.line, reason)
    return _Measure(fields=_fields(node, kind), percentile=_percentile(node, kind), condition=tuple(compares))


def _number(key: str, value: Node, line: int) -> str:
    text = _text(value)
    if len(text) > MAX_NUMBER_CHARS or not _NUMBER.fullmatch(text):
        raise RefusedError(CORRELATION_CONDITION, line, f"'{key}' needs a number, not '{text[:80]}'")
    try:
        return number_literal(text)
    except (ValueError, ArithmeticError) as error:
        raise RefusedError(CORRELATION_CONDITION, line, str(error)) from None


def _fields(node: Map, kind: Kind) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(_names(node, "field", CORRELATION_FIELDS)))
    line = node.line_of("field")
    if kind in ("event_count", *TEMPORAL):
        if names:
            raise RefusedError(CORRELATION_FIELDS, line, f"{kind} looks at no field")
    elif not names:
        raise RefusedError(CORRELATION_FIELDS, line, f"{kind} needs a 'field' in its condition")
    elif kind != "value_count" and len(names) > 1:
        # The specification does not say how to add up several fields.
        raise RefusedError(CORRELATION_FIELDS, line, f"{kind} takes one field, not {len(names)}")
    return names


def _percentile(node: Map, kind: Kind) -> int | None:
    text, line = _text(node.get("percentile")), node.line_of("percentile")
    if kind != "value_percentile":
        if text:
            raise RefusedError(CORRELATION_FIELDS, line, f"{kind} takes no percentile")
        return None
    if not text:
        reason = "value_percentile needs to say which one: 'percentile: 95'"
        raise RefusedError(CORRELATION_FIELDS, line, reason)
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:
        raise RefusedError(CORRELATION_FIELDS, line, f"the percentile '{text}' is no whole number up to 100")
    return int(text)
