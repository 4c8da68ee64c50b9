"""Verify that two statements exclude each other: the portable proof of a fork.

Whose word it is follows from the signatures alone.  No quorum is needed: a log answers for every
state that it signed, and an author for every act.
"""

from __future__ import annotations

from collections.abc import Sequence

from hisn.acts.statement import Statement
from hisn.errors import VerificationError
from hisn.unit.rosterdoc import Roster
from hisn.verify.logged import (
    ForkError,
    State,
    check_places,
    check_roots,
    fork_of_acts,
    open_act,
)
from hisn.verify.parts import Entry, ForkParts


def checkpoints_of(parts: ForkParts) -> tuple[bytes, bytes]:
    """Return the bytes of both sides' checkpoints."""
    first, second = (
        side.proof.checkpoint_bytes if isinstance(side, Entry) else side
        for side in (parts.first, parts.second)
    )
    return first, second


def find_contradiction(chain: Sequence[Roster], parts: ForkParts, states: tuple[State, State]) -> ForkError:
    """Return what two statements prove against their log or author. Raises VerificationError: nothing."""
    first, second = parts.first, parts.second
    try:
        check_roots(states)
        if isinstance(first, Entry) and isinstance(second, Entry):
            check_places([(first, states[0]), (second, states[1])])
    except ForkError as fork:
        return fork
    if isinstance(first, Entry) and isinstance(second, Entry):
        one, other = (
            open_act(chain, number, entry, state).statement
            for number, (entry, state) in enumerate(zip((first, second), states, strict=True))
        )
        if _place(one) == _place(other):
            return fork_of_acts(one.header.actor, one.header.seq)
    raise VerificationError(
        "E3541",
        "the two statements do not exclude each other",
        hint="a fork is two roots of one size, two entries at one index, or two acts with one number",
    )


def _place(statement: Statement) -> tuple[str, int]:
    return statement.header.actor, statement.header.seq
