"""Bring what many senders send into a spool, by one sync for all that waits at the time."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from hisn.core.limits import MiB
from hisn.errors import StorageError
from hisn.live.spool import Batch, Full, Spool
from hisn.live.stream import Notes

GROUP_BYTES = 4 * MiB
MAX_OFFERED_BYTES = 16 * MiB
"""Held of senders that cannot wait, while the disk is busy."""
_AGAIN_S = 0.2

Outcome = Literal["kept", "duplicate", "full", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class _Entry:
    batch: Batch
    done: Callable[[Outcome], None]
    can_wait: bool


class Committer:
    """Append in a thread of its own. Calls from several threads are safe."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._entries: deque[_Entry] = deque()
        self._offered = 0
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self.trouble: str | None = None
        """Why nothing can be kept now; senders who can wait do."""
        self._is_trouble_noted = False

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="hisn spool", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Keep what waits, if that is possible, and end."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread:
            self._thread.join()
            self._thread = None

    def note(self, notes: Notes, source: str, now_us: int) -> None:
        """Say once of a trouble that senders wait. To be called from one thread."""
        trouble = self.trouble
        if trouble and not self._is_trouble_noted:
            notes.add(source, "waiting", now_us, since_us=now_us, reason=trouble)
        self._is_trouble_noted = bool(trouble)

    def offer(self, lines: bytes, dropped: Callable[[], None]) -> bool:
        """Keep lines of a sender that cannot wait; False if there is no place, `dropped` if there was none.

        `dropped` is called in another thread.
        """
        with self._changed:
            if self._offered + len(lines) > MAX_OFFERED_BYTES:
                return False
            self._offered += len(lines)

        def done(outcome: Outcome) -> None:
            with self._changed:
                self._offered -= len(lines)
            if outcome != "kept":
                dropped()

        self.put(Batch(lines), done, can_wait=False)
        return True

    def put(self, batch: Batch, done: Callable[[Outcome], None], *, can_wait: bool) -> None:
        """Keep a batch, and call `done`, in another thread, when that is settled."""
        with self._changed:
            if not self._is_closing:
                self._entries.append(_Entry(batch, done, can_wait))
                self._changed.notify()
                return
        done("closed")

    async def keep(self, batch: Batch, *, can_wait: bool) -> Outcome:
        """Return when the batch is kept, or cannot be; one that can wait waits for a place."""
        loop = asyncio.get_running_loop()
        settled: asyncio.Future[Outcome] = loop.create_future()

        def settle(outcome: Outcome) -> None:
            if not settled.done():
                settled.set_result(outcome)

        def done(outcome: Outcome) -> None:
            try:
                loop.call_soon_threadsafe(settle, outcome)
            except RuntimeError:
                return  # The loop has ended: nobody waits any more.

        self.put(batch, done, can_wait=can_wait)
        return await settled

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if group is None:
                return
            try:
                kept = self._spool.append([entry.batch for entry in group])
            except Full as error:
                self._settle_without(group, "full", str(error))
            except StorageError as error:
                self._settle_without(group, "failed", error.message)
            else:
                self.trouble = None
                for entry, is_new in zip(group, kept, strict=True):
                    entry.done("kept" if is_new else "duplicate")

    def _next_group(self) -> list[_Entry] | None:
        group: list[_Entry] = []
        size = 0
        with self._changed:
            while not self._entries and not self._is_closing:
                self._changed.wait()
            while self._entries and (not group or size < GROUP_BYTES):
                group.append(self._entries.popleft())
                size += len(group[-1].batch.lines)
        return group or None

    def _settle_without(self, group: list[_Entry], outcome: Outcome, reason: str) -> None:
        self.trouble = reason
        waiting = [entry for entry in group if entry.can_wait]
        for entry in group:
            if not entry.can_wait:
                entry.done(outcome)
        with self._changed:
            if not self._is_closing:
                self._entries.extendleft(reversed(waiting))
                self._changed.wait_for(lambda: self._is_closing, _AGAIN_S)
                return
        for entry in waiting:
            entry.done("closed")
