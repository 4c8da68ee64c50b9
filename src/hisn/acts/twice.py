"""Look through one log for an author who says two things under one number.

The number of an act is its index in the log.  So an act that stands where its number says needs no
memory; only one that stands elsewhere can be the second of two, of the act at that place or of
another misplaced one.  What is found here is a suspicion: whether both were signed, the caller checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hisn.acts.envelope import parse_envelope
from hisn.acts.statement import Header, parse_statement
from hisn.core.limits import MAX_MISPLACED_ACTS
from hisn.errors import VerificationError

_SAME = 16
"""Misplaced acts of one number that are compared with each other; without a cap they cost a square."""


@dataclass(slots=True)
class Lookout:
    """Take the entries of one log in their order, and name the places where an act may stand again.

    `misplaced` counts acts that stand elsewhere than their number says: they count nowhere.
    `unread` counts entries that are no acts.
    """

    entries: int = 0
    misplaced: int = 0
    unread: int = 0
    _places: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def add(self, leaf: bytes) -> tuple[int, ...]:
        """Return the places of acts that may have the number of this one, which is the next entry.

        Raises VerificationError (E3327) for a log with more misplaced acts than can be remembered.
        """
        index = self.entries
        self.entries += 1
        try:
            header = parse_statement(parse_envelope(leaf).payload).header
        except VerificationError:
            self.unread += 1
            return ()
        return () if header.seq == index else self._misplaced(index, header)

    def _misplaced(self, index: int, header: Header) -> tuple[int, ...]:
        self.misplaced += 1
        if self.misplaced > MAX_MISPLACED_ACTS:
            raise VerificationError(
                "E3327",
                f"more than {MAX_MISPLACED_ACTS:,} acts stand elsewhere than their numbers say",
                hint="no program of a member writes such a log; rely on nothing in it",
            )
        known = self._places.setdefault((header.actor, header.seq), [])
        found = tuple(known)
        if len(known) < _SAME:
            known.append(index)
        # One behind it that has this number stands where it belongs: it is looked at from here.
        return (header.seq, *found)
