"""Date the acts: after the states their authors had seen, before a quorum had seen theirs.

No single clock is trusted.  Of a quorum at most f witnesses lie, so among any f + 1 of their times
one is true: the (f+1)-th smallest is late enough to be a bound from above, the (f+1)-th largest
early enough to be one from below for the present.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from hisn.acts.statement import Head
from hisn.core.instant import MAX_INSTANT, format_instant, instant_of
from hisn.errors import VerificationError
from hisn.verify.logged import LoggedAct, State

After = tuple[str, int, int | None]
"""A state an act was made after: origin, size, and the second by which a quorum had seen it, or None."""


def shown_time(seconds: int) -> str:
    """Return a time in RFC 3339; one that is no time, which a witness can sign, as what it is."""
    micros = seconds * 1_000_000
    return format_instant(micros) if micros <= MAX_INSTANT else f"{seconds} s after 1970"


def states_seen(
    acts: Sequence[LoggedAct], states: Iterable[State], heads: Iterable[State]
) -> dict[int, tuple[After, ...]]:
    """Return by number of act those states of the pack that its author had seen.

    Raises VerificationError for a head that no act cites: it would date nothing, and only impress.
    """
    known = {_head(state): state.witnessed for state in states}
    cited = {head for act in acts for head in act.statement.header.seen}
    for head in map(_head, heads):
        if head not in cited:
            raise VerificationError("E3517", f"no act of the pack cites {head.origin} at {head.size}")
    return {
        act.number: tuple(
            (head.origin, head.size, known[head].before_s)
            for head in act.statement.header.seen
            if head in known
        )
        for act in acts
    }


def _head(state: State) -> Head:
    return Head(state.head.origin, state.head.size, state.head.root)


def is_overdue(deadline: str, states: Iterable[State]) -> bool:
    """Tell whether a deadline (RFC 3339 as acts have it, or "") had passed when a state was cosigned."""
    times = [state.witnessed.present_s for state in states]
    latest = max((time for time in times if time is not None), default=0)
    return bool(deadline) and latest * 1_000_000 > instant_of(datetime.fromisoformat(deadline))
