"""Say which phase of an election an instant lies in.

What is ordinary depends on it: on election night a results site has twenty times its usual load.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from hisn.core.canon import Json, canonical
from hisn.core.instant import Instant, format_instant

PHASES = (
    "pre",
    "registration_close",
    "early_voting",
    "voting",
    "counting",
    "reporting",
    "canvass",
    "certified",
)
"""The names of phases, in the order in which they come; an election need not have all of them."""

OUTSIDE = ""
"""Stands for instants before the first phase."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Name a stretch of the calendar; it ends where the next one begins, the last one never."""

    name: str
    begins: Instant


@dataclass(frozen=True, slots=True)
class Polling:
    """Hold one opening of the polls: from `opens` up to, not including, `closes`."""

    opens: Instant
    closes: Instant


@dataclass(frozen=True)
class ElectionCalendar:
    """Hold the phases of one election and when its polls are open, both in order of time.

    `zone` is the IANA name of the zone of local times.  It is for showing: every instant here is
    absolute, so that no result depends on a machine's zone data.
    """

    election: str
    zone: str
    phases: tuple[Phase, ...]
    polling: tuple[Polling, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) over what the calendar says, whatever its file looks like."""
        content: dict[str, Json] = {
            "election": self.election,
            "zone": self.zone,
            "phases": [[phase.name, format_instant(phase.begins)] for phase in self.phases],
            "polling": [[format_instant(each.opens), format_instant(each.closes)] for each in self.polling],
        }
        return hashlib.sha256(canonical(content)).hexdigest()

    @cached_property
    def _begins(self) -> list[int]:
        return [phase.begins for phase in self.phases]

    def phase_at(self, instant: int) -> str:
        """Return the name of the phase; `OUTSIDE` before the first one."""
        at = bisect_right(self._begins, instant)
        return self.phases[at - 1].name if at else OUTSIDE

    def begins(self, name: str) -> Instant | None:
        """Return when a phase begins; None where the election does not have it."""
        return next((phase.begins for phase in self.phases if phase.name == name), None)

    def polls_are_open(self, instant: int) -> bool:
        """Tell whether the polls are open."""
        return any(each.opens <= instant < each.closes for each in self.polling)
