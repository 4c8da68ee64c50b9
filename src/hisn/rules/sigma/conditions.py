"""Parse conditions: ``selection and not 1 of filter_*`` (specification, section Condition).

Written by hand, in linear time and with bounded depth: pySigma's parser recurses, and a condition of
a thousand ``not`` ends in a RecursionError.  Operators are lower case, as the specification writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from hisn.core import limits
from hisn.rules.expr import Expr
from hisn.rules.logic import all_of, any_of, negate
from hisn.rules.sigma.refusal import CONDITION, LIMIT, RefusedError

_WORD = re.compile(r"\s*([()]|[^\s()]+)")
_OPERATORS = frozenset(("and", "or", "not"))
_QUANTIFIERS = frozenset(("1", "any", "all"))


def parse_condition(text: str, names: Iterable[str], lower: Callable[[str], Expr], line: int) -> Expr:
    """Return the expression of a condition; `lower` gives the one of a search identifier.

    Raises RefusedError for what is no condition, and for names that are not defined.
    """
    if len(text) > limits.MAX_CONDITION_CHARS:
        raise RefusedError(
            LIMIT, line, f"the condition is longer than {limits.MAX_CONDITION_CHARS} characters"
        )
    if "|" in text:
        raise RefusedError(
            CONDITION, line, "aggregations in conditions ('|') left Sigma; write a correlation rule instead"
        )
    parser = _Parser(_WORD.findall(text), tuple(names), lower, line)
    return parser.parse()


class _Parser:
    """Descend through ``or``, ``and``, ``not``, from the loosest to the tightest."""

    def __init__(
        self, words: list[str], names: tuple[str, ...], lower: Callable[[str], Expr], line: int
    ) -> None:
        self._words = words
        self._next = 0
        self._names = names
        self._lower = lower
        self._line = line
        self._depth = 0

    def parse(self) -> Expr:
        if not self._words:
            raise self._refused("the condition is empty")
        result = self._or()
        if self._peek():
            raise self._refused(f"'{self._peek()}' is not expected in the condition")
        return result

    def _refused(self, reason: str) -> RefusedError:
        return RefusedError(CONDITION, self._line, reason)

    def _peek(self) -> str:
        return self._words[self._next] if self._next < len(self._words) else ""

    def _take(self) -> str:
        word = self._peek()
        if not word:
            raise self._refused("the condition ends too early")
        self._next += 1
        return word

    def _or(self) -> Expr:
        items = [self._and()]
        while self._peek() == "or":
            self._next += 1
            items.append(self._and())
        return items[0] if len(items) == 1 else any_of(items)

    def _and(self) -> Expr:
        items = [self._not()]
        while self._peek() == "and":
            self._next += 1
            items.append(self._not())
        return items[0] if len(items) == 1 else all_of(items)

    def _not(self) -> Expr:
        negations = 0
        while self._peek() == "not":
            self._next += 1
            negations += 1
        result = self._operand()
        return negate(result) if negations % 2 else result

    def _operand(self) -> Expr:
        word = self._take()
        if word == "(":
            self._depth += 1
            if self._depth > limits.MAX_RULE_DEPTH:
                raise RefusedError(LIMIT, self._line, "the condition has too many nested brackets")
            result = self._or()
            if self._take() != ")":
                raise self._refused("a bracket of the condition is not closed")
            self._depth -= 1
            return result
        if word == ")" or word in _OPERATORS:
            raise self._refused(f"'{word}' is not expected in the condition")
        if self._peek() == "of":
            return self._selector(word)
        if word not in self._names:
            raise self._refused(f"the search identifier '{word}' is not defined")
        return self._lower(word)

    def _selector(self, quantifier: str) -> Expr:
        self._next += 1
        pattern = self._take()
        if quantifier not in _QUANTIFIERS:
            raise self._refused(
                f"'{quantifier} of' is no quantifier; Sigma has '1 of', 'any of' and 'all of'"
            )
        if pattern in _OPERATORS or pattern in ("(", ")"):
            raise self._refused(f"'{quantifier} of' needs 'them' or a name")
        names = select(pattern, self._names)
        if not names:
            raise self._refused(f"'{quantifier} of {pattern}' fits no search identifier")
        items = [self._lower(name) for name in names]
        return all_of(items) if quantifier == "all" else any_of(items)


def select(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern of a condition means.

    ``them`` and patterns leave out names that begin with an underscore, unless the pattern does.
    """
    pieces = ("*" if pattern == "them" else pattern).split("*")
    return [
        name
        for name in names
        if (pattern.startswith("_") or not name.startswith("_")) and _fits(name, pieces)
    ]


def _fits(name: str, pieces: list[str]) -> bool:
    if len(pieces) == 1:
        return name == pieces[0]
    first, *middle, last = pieces
    if len(name) < len(first) + len(last) or not name.startswith(first) or not name.endswith(last):
        return False
    place, end = len(first), len(name) - len(last)
    for piece in middle:
        found = name.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True
