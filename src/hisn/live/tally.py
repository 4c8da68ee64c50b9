"""Count, in any thread, what becomes of what senders bring."""

from __future__ import annotations

import threading
from collections import Counter

from hisn.live.piece import NoteKind, Unit
from hisn.live.stream import Notes


class Tally:
    """Count by kind, unit and reason (ours, so they are few). Calls from several threads are safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[NoteKind, Unit, str]] = Counter()

    def add(self, kind: NoteKind, count: int, unit: Unit, reason: str) -> None:
        """Count something."""
        with self._lock:
            self._counts[kind, unit, reason] += count

    def note(self, notes: Notes, source: str, now_us: int, offset: int) -> None:
        """Turn what was counted since the last call into notes."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for (kind, unit, reason), count in sorted(counts.items()):
            if count:
                notes.add(source, kind, now_us, count, unit, offset=offset, reason=reason)
