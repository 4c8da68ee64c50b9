"""Arrange all tests of one field so that one pass over its distinct values answers them all.

A test that only looks at a value has an *id*, unique in its plan.  Tests with the same meaning
share one: texts are folded here, once.
"""

from __future__ import annotations

from typing import TypeAlias, assert_never

import msgspec

from hisn.engine.literals import gram_offsets
from hisn.engine.predicates import Parts, anywhere, fold_parts, folded
from hisn.rules.expr import Keyword, KeywordRegex, Network, Number, Regex, Text, TimeOf, Wildcard

ValueTest: TypeAlias = Text | Wildcard | Regex | Number | Network | TimeOf | Keyword | KeywordRegex

KEYWORDS = ""
"""Stands for the field of keywords: every value of the record and its text line."""
MIN_LITERAL_BYTES = 3
"""Shorter texts stand in almost every value: one `in` per value is cheaper than their matches."""


class FieldTests(msgspec.Struct, frozen=True, array_like=True):
    """Hold the tests of one field, by the way they are answered.

    `literals` are distinct folded texts in UTF-8, of at least `MIN_LITERAL_BYTES`, `grams` where
    the rarest stretch of each begins (see `literals.gram_offsets`).  `contains`, `starts` and
    `ends` give, for a literal's position in that list, the test that holds where it stands
    anywhere, first or last; `confirm` the tests that may hold where it stands at all.  `direct`
    tests are asked of every value, of `regexes` only candidates are looked for: programs ask
    for the rest.  `asked` holds every test that is asked by itself, `later` those of them that
    only programs ask, of values that matter.  `triggers` gives the rules that cannot hold unless
    one of such tests does.
    """

    equals: dict[str, int]
    equals_cased: dict[str, int]
    literals: tuple[bytes, ...]
    grams: tuple[int, ...]
    contains: dict[int, int]
    starts: dict[int, int]
    ends: dict[int, int]
    confirm: dict[int, tuple[int, ...]]
    direct: tuple[int, ...]
    regexes: tuple[int, ...]
    numbers: tuple[int, ...]
    networks: tuple[int, ...]
    times: tuple[int, ...]
    asked: dict[int, ValueTest]
    later: frozenset[int]
    triggers: dict[int, tuple[int, ...]]

    def regex_tests(self) -> tuple[Regex, ...]:
        """Return the expressions, in the order of `regexes`."""
        return tuple(test for test_id in self.regexes if isinstance(test := self.asked[test_id], Regex))


def canonical(test: ValueTest) -> ValueTest:
    """Return the one form of tests with the same meaning."""
    match test:
        case Text(field, op, value, cased):
            return Text(field, op, folded(value, cased=cased), cased)
        case Wildcard(field, parts, cased):
            return Wildcard(field, fold_parts(parts, cased=cased), cased)
        case Keyword((str(value),), cased):
            return Text(KEYWORDS, "contains", folded(value, cased=cased), cased)
        case Keyword(parts, cased):
            return Wildcard(KEYWORDS, anywhere(fold_parts(parts, cased=cased)), cased)
        case KeywordRegex(pattern, flags):
            return Regex(KEYWORDS, pattern, flags)
        case Regex() | Number() | Network() | TimeOf():
            return test
        case _:
            assert_never(test)


class FieldBuilder:
    """Collect the tests of one field."""

    def __init__(self) -> None:
        self._ids: dict[ValueTest, int] = {}
        self._triggers: dict[int, list[int]] = {}

    def add(self, test: ValueTest, next_id: int) -> int:
        """Return the id of a canonical test: its old one, or `next_id`."""
        return self._ids.setdefault(test, next_id)

    def trigger(self, test_id: int, rule: int) -> None:
        """Let a rule be evaluated where the test holds."""
        self._triggers.setdefault(test_id, []).append(rule)

    def later(self) -> frozenset[int]:
        """Return the tests that programs ask: expressions, and texts too short to look for in all values."""
        return frozenset(
            test_id
            for test, test_id in self._ids.items()
            if isinstance(test, Regex) or (test_id not in self._triggers and _is_direct(test))
        )

    def build(self) -> FieldTests:
        """Arrange what was added."""
        literals: dict[bytes, int] = {}
        equals: dict[bool, dict[str, int]] = {False: {}, True: {}}
        placed: dict[str, dict[int, int]] = {"contains": {}, "startswith": {}, "endswith": {}}
        confirm: dict[int, list[int]] = {}
        lists: dict[type, list[int]] = {Text: [], Regex: [], Number: [], Network: [], TimeOf: []}
        asked: dict[int, ValueTest] = {}
        for test, test_id in self._ids.items():
            if isinstance(test, Text) and test.op == "equals":
                equals[test.cased][test.value] = test_id
                continue
            if isinstance(test, Text | Wildcard):
                literal = _literal(test)
                if len(literal) >= MIN_LITERAL_BYTES:
                    index = literals.setdefault(literal, len(literals))
                    if isinstance(test, Text) and not test.cased and "\0" not in test.value:
                        placed[test.op][index] = test_id
                        continue
                    confirm.setdefault(index, []).append(test_id)
                elif test_id in self._triggers:
                    lists[Text].append(test_id)
            else:
                lists[type(test)].append(test_id)
            asked[test_id] = test
        return FieldTests(
            equals=equals[False],
            equals_cased=equals[True],
            literals=tuple(literals),
            grams=gram_offsets(tuple(literals)),
            contains=placed["contains"],
            starts=placed["startswith"],
            ends=placed["endswith"],
            confirm={index: tuple(ids) for index, ids in confirm.items()},
            direct=tuple(lists[Text]),
            regexes=tuple(lists[Regex]),
            numbers=tuple(lists[Number]),
            networks=tuple(lists[Network]),
            times=tuple(lists[TimeOf]),
            asked=asked,
            later=self.later(),
            triggers={test_id: tuple(rules) for test_id, rules in self._triggers.items()},
        )


def _is_direct(test: ValueTest) -> bool:
    if isinstance(test, Text) and test.op == "equals":
        return False
    return isinstance(test, Text | Wildcard) and len(_literal(test)) < MIN_LITERAL_BYTES


def _literal(test: Text | Wildcard) -> bytes:
    """Return a folded text that stands in every folded value for which the test holds: the longest.

    Without NUL: Hyperscan takes its patterns as C strings.
    """
    parts: Parts = (test.value,) if isinstance(test, Text) else test.parts
    texts = [text for part in parts if isinstance(part, str) for text in part.casefold().split("\0")]
    return max((text.encode("utf-8", "surrogatepass") for text in texts), key=len, default=b"")
