"""Verify that two statements exclude each other: the portable proof of a fork.

Whose word it is follows from the signatures alone.  No quorum is needed: a log answers for every
state that it signed, and an author for every act.
"""

from __future__ import annotations

from collections.abc import Sequence

from hisn.errors import VerificationError
from hisn.unit.roster import verify_epoch
from hisn.unit.rosterdoc import Charter, Roster
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
    # One act signed again says the same: a replay.
    if len(numbers) == 1 and acts[0].statement != acts[1].statement:
        ((actor, seq),) = numbers
        return ForkError("acts", {"actor": actor, "seq": seq})
    raise _nothing()


def find_roster_fork(charter: Charter, chain: Sequence[Roster], parts: ForkParts) -> ForkError:
    """Return what two epochs prove against the members who signed both. Raises VerificationError: nothing."""
    one, other = (verify_epoch(charter, chain, envelope) for envelope in parts.epochs)
    if one.document == other.document:
        raise _nothing()
    return ForkError("rosters", {"epoch": one.epoch, "names": ", ".join(sorted(one.signers & other.signers))})


def _nothing() -> VerificationError:
    return VerificationError(
        "E3541",
        "the two statements do not exclude each other",
        hint="a fork is two roots of one size, entries at one index, acts or epochs with one number",
    )
