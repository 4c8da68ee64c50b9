"""Run a program and say what it took: wall time, processor time, peak memory.

The figures are the operating system's own, for the program and all the processes it waited for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

MiB = 1024 * 1024
_SAMPLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Run:
    """Hold one run: seconds, `peak_bytes` of the largest process, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    exit_code: int
    output: bytes
    errors: str


@dataclass(frozen=True, slots=True)
class Series:
    """Hold repeated runs of one command."""

    runs: tuple[Run, ...]

    @property
    def best(self) -> Run:
        """Return the fastest run: noise of the machine only ever adds."""
        return min(self.runs, key=lambda run: run.wall_s)

    @property
    def median_s(self) -> float:
        """Return the median wall time in seconds."""
        return median(run.wall_s for run in self.runs)


class BenchError(Exception):
    """Say that a program that was to be measured failed."""


def run_once(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    allowed: frozenset[int] = frozenset({0}),
    cwd: Path | None = None,
) -> Run:
    """Run a command from a cold start. Raises BenchError on an exit code that is not `allowed`."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=os.environ | dict(env or {}),
            cwd=cwd,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        if process.returncode not in allowed:
            # What it said may name this machine's folders: it goes to the terminal, not to the report.
            print(*command, "\n", said[-2_000:], file=sys.stderr)
            raise BenchError(f"exit {process.returncode}")
        return Run(
            wall_s=wall_s,
            cpu_s=usage.ru_utime + usage.ru_stime,
            peak_bytes=usage.ru_maxrss * 1024,
            exit_code=process.returncode,
            output=output.read(),
            errors=said,
        )


def run_series(
    command: Sequence[str | Path],
    runs: int,
    *,
    env: Mapping[str, str] | None = None,
    allowed: frozenset[int] = frozenset({0}),
    cwd: Path | None = None,
) -> Series:
    """Run a command several times, each from a cold start (files stay in the system's cache)."""
    return Series(tuple(run_once(command, env=env, allowed=allowed, cwd=cwd) for _ in range(runs)))


class FamilyMemory:
    """Watch the memory of this program's children together (Linux; proportional set size)."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, sum(map(_share_of, _descendants(os.getpid()))))


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _share_of(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
