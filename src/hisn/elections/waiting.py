"""Hold a site's minutes until no earlier ones can come: packed, and narrower where there are very many."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hisn.core import limits
from hisn.elections.minutes import GRADES, Bounds, Minute, join, narrow, pack, unpack


class WaitingMinutes(msgspec.Struct):
    """Hold minutes by number: each packed, with its number of cells.

    `grade` only rises.  Within one batch it depends on the set of minutes alone, for the number of
    cells only grows with more of them; so no order of arrival matters.
    """

    minutes: dict[int, tuple[bytes, int]] = {}
    cells: int = 0
    grade: int = 0

    @property
    def bounds(self) -> Bounds:
        """Return within what each minute is counted."""
        return GRADES[self.grade]

    def put(self, number: int, minute: Minute) -> None:
        """Put in (a part of) a minute."""
        if self.grade:
            minute = narrow(minute, self.bounds)
        known = self.minutes.get(number)
        if known is not None:
            minute = join(unpack(known[0]), minute, self.bounds)
            self.cells -= known[1]
        self._hold(number, minute)
        while self.cells > limits.MAX_MINUTE_CELLS and self.grade < len(GRADES) - 1:
            self.grade += 1
            self.cells = 0
            for each, (data, _) in self.minutes.items():
                self._hold(each, narrow(unpack(data), self.bounds))

    def last(self) -> int | None:
        """Return the number of the last minute; None where none waits."""
        return max(self.minutes, default=None)

    def requests(self) -> int:
        """Return how many requests wait."""
        return sum(unpack(data).whole.requests for data, _ in self.minutes.values())

    def take_before(self, number: int) -> Iterator[tuple[int, Minute]]:
        """Take out the minutes before the one of this number, in the order of time."""
        for each in sorted(each for each in self.minutes if each < number):
            data, cells = self.minutes.pop(each)
            self.cells -= cells
            yield each, unpack(data)

    def _hold(self, number: int, minute: Minute) -> None:
        cells = 1 + len(minute.endpoints)
        self.minutes[number] = (pack(minute), cells)
        self.cells += cells
