"""Lower a detection section: search identifiers, maps, lists, keywords."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hisn.core import limits
from hisn.rules.expr import Expr
from hisn.rules.logic import all_of, any_of, negate
from hisn.rules.sigma.conditions import parse_condition
from hisn.rules.sigma.documents import Map, Node, Scalar, Sequence
from hisn.rules.sigma.modifiers import Chain, apply_chain, parse_chain
from hisn.rules.sigma.placeholders import Placeholders
from hisn.rules.sigma.refusal import CONDITION, LIMIT, MALFORMED, VALUE, RefusedError
from hisn.rules.sigma.values import lower_value

_NO_MODIFIERS = Chain(())
_CONDITION = frozenset(("condition",))


class Detections:
    """Lower the search identifiers of one section, each of them once."""

    def __init__(self, section: Map, placeholders: Placeholders, skip: frozenset[str]) -> None:
        self._nodes: Mapping[str, tuple[int, Node]] = {
            name: (line, node) for name, line, node in section.entries if name not in skip
        }
        if not self._nodes:
            raise RefusedError(MALFORMED, section.line, "no search identifier is defined")
        if len(self._nodes) > limits.MAX_SEARCH_IDENTIFIERS:
            reason = f"more than {limits.MAX_SEARCH_IDENTIFIERS} search identifiers in one rule"
            raise RefusedError(LIMIT, section.line, reason)
        self._placeholders = placeholders
        self._done: dict[str, Expr] = {}
        self._sizes: dict[str, int] = {}
        self._atoms = 0
        self._used = 0
        self.has_placeholders = False

    @property
    def names(self) -> tuple[str, ...]:
        """Return the search identifiers in the order written."""
        return tuple(self._nodes)

    def lower_all(self) -> None:
        """Lower every search identifier, used or not: a mistake in any is a mistake. Raises RefusedError."""
        for name, (line, node) in self._nodes.items():
            before = self._atoms
            self._done[name] = self._definition(node, line)
            self._sizes[name] = self._atoms - before

    def use(self, name: str) -> Expr:
        """Return the expression of a search identifier for one place in a condition.

        Raises RefusedError where a short condition names so much so often that the whole grows
        beyond any use.
        """
        self._used += self._sizes[name]
        if self._used > limits.MAX_RULE_ATOMS:
            reason = f"the conditions stand for more than {limits.MAX_RULE_ATOMS} tests"
            raise RefusedError(LIMIT, self._nodes[name][0], reason)
        return self._done[name]

    def _definition(self, node: Node, line: int) -> Expr:
        if isinstance(node, Map):
            if not node.entries:
                raise RefusedError(MALFORMED, line, "the definition is empty")
            return all_of([self._entry(key, at, value) for key, at, value in node.entries])
        if isinstance(node, Sequence):
            if not node.items:
                raise RefusedError(MALFORMED, line, "the definition is empty")
            # One rule for plain lists (keywords) and lists of maps: its items are alternatives.
            return any_of([self._definition(item, item.line) for item in node.items])
        return self._values(None, _NO_MODIFIERS, (node,))

    def _entry(self, key: str, line: int, node: Node) -> Expr:
        field, *names = key.split("|")
        chain = parse_chain(names, line)
        if isinstance(node, Map):
            raise RefusedError(VALUE, line, f"'{key}' has a mapping for a value")
        items = node.items if isinstance(node, Sequence) else (node,)
        if not items:
            raise RefusedError(VALUE, line, f"'{key}' has an empty list of values")
        for item in items:
            if not isinstance(item, Scalar):
                raise RefusedError(VALUE, item.line, f"'{key}' has a list or mapping inside its list")
        return self._values(field or None, chain, tuple(item for item in items if isinstance(item, Scalar)))

    def _values(self, field: str | None, chain: Chain, scalars: tuple[Scalar, ...]) -> Expr:
        alternatives = []
        self.has_placeholders |= chain.is_expanded
        for scalar in scalars:
            values = apply_chain(chain, scalar, self._placeholders)
            self._atoms += len(values)
            if self._atoms > limits.MAX_RULE_ATOMS:
                raise RefusedError(LIMIT, scalar.line, f"more than {limits.MAX_RULE_ATOMS} tests in one rule")
            # What one value expands to are always alternatives, under `all` too.
            alternatives.append(any_of([lower_value(field, value, scalar.line) for value in values]))
        joined = all_of(alternatives) if chain.is_all else any_of(alternatives)
        return negate(joined) if chain.is_negated else joined


@dataclass(frozen=True, slots=True)
class Lowered:
    """Hold a section's condition, and whether the operator's placeholders are part of it."""

    condition: Expr
    has_placeholders: bool


def lower_section(section: Map, placeholders: Placeholders, skip: frozenset[str] = _CONDITION) -> Lowered:
    """Return the condition of a detection or filter section. Raises RefusedError.

    Several conditions are alternatives.
    """
    detections = Detections(section, placeholders, skip)
    detections.lower_all()
    return Lowered(_conditions(section, detections), detections.has_placeholders)


def _conditions(section: Map, detections: Detections) -> Expr:
    line = section.line_of("condition")
    node = section.get("condition")
    if node is None:
        raise RefusedError(CONDITION, line, "there is no condition")
    items = node.items if isinstance(node, Sequence) else (node,)
    conditions = []
    length = 0
    for item in items:
        if not isinstance(item, Scalar) or not item.text.strip():
            raise RefusedError(CONDITION, item.line, "a condition is not a text")
        length += len(item.text)
        if length > limits.MAX_CONDITION_CHARS:
            reason = f"the conditions are longer than {limits.MAX_CONDITION_CHARS} characters"
            raise RefusedError(LIMIT, item.line, reason)
        conditions.append(parse_condition(item.text, detections.names, detections.use, item.line))
    if not conditions:
        raise RefusedError(CONDITION, line, "there is no condition")
    return any_of(conditions)
