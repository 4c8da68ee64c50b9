"""Refuse to cosign while this node may have forgotten what it has signed (port `Standing`).

A restored backup looks sound by itself, and its own log may not even be behind: only others know
that this node has signed more of their logs.  So before the first cosignature of a log, and again
after each hour, whoever may know is asked.  Who is away keeps nobody from cosigning; who is there
and shows this node's own signature on a state that it does not know of stops it, for every log.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

from hisn.app.recall import Recall, hold_all
from hisn.core.clock import Clock
from hisn.errors import StorageError
from hisn.node.holds import Hold, Holds

_AGAIN_US = 3_600 * 1_000_000
"""A machine that is set back as a whole does not start anew: its clock tells, or the next hour."""
_WHY = {
    Hold.RESTORED: "this node was restored and has forgotten what it signed; it must recover first",
    Hold.UNLEARNT: "this node was restored and has not learnt yet what it had signed of this log",
    Hold.FORKED: "this log has signed two histories",
}


class WitnessMemory:
    """Tell whether this node remembers what it has cosigned. Calls from several threads are safe.

    `recall` gives whom to ask by the roster in force, `own_refusal` what keeps the own log from being
    signed, and `say` is told of what was forgotten.
    """

    def __init__(
        self,
        recall: Callable[[], Recall],
        holds: Holds,
        clock: Clock,
        *,
        own_refusal: Callable[[], StorageError | None],
        say: Callable[[str, str], None],
    ) -> None:
        self._recall = recall
        self._holds = holds
        self._clock = clock
        self._own_refusal = own_refusal
        self._say = say
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._looked: dict[str, int] = {}

    def refusal(self, origin: str) -> str | None:
        """Return why nothing is signed of a log now, or None; may take seconds the first time."""
        if self._own_refusal():
            return _WHY[Hold.RESTORED]
        with self._turns[origin]:
            if self._holds.get(origin) is None and not self._is_fresh(origin):
                self._look(origin)
        hold = self._holds.get(origin)
        return _WHY[hold] if hold else None

    def _is_fresh(self, origin: str) -> bool:
        return 0 <= self._clock.now() - self._looked.get(origin, -_AGAIN_US) < _AGAIN_US

    def _look(self, origin: str) -> None:
        recall = self._recall()
        found = recall.forgotten(origin)
        if found:
            # What is true of one log is true of all of them: the register as a whole is old.
            hold_all(self._holds, recall.sources)
            self._say("forgotten", f"{origin}: {found.size}")
        self._looked[origin] = self._clock.now()
