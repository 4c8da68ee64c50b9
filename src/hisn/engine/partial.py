"""Judge one record by one rule when only some of its fields are known: holds, does not, or unknown.

Three-valued logic (Kleene) over the reference: what is unknown here could be true or false in the
record, and the answer names the fields that would settle it.  With everything known it is
`reference.holds`; with less it never contradicts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from hisn.engine.reference import holds
from hisn.events.partial import NOTHING, RECORD, Answer, Needs, PartialRecord, kleene_and, kleene_not
from hisn.events.schema import texts_of
from hisn.rules.expr import (
    And,
    Const,
    Exists,
    Expr,
    FieldRef,
    Keyword,
    KeywordRegex,
    Network,
    Not,
    Null,
    Number,
    Or,
    Regex,
    Text,
    TimeOf,
    Wildcard,
)
from hisn.rules.pack import Rule

_HIDDEN_TEXT: Needs = frozenset({RECORD})


def judge_partial(
    rule: Rule, record: PartialRecord, raw_text: str | None, *, is_raw_known: bool
) -> tuple[bool | None, Needs]:
    """Tell whether a rule hits a record, its log source included; None with the fields that it takes."""
    source = rule.logsource
    looks = record.satisfies(product=source.product, category=source.category, service=source.service)
    return kleene_and([looks, Partial(record, raw_text, is_raw_known=is_raw_known).answer(rule.condition)])


class Partial:
    """Answer conditions about one record.

    `raw_text` is the line that keywords search, None where the record has none; unless `is_raw_known`
    nobody can tell.
    """

    def __init__(self, record: PartialRecord, raw_text: str | None = None, *, is_raw_known: bool) -> None:
        self._record = record
        self._raw_text = raw_text
        self._raw_needs = NOTHING if is_raw_known else _HIDDEN_TEXT

    def answer(self, condition: Expr) -> Answer:
        """Return whether a condition holds, None with what it needs where that is unknown."""
        match condition:
            case And(items):
                return kleene_and(self.answer(item) for item in items)
            case Or(items):
                return kleene_not(kleene_and(kleene_not(self.answer(item)) for item in items))
            case Not(item):
                return kleene_not(self.answer(item))
            case Const(value):
                return value, NOTHING
            case Exists(field):
                if field in self._record.hidden:
                    return True, NOTHING  # which fields there are is known, though not their values
                return self._known(condition, field)
            case Keyword() | KeywordRegex():
                return self._keyword(condition)
            case FieldRef(field, other):
                return self._reference(condition, field, other)
            case (
                Text(field)
                | Wildcard(field)
                | Regex(field)
                | Number(field)
                | Network(field)
                | TimeOf(field)
                | Null(field)
            ):
                return self._known(condition, field)
            case _:
                assert_never(condition)

    def _needs(self, field: str) -> Needs:
        """Return what it takes to know a field, nothing where it is known or known to be absent."""
        record = self._record
        if field in record.known:
            return NOTHING
        return record.hidden.get(field) or record.undecided.get(field) or record.otherwise

    def _known(self, condition: Expr, field: str) -> Answer:
        needs = self._needs(field)
        return (None, needs) if needs else (holds(condition, self._record.known), NOTHING)

    def _reference(self, condition: FieldRef, field: str, other: str) -> Answer:
        needs = self._needs(field) | self._needs(other)
        if not needs:
            return holds(condition, self._record.known), NOTHING
        for name in (field, other):
            if not self._needs(name) and not texts_of(self._record.known.get(name)):
                return False, NOTHING  # one side has no text: the other does not matter
        return None, needs

    def _keyword(self, condition: Keyword | KeywordRegex) -> Answer:
        """Look in what is known: one place is enough, and all must be known to say that there is none."""
        record = self._record
        if holds(condition, record.known, self._raw_text):
            return True, NOTHING
        needs = record.otherwise | self._raw_needs
        unknown: list[Mapping[str, Needs]] = [record.hidden, record.undecided]
        needs |= frozenset[str]().union(*(each for names in unknown for each in names.values()))
        return (None, needs) if needs else (False, NOTHING)
