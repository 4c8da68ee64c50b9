"""Verify that two statements exclude each other: the portable proof of a fork.

Whose word it is follows from the signatures alone.  No quorum is needed: a log answers for every
state that it signed, and an author for every act.
"""

from __future__ import annotations

from collections.abc import Sequence

from hisn.errors import VerificationError
from hisn.unit.rosterdoc import Roster
from hisn.verify.logged import ForkError, State, check_places, check_roots, open_act
from hisn.verify.parts import ForkParts


def find_contradiction(chain: Sequence[Roster], parts: ForkParts, states: Sequence[State]) -> ForkError:
    """Return what two statements prove against their log or author. Raises VerificationError: nothing."""
    placed = list(zip(parts.entries, states, strict=False))
    try:
        check_roots(states)
        check_places(placed)
    except ForkError as fork:
        return fork
    acts = [open_act(chain, number, entry, state) for number, (entry, state) in enumerate(placed)]
    numbers = {(act.statement.header.actor, act.statement.header.seq) for act in acts}
    if len(numbers) == 1:
        ((actor, seq),) = numbers
        return ForkError("acts", {"actor": actor, "seq": seq})
    raise VerificationError(
        "E3541",
        "the two statements do not exclude each other",
        hint="a fork is two roots of one size, two entries at one index, or two acts with one number",
    )
