"""Show how far a long run has come: on standard error, only on a terminal, after one second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from hisn.present import wording
from hisn.present.i18n import _

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

PATIENCE_S = 1.0
"""Most runs are over before; a bar that flashes by tells nothing."""


class TerminalProgress:
    """Draw a bar with records, hits and rate once the run has lasted longer than `PATIENCE_S`."""

    def __init__(self, stream: TextIO, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._now_s = now_s
        self._began_s = now_s()
        self._total_bytes = 0
        self._size_bytes = 0
        self._records = 0
        self._hits = 0
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def start(self, total_bytes: int) -> None:
        """Say how many bytes there are to read (compressed size for archives; 0: unknown)."""
        self._total_bytes = total_bytes
        self._began_s = self._now_s()

    def advance(self, size_bytes: int, records: int, hits: int) -> None:
        """Say what one more batch gave."""
        self._size_bytes += size_bytes
        self._records += records
        self._hits += hits
        elapsed_s = self._now_s() - self._began_s
        if elapsed_s < PATIENCE_S:
            return
        if self._bar is None:
            self._open()
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                # Archives give more bytes than they have: never more than all of it.
                completed=min(self._size_bytes, self._total_bytes),
                description=self._description(elapsed_s),
            )

    def close(self) -> None:
        """Take the bar away: results follow."""
        if self._bar is not None:
            self._bar.stop()

    def _open(self) -> None:
        # Some 60 ms of import, paid only by runs that last.
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %", markup=False),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=Console(file=self._stream),
            transient=True,
        )
        self._task = self._bar.add_task("", total=self._total_bytes or None)
        self._bar.start()

    def _description(self, elapsed_s: float) -> str:
        return _("{records} records, {hits} hits, {rate} records a second").format(
            records=wording.number(self._records),
            hits=wording.number(self._hits),
            rate=wording.number(round(self._records / elapsed_s)),
        )


def open_progress(stream: TextIO | None = None) -> TerminalProgress | None:
    """Return a progress bar, or None where nobody watches."""
    stream = stream or sys.stderr
    return TerminalProgress(stream) if stream.isatty() else None
