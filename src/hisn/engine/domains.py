"""Number the distinct values of fields and keep what was judged of them, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from hisn.engine.databases import Databases
from hisn.engine.fieldtests import FieldTests
from hisn.engine.judge import FieldJudge, make_judge
from hisn.engine.plan import Plan
from hisn.events.mapping import FieldView
from hisn.events.schema import Cell, texts_of

MAX_KEPT_VALUES = 1 << 17
MAX_KEPT_CHARS = 32 * 1024 * 1024
"""Judged values are kept from batch to batch up to so many and so long, then all are forgotten."""
MAX_KEPT_ANSWERS = 1 << 17


class _Codes(dict[Cell, int]):
    """Number cells in the order of their arrival."""

    def __missing__(self, cell: Cell) -> int:
        code = self[cell] = len(self)
        return code


class Domain:
    """Hold the distinct cells of one field, seen through one table, and the tests that hold for each.

    Everything but `codes` is by code and holds for cells that were there at the last `settle`.
    """

    __slots__ = (
        "_answers",
        "_candidates",
        "_cells",
        "_judge",
        "_later",
        "_regexes",
        "_rules_of",
        "_sets",
        "_triggers",
        "_unknown",
        "_view",
        "codes",
        "held",
        "kept_chars",
        "nulls",
        "regex_rules",
        "rules",
        "settled",
    )

    def __init__(self, judge: FieldJudge, tests: FieldTests, view: FieldView) -> None:
        self._judge = judge
        self._triggers = tests.triggers
        self._view = view
        self._cells: list[Cell] = []
        self._regexes = frozenset(tests.regexes)
        self._later = tests.later
        self._candidates: dict[int, frozenset[int]] = {}
        self._unknown: set[int] = set()
        self._sets: dict[frozenset[int], frozenset[int]] = {}
        self._rules_of: dict[frozenset[int], tuple[int, ...]] = {}
        self._answers: dict[tuple[int, int], bool] = {}
        self.codes = _Codes()
        self.held: dict[int, frozenset[int]] = {}
        """Ids of tests that hold; a code without any is absent."""
        self.rules: dict[int, tuple[int, ...]] = {}
        """Rules that may hold where this value stands."""
        self.regex_rules: frozenset[int] = frozenset()
        """Rules that may hold anywhere: for some value it is not known which expressions match."""
        self.nulls: set[int] = set()
        self.settled = 0
        self.kept_chars = 0

    def settle(self) -> None:
        """Judge the cells that arrived since the last time."""
        if self.settled == len(self.codes):
            return
        texts: list[str] = []
        owners: list[int] = []
        self._cells += islice(self.codes, self.settled, None)
        for code in range(self.settled, len(self._cells)):
            cell = self._cells[code]
            seen = self._view.see(cell)
            if isinstance(seen, str):
                texts.append(seen)
                owners.append(code)
                continue
            if seen is None or (isinstance(seen, tuple) and None in seen):
                self.nulls.add(code)
            found = texts_of(seen)
            texts += found
            owners += [code] * len(found)
        self.settled = len(self.codes)
        self.kept_chars += sum(map(len, texts))
        for position, ids in self._judge.judge(texts).items():
            code = owners[position]
            shared = self._shared(ids)
            self.held[code] = shared.union(self.held[code]) if code in self.held else shared
            self._trigger(code, shared)
        if self._regexes:
            self._screen(texts, owners)

    def _screen(self, texts: list[str], owners: list[int]) -> None:
        """Note which expressions may hold for which values; only those are asked."""
        candidates, unknown = self._judge.candidates(texts)
        for position, ids in candidates.items():
            code = owners[position]
            shared = self._shared(ids)
            known = self._candidates.get(code)
            self._candidates[code] = shared if known is None else shared.union(known)
            self._trigger(code, shared)
        if unknown:
            self._unknown.update(owners[position] for position in unknown)
            if not self.regex_rules:
                # Whatever such a value is, it may trigger them all: told once, not per value.
                rules = (rule for test_id in self._regexes for rule in self._triggers.get(test_id, ()))
                self.regex_rules = frozenset(rules)

    def ask(self, test_id: int, code: int) -> bool:
        """Tell whether a test that is asked by itself holds for a value."""
        if (
            test_id in self._regexes
            and code not in self._unknown
            and test_id not in self._candidates.get(code, ())
        ):
            return False
        key = (test_id, code)
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= MAX_KEPT_ANSWERS:
                self._answers.clear()
            answer = self._answers[key] = self._judge.ask(
                test_id, texts_of(self._view.see(self._cells[code]))
            )
        return answer

    def holds(self, test_id: int, code: int) -> bool:
        """Tell whether a test holds for a value, be it judged or asked by itself."""
        return test_id in self.held.get(code, ()) or (test_id in self._later and self.ask(test_id, code))

    def _shared(self, ids: Iterable[int]) -> frozenset[int]:
        """Return one set for all values with these tests: a flood of values is mostly one value varied."""
        found = frozenset(ids)
        return self._sets.setdefault(found, found)

    def _trigger(self, code: int, ids: frozenset[int]) -> None:
        rules = self._rules_of.get(ids)
        if rules is None:
            found = {rule for test_id in ids for rule in self._triggers.get(test_id, ())}
            rules = self._rules_of[ids] = tuple(sorted(found))
        if rules:
            self.rules[code] = (*self.rules[code], *rules) if code in self.rules else rules


class Domains:
    """Hold the domains of a plan's fields."""

    def __init__(self, plan: Plan, databases: Databases | None) -> None:
        """Take a plan and its Hyperscan databases, or None to do without Hyperscan."""
        self._plan = plan
        self._databases = databases
        self._judges: dict[int, tuple[FieldTests, FieldJudge]] = {}
        self._domains: dict[tuple[int, int], Domain] = {}

    def of(self, field: int, view: FieldView) -> Domain:
        """Return the domain of the field at a position of the plan, seen through the view's table."""
        # The domain keeps the view and so the table: its id cannot be given to another one.
        key = (field, 0 if view.table is None else id(view.table))
        domain = self._domains.get(key)
        if domain is None:
            if field not in self._judges:
                tests = self._plan.field_tests(field)
                self._judges[field] = tests, make_judge(field, tests, self._databases)
            tests, judge = self._judges[field]
            domain = self._domains[key] = Domain(judge, tests, view)
        return domain

    def settle(self) -> None:
        """Judge all cells that arrived."""
        for domain in self._domains.values():
            domain.settle()

    def settle_field(self, field: int) -> None:
        """Judge all cells of one field that arrived."""
        for (position, _), domain in self._domains.items():
            if position == field:
                domain.settle()

    def forget_if_large(self) -> None:
        """Forget all values once they are too many; call between batches only.

        An attacker who sends unique values makes us judge each of them, never keep them.
        """
        values = sum(len(domain.codes) for domain in self._domains.values())
        chars = sum(domain.kept_chars for domain in self._domains.values())
        if values > MAX_KEPT_VALUES or chars > MAX_KEPT_CHARS:
            self._domains.clear()
