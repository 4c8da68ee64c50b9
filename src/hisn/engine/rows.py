"""Hold which rows of a group have which values; sets of rows are the bits of one integer.

Bit r of a mask stands for row r.  Python's integers make a mask of five rows as cheap as a
number, and one of 65,536 rows as fast as a loop in C.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from hisn.engine.domains import Domain
from hisn.engine.literals import distinct

Bools: TypeAlias = npt.NDArray[np.bool_]

FEW_ROWS = 64
"""Up to so many rows a loop is faster than numpy's calls."""


def mask_of(flags: Bools) -> int:
    """Return the mask of an array of flags."""
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def rows_of(mask: int, count: int) -> npt.NDArray[np.intp]:
    """Return the rows in a mask over `count` rows, ascending."""
    if mask.bit_count() <= 4:
        rows = []
        while mask:
            low = mask & -mask
            rows.append(low.bit_length() - 1)
            mask ^= low
        return np.array(rows, np.intp)
    data = np.frombuffer(mask.to_bytes((count + 7) // 8, "little"), np.uint8)
    return np.flatnonzero(np.unpackbits(data, count=count, bitorder="little"))


class FieldRows(Protocol):
    """Answer for one field of one group of rows."""

    def mask(self, ids: frozenset[int]) -> int:
        """Return the rows for which one of the tests holds."""
        ...

    def ask(self, test_id: int, within: int) -> int:
        """Return the rows among `within` for which a test holds that is asked by itself."""
        ...

    def holds(self, test_id: int, row: int) -> bool:
        """Tell whether a test holds for one row, be it judged or asked by itself."""
        ...

    def nulls(self) -> int:
        """Return the rows whose cell is null or has a null in it."""
        ...

    def add_rules(self, rules: set[int]) -> None:
        """Add the rules that some row's value triggers."""
        ...


class FewRows:
    """Answer for few rows, or for a constant: one mask per code."""

    __slots__ = ("_domain", "_masks")

    def __init__(self, domain: Domain, masks: dict[int, int]) -> None:
        self._domain = domain
        self._masks = masks

    @classmethod
    def of(cls, domain: Domain, codes: Iterable[int]) -> FewRows:
        """Make the masks of rows with these codes."""
        masks: dict[int, int] = {}
        bit = 1
        for code in codes:
            masks[code] = masks.get(code, 0) | bit
            bit <<= 1
        return cls(domain, masks)

    def mask(self, ids: frozenset[int]) -> int:
        """Return the rows for which one of the tests holds."""
        held = self._domain.held
        rows = 0
        for code, mask in self._masks.items():
            found = held.get(code)
            if found is not None and not found.isdisjoint(ids):
                rows |= mask
        return rows

    def ask(self, test_id: int, within: int) -> int:
        """Return the rows among `within` for which a test holds that is asked by itself."""
        rows = 0
        for code, mask in self._masks.items():
            if mask & within and self._domain.ask(test_id, code):
                rows |= mask
        return rows & within

    def holds(self, test_id: int, row: int) -> bool:
        """Tell whether a test holds for one row, be it judged or asked by itself."""
        code = next(code for code, mask in self._masks.items() if mask >> row & 1)
        return self._domain.holds(test_id, code)

    def nulls(self) -> int:
        """Return the rows whose cell is null or has a null in it."""
        nulls = self._domain.nulls
        rows = 0
        for code, mask in self._masks.items():
            if code in nulls:
                rows |= mask
        return rows

    def add_rules(self, rules: set[int]) -> None:
        """Add the rules that some row's value triggers."""
        by_code = self._domain.rules
        for code in self._masks:
            if code in by_code:
                rules.update(by_code[code])
        rules.update(self._domain.regex_rules)


class ManyRows:
    """Answer for many rows: an array of codes, and for each test the codes for which it holds."""

    __slots__ = ("_by_test", "_codes", "_domain", "_present")

    def __init__(self, domain: Domain, codes: npt.NDArray[np.int32]) -> None:
        self._domain = domain
        self._codes = codes
        self._present: list[int] | None = None
        self._by_test: dict[int, list[int]] | None = None

    def _distinct(self) -> list[int]:
        if self._present is None:
            self._present = np.flatnonzero(np.bincount(self._codes)).tolist()
        return self._present

    def _tests(self) -> dict[int, list[int]]:
        if self._by_test is None:
            self._by_test = {}
            held = self._domain.held
            for code in self._distinct():
                for test_id in held.get(code, ()):
                    self._by_test.setdefault(test_id, []).append(code)
        return self._by_test

    def mask(self, ids: frozenset[int]) -> int:
        """Return the rows for which one of the tests holds."""
        tests = self._tests()
        codes: list[int] = []
        if len(ids) <= len(tests):
            for test_id in ids:
                codes += tests.get(test_id, ())
        else:
            for test_id, found in tests.items():
                if test_id in ids:
                    codes += found
        return self._rows_with(codes)

    def _rows_with(self, codes: Sequence[int]) -> int:
        if not codes:
            return 0
        wanted = np.zeros(self._distinct()[-1] + 1, np.bool_)
        wanted[codes] = True
        return mask_of(wanted[self._codes])

    def ask(self, test_id: int, within: int) -> int:
        """Return the rows among `within` for which a test holds that is asked by itself."""
        codes = distinct(self._codes[rows_of(within, len(self._codes))]).tolist()
        return self._rows_with([code for code in codes if self._domain.ask(test_id, code)]) & within

    def holds(self, test_id: int, row: int) -> bool:
        """Tell whether a test holds for one row, be it judged or asked by itself."""
        return self._domain.holds(test_id, int(self._codes[row]))

    def nulls(self) -> int:
        """Return the rows whose cell is null or has a null in it."""
        nulls = self._domain.nulls
        return self._rows_with([code for code in self._distinct() if code in nulls]) if nulls else 0

    def add_rules(self, rules: set[int]) -> None:
        """Add the rules that some row's value triggers."""
        by_code = self._domain.rules
        for code in self._distinct():
            if code in by_code:
                rules.update(by_code[code])
        rules.update(self._domain.regex_rules)


class JoinedRows:
    """Answer for keywords: a test holds if it holds in any of several columns."""

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[FieldRows]) -> None:
        self._parts = parts

    def mask(self, ids: frozenset[int]) -> int:
        """Return the rows for which one of the tests holds."""
        rows = 0
        for part in self._parts:
            rows |= part.mask(ids)
        return rows

    def ask(self, test_id: int, within: int) -> int:
        """Return the rows among `within` for which a test holds that is asked by itself."""
        rows = 0
        for part in self._parts:
            rows |= part.ask(test_id, within & ~rows)
        return rows

    def holds(self, test_id: int, row: int) -> bool:
        """Tell whether a test holds for one row, be it judged or asked by itself."""
        return any(part.holds(test_id, row) for part in self._parts)

    def nulls(self) -> int:
        """Return no row: keywords have no null."""
        return 0

    def add_rules(self, rules: set[int]) -> None:
        """Add the rules that some row's value triggers."""
        for part in self._parts:
            part.add_rules(rules)
