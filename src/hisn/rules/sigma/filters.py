"""Read Sigma filters and put them on the rules they name (specification, Filters).

A rule with a filter holds where both hold, as in pySigma: to exclude, a filter's condition says
``not selection``.  A filter applies to a rule if it names it by id or name (or says ``any``) and
the rule's log source lies in the filter's.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from hisn.rules.pack import RuleSource
from hisn.rules.sigma.detection import Lowered, lower_section
from hisn.rules.sigma.documents import Map, Scalar, Sequence
from hisn.rules.sigma.metadata import read_logsource
from hisn.rules.sigma.placeholders import Placeholders
from hisn.rules.sigma.refusal import FILTER, RefusedError

_RESERVED = frozenset(("condition", "rules"))


@dataclass(frozen=True, slots=True)
class Filter:
    """Hold one filter. `rules` None: any rule of the log source."""

    digest: str
    path: str
    line: int
    logsource: RuleSource
    rules: frozenset[str] | None
    lowered: Lowered

    def covers(self, rule_id: str, name: str, source: RuleSource) -> bool:
        """Tell whether it applies to a rule."""
        if self.rules is not None and rule_id not in self.rules and (not name or name not in self.rules):
            return False
        mine = self.logsource
        return (
            mine.product in (None, source.product)
            and mine.category in (None, source.category)
            and mine.service in (None, source.service)
        )


def read_filter(root: Map, path: str, digest: str, placeholders: Placeholders) -> Filter:
    """Return the filter of a document. Raises RefusedError."""
    section = root.get("filter")
    line = root.line_of("filter")
    if not isinstance(section, Map):
        raise RefusedError(FILTER, line, "the filter is no mapping")
    condition = section.get("condition")
    if not isinstance(condition, Scalar):
        raise RefusedError(FILTER, section.line_of("condition"), "a filter needs exactly one condition")
    return Filter(
        digest=digest,
        path=path,
        line=root.line,
        logsource=read_logsource(root),
        rules=_references(section),
        lowered=lower_section(section, placeholders, _RESERVED),
    )


def _references(section: Map) -> frozenset[str] | None:
    node = section.get("rules")
    line = section.line_of("rules")
    if node is None:
        raise RefusedError(FILTER, line, "a filter needs 'rules': names or ids of rules, or 'any'")
    if isinstance(node, Scalar):
        if node.text.lower() == "any":
            return None
        node = Sequence(node.line, (node,))
    if not isinstance(node, Sequence):
        raise RefusedError(FILTER, line, "'rules' of a filter is no list")
    names = []
    for item in node.items:
        if not isinstance(item, Scalar):
            raise RefusedError(FILTER, item.line, "'rules' of a filter lists something that is no text")
        names.append(canonical(item.text))
    return frozenset(names) or None


def canonical(reference: str) -> str:
    """Return a reference to a rule in one form: UUIDs in lower case, names as they are."""
    try:
        return str(uuid.UUID(reference))
    except ValueError:
        return reference
