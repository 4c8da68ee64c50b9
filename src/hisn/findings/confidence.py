"""Say how much a rule's word is worth: ``high``, ``moderate`` or ``low``.

The author's status decides: ``stable`` rules have proved themselves for a year (high), ``test``
rules only need tuning (moderate), everything else is ``experimental``, old or unsaid (low).
A rule that only looks for words anywhere in the record is one step less certain: the attacker, or
a colleague writing about him, can put the word there.
Source: Sigma specification 2.1, "Status".
"""

from __future__ import annotations

from hisn.rules.expr import And, Const, Expr, Keyword, KeywordRegex, Not, Or
from hisn.rules.pack import Rule

CONFIDENCES = ("low", "moderate", "high")
_BY_STATUS = {"stable": 2, "test": 1}


def confidence_of(rule: Rule) -> str:
    """Return the confidence in any finding of this rule."""
    step = _BY_STATUS.get(rule.info.status, 0)
    if _has_only_keywords(rule.condition):
        step -= 1
    return CONFIDENCES[max(step, 0)]


def confidence_of_status(status: str) -> str:
    """Return the confidence that an author's status gives by itself."""
    return CONFIDENCES[_BY_STATUS.get(status, 0)]


def _has_only_keywords(condition: Expr) -> bool:
    match condition:
        case And(items) | Or(items):
            return all(_has_only_keywords(item) for item in items)
        case Not(item):
            return _has_only_keywords(item)
        case Keyword() | KeywordRegex() | Const():
            return True
        case _:
            return False
