"""Judge distinct values: all tests of one field, once per value instead of once per record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import repeat
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hisn.engine.fieldtests import FieldTests
from hisn.engine.literals import FEW_LITERALS, FewLiterals, GramLiterals, Ints, LiteralFinder, distinct
from hisn.engine.predicates import (
    compare_numbers,
    compare_texts,
    compile_regex,
    encode_text,
    network_bounds,
    parse_address,
    parse_number,
    parse_time_parts,
    time_holds,
    wildcard_holds,
)
from hisn.engine.regexes import AllRegexes, RegexFinder
from hisn.rules.expr import Compare, Network, Number, Regex, Text, TimeOf, Wildcard

if TYPE_CHECKING:
    from hisn.engine.databases import Databases

Pairs: TypeAlias = tuple[list[int], list[int]]
"""Positions of texts and the ids of tests that hold for them, in step."""

Found: TypeAlias = dict[int, list[int]]

PIECE_CHARS = 4 * 1024 * 1024
"""Texts are searched for literals in pieces of about so many characters: a bound on matches held at once."""

_NONE = -1


class FieldJudge:
    """Judge texts of one field; made once for a plan, holds no text."""

    def __init__(self, tests: FieldTests, literals: LiteralFinder | None, regexes: RegexFinder) -> None:
        self._tests = tests
        self._literals = _LiteralTests(tests, literals) if literals else None
        self._checks = {test_id: _check(tests.asked[test_id]) for test_id in tests.direct}
        self._regexes = regexes
        self._numbers = _NumberTests(tests) if tests.numbers else None
        self._networks = _NetworkTests(tests) if tests.networks else None
        self._times = [(t, test) for t in tests.times if isinstance(test := tests.asked[t], TimeOf)]

    def judge(self, texts: Sequence[str]) -> Found:
        """Return the ids of the tests that hold, by the position of the text; most have none.

        Tests that only programs ask (see `ask`) are not among them.
        """
        folded = [text.casefold() for text in texts]
        held: Found = {}
        for rows, ids in self._all(texts, folded):
            for row, test_id in zip(rows, ids, strict=True):
                held.setdefault(row, []).append(test_id)
        return held

    def candidates(self, texts: Sequence[str]) -> tuple[Found, list[int]]:
        """Return the ids of the expressions that may hold, and the texts of which nothing is known.

        Both by the position of the text.  An expression that is in neither does not hold.
        """
        found: Found = {}
        unknown: list[int] = []
        regexes = self._tests.regexes
        if regexes:
            for row, text in enumerate(texts):
                positions = self._regexes.candidates(text, encode_text(text))
                if positions is None:
                    unknown.append(row)
                elif positions:
                    found[row] = [regexes[position] for position in positions]
        return found, unknown

    def ask(self, test_id: int, texts: Sequence[str]) -> bool:
        """Tell whether a test that is asked by itself holds for one of the texts."""
        check = self._checks.get(test_id)
        if check is None:
            check = self._checks[test_id] = _check(self._tests.asked[test_id])
        return any(check(text, text.casefold()) for text in texts)

    def _all(self, texts: Sequence[str], folded: Sequence[str]) -> Iterator[Pairs]:
        for table, asked in ((self._tests.equals, folded), (self._tests.equals_cased, texts)):
            if table:
                rows = [row for row, text in enumerate(asked) if text in table]
                yield rows, [table[asked[row]] for row in rows]
        if self._literals is not None:
            yield from self._literals.pairs(texts, folded)
        for test_id in self._tests.direct:
            check = self._checks[test_id]
            rows = [row for row, text in enumerate(folded) if check(texts[row], text)]
            yield rows, [test_id] * len(rows)
        if self._numbers is not None:
            yield self._numbers.pairs(texts)
        if self._networks is not None:
            yield self._networks.pairs(texts)
        if self._times:
            yield self._time_pairs(texts)

    def _time_pairs(self, texts: Sequence[str]) -> Pairs:
        rows: list[int] = []
        ids: list[int] = []
        for row, text in enumerate(texts):
            parts = parse_time_parts(text)
            if parts is not None:
                found = [test_id for test_id, test in self._times if time_holds(test, parts)]
                rows += repeat(row, len(found))
                ids += found
        return rows, ids


def make_judge(field: int, tests: FieldTests, databases: Databases | None) -> FieldJudge:
    """Make the judge of the field at a position of the plan, without `databases` by numpy and RE2 alone."""
    finder: LiteralFinder | None = None
    if tests.literals:
        if len(tests.literals) <= FEW_LITERALS:
            finder = FewLiterals(tests.literals)
        elif databases is not None:
            finder = databases.literals(field, tests.literals)
        else:
            finder = GramLiterals(tests.literals, tests.grams)
    regexes: RegexFinder = AllRegexes()
    if tests.regexes and databases is not None:
        regexes = databases.regexes(field, tests.regex_tests())
    return FieldJudge(tests, finder, regexes)


def _check(test: object) -> Callable[[str, str], bool]:
    """Return a function of (text, folded text) that asks one test by itself."""
    match test:
        case Text(_, op, value, True):
            return lambda text, _folded: compare_texts(op, text, value)
        case Text(_, "contains", value):
            return lambda _text, folded: value in folded
        case Text(_, op, value):
            return lambda _text, folded: compare_texts(op, folded, value)
        case Wildcard(_, parts, True):
            return lambda text, _folded: wildcard_holds(parts, text)
        case Wildcard(_, parts):
            return lambda _text, folded: wildcard_holds(parts, folded)
        case Regex(_, pattern, flags):
            search = compile_regex(pattern, flags)
            return lambda text, _folded: bool(search(encode_text(text)))
        case _:
            raise TypeError(f"not a test that is asked by itself: {test!r}")


class _LiteralTests:
    """Answer every test that has a literal, by the places where the literals stand."""

    def __init__(self, tests: FieldTests, finder: LiteralFinder) -> None:
        self._finder = finder
        count = len(tests.literals)
        self._sizes = np.fromiter(map(len, tests.literals), np.int64, count)
        self._contains = _by_position(tests.contains, count)
        self._starts = _by_position(tests.starts, count)
        self._ends = _by_position(tests.ends, count)
        self._confirm = {
            literal: [(test_id, _check(tests.asked[test_id])) for test_id in test_ids]
            for literal, test_ids in tests.confirm.items()
        }
        self._confirmed = np.zeros(count, np.bool_)
        self._confirmed[list(self._confirm)] = True

    def pairs(self, texts: Sequence[str], folded: Sequence[str]) -> Iterator[Pairs]:
        first = 0
        size = 0
        for row, text in enumerate(folded):
            size += len(text) + 1
            if size >= PIECE_CHARS:
                yield self._piece(texts, folded, first, row + 1)
                first, size = row + 1, 0
        if first < len(folded):
            yield self._piece(texts, folded, first, len(folded))

    def _piece(self, texts: Sequence[str], folded: Sequence[str], first: int, last: int) -> Pairs:
        piece = folded[first:last] if (first, last) != (0, len(folded)) else folded
        joined = "\n".join(piece)
        sizes = map(len, piece)
        if not joined.isascii():
            sizes = map(len, [text.encode("utf-8", "surrogatepass") for text in piece])
        value_ends = np.cumsum(np.fromiter(sizes, np.int64, len(piece)) + 1) - 1
        value_starts = np.concatenate((np.zeros(1, np.int64), value_ends[:-1] + 1))
        found, ends = self._finder.find(joined.encode("utf-8", "surrogatepass"))
        if not len(found):
            return [], []
        rows = np.searchsorted(value_starts, ends - 1, side="right") - 1
        starts = ends - self._sizes[found]
        # A literal may contain the line break between two values, or be spread over both.
        inside = (starts >= value_starts[rows]) & (ends <= value_ends[rows])
        found, rows, starts, ends = found[inside], rows[inside], starts[inside], ends[inside]
        at_start = starts == value_starts[rows]
        at_end = ends == value_ends[rows]
        ids = np.concatenate(
            (self._contains[found], self._starts[found[at_start]], self._ends[found[at_end]])
        )
        of_rows = np.concatenate((rows, rows[at_start], rows[at_end]))
        real = ids != _NONE
        held_rows, held_ids = _distinct(of_rows[real] + first, ids[real])
        pairs = (held_rows.tolist(), held_ids.tolist())
        if self._confirm:
            asked = self._confirmed[found]
            self._add_confirmed(_distinct(rows[asked] + first, found[asked]), texts, folded, pairs)
        return pairs

    def _add_confirmed(
        self, candidates: tuple[Ints, Ints], texts: Sequence[str], folded: Sequence[str], pairs: Pairs
    ) -> None:
        rows, ids = pairs
        for row, literal in zip(candidates[0].tolist(), candidates[1].tolist(), strict=True):
            for test_id, check in self._confirm[literal]:
                if check(texts[row], folded[row]):
                    rows.append(row)
                    ids.append(test_id)


def _by_position(ids: dict[int, int], count: int) -> Ints:
    table = np.full(count, _NONE, np.int64)
    table[list(ids)] = list(ids.values())
    return table


def _distinct(rows: Ints, ids: Ints) -> tuple[Ints, Ints]:
    """Return each (row, id) once: an attacker writes the same word a thousand times."""
    if len(rows) < 2:
        return rows, ids
    width = int(ids.max()) + 1
    keys = distinct(rows * width + ids)
    return keys // width, keys % width


class _NumberTests:
    def __init__(self, tests: FieldTests) -> None:
        self._equal: dict[Decimal, list[int]] = {}
        self._others: list[tuple[int, Compare, Decimal]] = []
        for test_id in tests.numbers:
            test = tests.asked[test_id]
            if not isinstance(test, Number) or (value := parse_number(test.value)) is None:
                raise ValueError(f"not a number: {test!r}")
            if test.op == "eq":
                self._equal.setdefault(value, []).append(test_id)
            else:
                self._others.append((test_id, test.op, value))

    def pairs(self, texts: Sequence[str]) -> Pairs:
        rows: list[int] = []
        ids: list[int] = []
        for row, text in enumerate(texts):
            number = parse_number(text)
            if number is not None:
                found = [
                    *self._equal.get(number, ()),
                    *(test_id for test_id, op, value in self._others if compare_numbers(op, number, value)),
                ]
                rows += repeat(row, len(found))
                ids += found
        return rows, ids


class _NetworkTests:
    """Answer networks: all of one prefix length by one look-up."""

    def __init__(self, tests: FieldTests) -> None:
        self._networks: dict[tuple[int, int], dict[int, list[int]]] = {}
        for test_id in tests.networks:
            test = tests.asked[test_id]
            if not isinstance(test, Network):
                raise TypeError(f"not a network: {test!r}")
            version, first, last = network_bounds(test)
            shift = (last - first).bit_length()
            table = self._networks.setdefault((version, shift), {})
            table.setdefault(first >> shift, []).append(test_id)

    def pairs(self, texts: Sequence[str]) -> Pairs:
        rows: list[int] = []
        ids: list[int] = []
        for row, text in enumerate(texts):
            address = parse_address(text)
            if address is None:
                continue
            for (version, shift), table in self._networks.items():
                found = table.get(address[1] >> shift) if version == address[0] else None
                if found:
                    rows += repeat(row, len(found))
                    ids += found
        return rows, ids
