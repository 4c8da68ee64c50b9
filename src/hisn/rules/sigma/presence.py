"""Parse conditions of words over rules: ``probing and (login or reset) and not blocked``.

Temporal correlations have them (pySigma's extended conditions).  As in conditions of rules,
operators are lower case, and ``not`` binds closer than ``and``, which binds closer than ``or``.
"""

from __future__ import annotations

import re

from hisn.core import limits
from hisn.rules.correlation import AllSeen, AnySeen, NotSeen, Presence, Seen
from hisn.rules.sigma.filters import canonical
from hisn.rules.sigma.refusal import CORRELATION_CONDITION, CORRELATION_LIMIT, RefusedError

_WORD = re.compile(r"\s*([()]|[^\s()]+)")
_OPERATORS = frozenset(("and", "or", "not"))
_MAX_BRACKETS = (limits.MAX_CORRELATION_DEPTH - 1) // 3 - 1
"""A bracket nests its content by up to three levels: ``or``, ``and``, ``not``."""


def parse_presence(text: str, line: int) -> Presence:
    """Return the condition. Raises RefusedError."""
    if len(text) > limits.MAX_CONDITION_CHARS:
        reason = f"the condition is longer than {limits.MAX_CONDITION_CHARS} characters"
        raise RefusedError(CORRELATION_LIMIT, line, reason)
    words = _WORD.findall(text)
    if sum(word not in _OPERATORS for word in words) > limits.MAX_CORRELATION_RULES:
        raise RefusedError(CORRELATION_LIMIT, line, "the condition has too many names and brackets")
    return _Parser(words, line).parse()


class _Parser:
    """Descend through ``or``, ``and``, ``not``, from the loosest to the tightest."""

    def __init__(self, words: list[str], line: int) -> None:
        self._words = words
        self._next = 0
        self._line = line
        self._depth = 0

    def parse(self) -> Presence:
        result = self._or()
        if self._peek():
            raise self._refused(f"'{self._peek()}' is not expected in the condition")
        return result

    def _refused(self, reason: str) -> RefusedError:
        return RefusedError(CORRELATION_CONDITION, self._line, reason)

    def _peek(self) -> str:
        return self._words[self._next] if self._next < len(self._words) else ""

    def _or(self) -> Presence:
        items = [self._and()]
        while self._peek() == "or":
            self._next += 1
            items.append(self._and())
        return items[0] if len(items) == 1 else AnySeen(tuple(items))

    def _and(self) -> Presence:
        items = [self._not()]
        while self._peek() == "and":
            self._next += 1
            items.append(self._not())
        return items[0] if len(items) == 1 else AllSeen(tuple(items))

    def _not(self) -> Presence:
        negations = 0
        while self._peek() == "not":
            self._next += 1
            negations += 1
        result = self._operand()
        return NotSeen(result) if negations % 2 else result

    def _operand(self) -> Presence:
        word = self._peek()
        self._next += 1
        if not word:
            raise self._refused("the condition ends too early")
        if word == "(":
            self._depth += 1
            if self._depth > _MAX_BRACKETS:
                raise RefusedError(
                    CORRELATION_LIMIT, self._line, "the condition has too many nested brackets"
                )
            result = self._or()
            if self._peek() != ")":
                raise self._refused("a bracket of the condition is not closed")
            self._next += 1
            self._depth -= 1
            return result
        if word == ")" or word in _OPERATORS:
            raise self._refused(f"'{word}' is not expected in the condition")
        if len(word) > limits.MAX_CORRELATION_NAME_CHARS:
            raise self._refused("the condition has a name that is too long")
        return Seen(canonical(word))
